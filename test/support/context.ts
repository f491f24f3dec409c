import type { StepContext } from "../../lib/runs";
import { openStore, storeFromUrl, type BankAccount, type Payment, type Store } from "../../lib/store";

/** A clock that tests move by hand; every reading is a millisecond later than the one before. */
export class TestClock {
  constructor(private ms = Date.parse("2026-03-01T12:00:00.000Z")) {}
  now = (): string => new Date(this.ms++).toISOString();
  advance(ms: number): void {
    this.ms += ms;
  }
}

/** A step context on a store, as the run ledger would make it. */
export function stepContext(
  store: Store,
  clock = new TestClock(),
  more: Partial<StepContext> = {},
): StepContext {
  return {
    store,
    runId: "run:test",
    signal: new AbortController().signal,
    progress: () => {},
    log: () => {},
    emit: async () => {},
    now: clock.now,
    ...more,
  };
}

let databases = 0;

/**
 * An empty store for a spec: in memory, or with `TALLYFLOW_TEST_MONGODB` (`mongodb://localhost:27017/`) a database of its
 * own on that server, which is then left there.
 */
export function memoryStore(): Promise<Store> {
  const server = process.env["TALLYFLOW_TEST_MONGODB"];
  return server
    ? storeFromUrl(`${server}tallyflow_test_${process.pid}_${databases++}`)
    : openStore({ kind: "sqlite", path: ":memory:" });
}

export const ACCOUNTS: BankAccount[] = [
  {
    id: "bank:1",
    source: "bank",
    iban: "NL91ABNA0417164300",
    name: "Current",
    currency: "EUR",
    timeZone: "Europe/Amsterdam",
  },
  {
    id: "bank:2",
    source: "bank",
    iban: "NL20INGB0001234567",
    name: "Savings",
    currency: "EUR",
    timeZone: "Europe/Amsterdam",
  },
];

export const MAPPING = [
  { bank: "NL91 ABNA 0417 1643 00", budget: "memory:a1" },
  { bank: "bank:2", budget: "memory:a2" },
];

/** A booked payment on the first account; parts may be replaced. */
export function payment(id: string, parts: Partial<Payment> = {}): Payment {
  return {
    id: `bank:${id}`,
    source: "bank",
    accountId: "bank:1",
    status: "booked",
    date: "2026-02-10",
    amount: -1000,
    currency: "EUR",
    counterparty: { name: `Shop ${id}` },
    description: `Card payment ${id}`,
    raw: null,
    fetchedAt: "2026-02-11T00:00:00.000Z",
    ...parts,
  };
}
