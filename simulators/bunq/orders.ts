import type { Bank } from "./bank";
import type { NewRequest, NewTwinPayment } from "./types";

/** What may become a payment: payments for a later moment, and requests of others. */

export interface Scheduled {
  id: number;
  payment: NewTwinPayment;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface Request extends NewRequest {
  id: number;
  created: number;
  status: "PENDING" | "ACCEPTED" | "REJECTED";
}

export interface OrdersState {
  scheduled: Scheduled[];
  requests: Request[];
}

export class Orders {
  constructor(
    private readonly bank: Bank,
    readonly state: OrdersState = { scheduled: [], requests: [] },
  ) {}

  /** It is booked when the clock comes to it. */
  schedule(payment: NewTwinPayment, at: number): number {
    const id = 3_000_001 + this.state.scheduled.length;
    this.bank.add({ ...payment, scheduledId: id }, at, at);
    this.state.scheduled.push({ id, payment, at });
    return id;
  }

  request(request: NewRequest): Request {
    this.bank.accountId(request.account);
    const id = 4_000_001 + this.state.requests.length;
    const made: Request = { ...request, id, created: this.bank.clock(), status: "PENDING" };
    this.state.requests.push(made);
    return made;
  }

  /** bunq's id of the payment. */
  accept(id: number): number {
    const request = this.find(id);
    request.status = "ACCEPTED";
    const { account, amount, name, iban, description } = request;
    return this.bank.add({
      account,
      amount: -amount,
      name,
      ...(iban ? { iban } : {}),
      ...(description ? { description } : {}),
      bunqType: ["BUNQ", "REQUEST"],
    });
  }

  reject(id: number): void {
    this.find(id).status = "REJECTED";
  }

  find(id: number): Request {
    const found = this.state.requests.find((each) => each.id === id);
    if (found?.status !== "PENDING") throw new Error(`the twin has no request ${id} that waits`);
    return found;
  }
}
