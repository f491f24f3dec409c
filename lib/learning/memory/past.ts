import type { Id, Json } from "../../values";
import { hashText } from "../features";
import type { Example } from "../types";

export interface PastPayment {
  paymentId: Id;
  text: string;
  categoryId: Id;
}

/** How many labelled payments are kept to show; the newest win. */
const LIMIT = 20_000;
/** Payments that are restored between two pauses: about a millisecond of work. */
const PAUSE_ROWS = 1_000;
/** How many of one counterparty are kept. */
const PER_KEY = 3;

/** Labelled payments that can be shown as the reason for a category: same account, same name, same first word. */
export class PastPayments {
  private entries: (PastPayment & { clean: string; account: string })[] = [];
  private readonly byAccount = new Map<number, number[]>();
  private readonly byName = new Map<number, number[]>();
  private readonly byFirst = new Map<number, number[]>();
  /** Made when it is first asked for: most models are only trained, or only asked. */
  private labels: Map<Id, Id> | undefined;

  /** Keep one; `clean` is the cleaned name of its counterparty. */
  add(example: Example, clean: string, categoryId: Id): void {
    this.put({
      paymentId: example.id,
      text: (example.text || example.description).slice(0, 80),
      categoryId,
      clean,
      account: example.counterpartyAccount ?? "",
    });
    if (this.entries.length > LIMIT * 2) this.rebuild(this.entries.slice(-LIMIT));
  }

  /** The newest category of a payment, when it is among those that are kept. */
  labelOf(paymentId: Id): Id | undefined {
    this.labels ??= new Map(this.entries.map((entry) => [entry.paymentId, entry.categoryId]));
    return this.labels.get(paymentId);
  }

  /** The nearest ones: same counterparty account first, then same name, then same first word; newest first. */
  nearest(example: Example, clean: string, limit = 3): PastPayment[] {
    const found = new Map<Id, PastPayment>();
    const take = (positions: number[] | undefined) => {
      for (let i = (positions?.length ?? 0) - 1; i >= 0 && found.size < limit; i--) {
        const { paymentId, text, categoryId } = this.entries[positions![i]!]!;
        if (paymentId !== example.id) found.set(paymentId, { paymentId, text, categoryId });
      }
    };
    if (example.counterpartyAccount) take(this.byAccount.get(hashText(example.counterpartyAccount)));
    take(this.byName.get(hashText(clean)));
    take(this.byFirst.get(hashText(firstWord(clean))));
    return [...found.values()];
  }

  serialise(): Json {
    return this.entries.slice(-LIMIT).map((e) => [e.paymentId, e.text, e.categoryId, e.clean, e.account]);
  }

  /** Payments as they were serialised; pauses between rows. */
  static *restore(json: Json): Generator<void, PastPayments> {
    const past = new PastPayments();
    for (const [index, row] of (json as string[][]).entries()) {
      if (index % PAUSE_ROWS === 0) yield;
      past.put({ paymentId: row[0]!, text: row[1]!, categoryId: row[2]!, clean: row[3]!, account: row[4]! });
    }
    return past;
  }

  private put(entry: PastPayment & { clean: string; account: string }): void {
    const position = this.entries.push(entry) - 1;
    this.labels?.set(entry.paymentId, entry.categoryId);
    if (entry.account !== "") remember(this.byAccount, hashText(entry.account), position);
    if (entry.clean === "") return;
    remember(this.byName, hashText(entry.clean), position);
    remember(this.byFirst, hashText(firstWord(entry.clean)), position);
  }

  private rebuild(entries: (PastPayment & { clean: string; account: string })[]): void {
    this.entries = [];
    this.labels = undefined;
    for (const map of [this.byAccount, this.byName, this.byFirst]) map.clear();
    for (const entry of entries) this.put(entry);
  }
}

function remember(map: Map<number, number[]>, key: number, position: number): void {
  const positions = map.get(key);
  if (!positions) map.set(key, [position]);
  else {
    positions.push(position);
    if (positions.length > PER_KEY) positions.shift();
  }
}

function firstWord(clean: string): string {
  const blank = clean.indexOf(" ");
  return blank < 0 ? clean : clean.slice(0, blank);
}
