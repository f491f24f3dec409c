import { randomUUID } from "node:crypto";
import { ApiError } from "./errors";
import type { TwinBank, TwinSessionStatus } from "./types";

export interface TwinAuthorization {
  id: string;
  bank: TwinBank;
  validUntil: number;
  state: string;
  redirectUrl: string;
  psuType: string;
  /** Given once the person said yes; good for one session. */
  code?: string;
  used?: boolean;
}

export interface TwinSession {
  id: string;
  /** From 1. */
  number: number;
  bank: TwinBank;
  status: TwinSessionStatus;
  created: number;
  validUntil: number;
  /** uid -> the household's key of the account. */
  accounts: Map<string, string>;
}

const STATUS_ERRORS: Partial<Record<TwinSessionStatus, string>> = {
  EXPIRED: "EXPIRED_SESSION",
  CLOSED: "CLOSED_SESSION",
  REVOKED: "REVOKED_SESSION",
};

export class Sessions {
  readonly authorizations = new Map<string, TwinAuthorization>();
  readonly all: TwinSession[] = [];

  constructor(private readonly now: () => number) {}

  authorise(authorization: Omit<TwinAuthorization, "id">): TwinAuthorization {
    const made = { id: randomUUID(), ...authorization };
    this.authorizations.set(made.id, made);
    return made;
  }

  /** @throws ApiError for a code that is wrong or was used */
  open(code: string): TwinSession {
    const found = [...this.authorizations.values()].find((one) => one.code === code);
    if (!found) throw new ApiError(422, "WRONG_AUTHORIZATION_CODE", "Wrong authorization code provided");
    if (found.used) throw new ApiError(422, "ALREADY_AUTHORIZED", "Session is already authorized");
    found.used = true;
    const { bank, validUntil } = found;
    const session: TwinSession = {
      id: randomUUID(),
      number: this.all.length + 1,
      bank,
      status: "AUTHORIZED",
      created: this.now(),
      validUntil,
      accounts: new Map(bank.accounts.map((key) => [randomUUID(), key])),
    };
    this.all.push(session);
    return session;
  }

  /** @throws ApiError 404 */
  get(id: string): TwinSession {
    const found = this.all.find((session) => session.id === id);
    if (!found) throw new ApiError(404, "SESSION_DOES_NOT_EXIST", "No session found matching provided id");
    if (found.status === "AUTHORIZED" && found.validUntil <= this.now()) found.status = "EXPIRED";
    return found;
  }

  /**
   * The session that knows an account by this uid, when it may be read.
   * @throws ApiError 401, 404
   */
  ofAccount(uid: string): { session: TwinSession; account: string } {
    const found = this.all.find(({ accounts }) => accounts.has(uid));
    if (!found) throw new ApiError(404, "ACCOUNT_DOES_NOT_EXIST", "No account found matching provided id");
    const session = this.get(found.id);
    if (session.status !== "AUTHORIZED") {
      const error = STATUS_ERRORS[session.status] ?? "WRONG_SESSION_STATUS";
      throw new ApiError(error === "WRONG_SESSION_STATUS" ? 422 : 401, error, `Session is ${session.status}`);
    }
    return { session, account: session.accounts.get(uid)! };
  }
}
