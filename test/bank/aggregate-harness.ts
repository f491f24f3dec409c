import assert from "node:assert/strict";
import { openGoCardless, openSimpleFin, type GoCardlessOptions, type SimpleFinOptions } from "../../lib/bank";
import {
  openStore,
  payments as paymentsOfStore,
  type BankAccount,
  type Payment,
  type Store,
} from "../../lib/store";
import type { BankProvider, PaymentPage } from "../../lib/bank";
import type { Json } from "../../lib/values";
import {
  startGoCardlessTwin,
  type GoCardlessTwin,
  type GoCardlessTwinOptions,
} from "../../simulators/gocardless";
import {
  startSimpleFinTwin,
  type SimpleFinTwin,
  type SimpleFinTwinOptions,
} from "../../simulators/simplefin";
import { makeHousehold, type Household } from "../../simulators/household";

/** What the specs of the aggregators share: a household, one clock for twin and provider, and stores that are closed. */

export const household = makeHousehold({ from: "2025-01-01", until: "2025-06-30" });

/** A clock that stands still until it is moved; sleep moves it. */
export class TestClock {
  readonly waits: number[] = [];
  ms: number;

  constructor(at: string) {
    this.ms = Date.parse(at);
  }

  readonly now = () => this.ms;
  readonly sleep = async (ms: number) => {
    this.waits.push(ms);
    this.ms += ms;
    await Promise.resolve();
  };

  days(days: number): void {
    this.ms += days * 86_400_000;
  }
}

/** Sets up a store and a clock before each test and closes everything after it. Call it inside `describe`. */
export function harness(at = "2025-06-15T12:00:00Z") {
  const own = {
    store: undefined as unknown as Store,
    clock: undefined as unknown as TestClock,
    goCardless,
    openGoCardless: connect,
    simpleFin,
    openSimpleFin: connectSimpleFin,
  };
  const twins: { stop(): Promise<void> }[] = [];

  async function goCardless(options: Partial<GoCardlessTwinOptions> = {}): Promise<GoCardlessTwin> {
    const linked = "tallyflow-gocardless-test";
    const twin = await startGoCardlessTwin({ household, now: own.clock.now, linked, ...options });
    twins.push(twin);
    return twin;
  }
  function connect(twin: GoCardlessTwin, options: Partial<GoCardlessOptions> = {}) {
    const { now, sleep } = own.clock;
    const { url, secretId, secretKey } = twin;
    const http = { now, sleep, ...options.http };
    return openGoCardless({ url, secretId, secretKey, store: own.store, ...options, http });
  }
  async function simpleFin(options: Partial<SimpleFinTwinOptions> = {}): Promise<SimpleFinTwin> {
    const twin = await startSimpleFinTwin({ household, now: own.clock.now, ...options });
    twins.push(twin);
    return twin;
  }
  function connectSimpleFin(twin: SimpleFinTwin, options: Partial<SimpleFinOptions> = {}) {
    const { now, sleep } = own.clock;
    const http = { now, sleep, ...options.http };
    const timeZone = "Europe/Amsterdam";
    return openSimpleFin({ accessUrl: twin.accessUrl, store: own.store, timeZone, ...options, http });
  }

  beforeEach(async () => {
    own.clock = new TestClock(at);
    own.store = await openStore({ kind: "sqlite", path: ":memory:" });
  });
  afterEach(async () => {
    await Promise.all(twins.splice(0).map((twin) => twin.stop()));
    await own.store.close();
  });
  return own;
}

/** Booked payments of the household that can be seen, from a date on. */
export function bookedOf(of: Household, account: string, until: number, since = "0000-00-00") {
  return of.payments.filter(
    (each) =>
      each.account === account &&
      each.status === "booked" &&
      each.date >= since &&
      Date.parse(each.instant) <= until,
  );
}

/** Read pages from a cursor, at most so many, storing each as the extract does. */
export async function readInto(
  store: Store,
  provider: BankProvider,
  account: BankAccount,
  cursor: Json = null,
  options: { pages?: number; since?: string } = {},
) {
  const pages: PaymentPage[] = [];
  const request = { cursor, ...(options.since ? { since: options.since } : {}) };
  for await (const page of provider.payments(account, request)) {
    await store.collection(paymentsOfStore).upsertMany(page.payments);
    pages.push(page);
    if (pages.length >= (options.pages ?? Infinity)) break;
  }
  return {
    pages,
    payments: pages.flatMap(({ payments }) => payments),
    errors: pages.flatMap(({ errors }) => errors),
    cursor: JSON.parse(JSON.stringify(pages.at(-1)?.cursor ?? cursor)) as Json,
  };
}

/** What the store holds of an account. */
export async function stored(store: Store, accountId: string): Promise<Payment[]> {
  const found: Payment[] = [];
  for await (const each of store
    .collection(paymentsOfStore)
    .scan({ index: "byAccount", equals: [accountId] }))
    found.push(each);
  return found;
}

/** Are these the same payments, each as often? Says which are not, and not all that are. */
export function assertSame(actual: readonly Essential[], expected: readonly Essential[]): void {
  const count = (rows: string[]) => {
    const counts = new Map<string, number>();
    for (const row of rows) counts.set(row, (counts.get(row) ?? 0) + 1);
    return counts;
  };
  const [found, wanted] = [count(essence(actual)), count(essence(expected))];
  const differ = [...new Set([...found.keys(), ...wanted.keys()])].filter(
    (row) => found.get(row) !== wanted.get(row),
  );
  const told = differ
    .slice(0, 5)
    .map((row) => `${row}: ${found.get(row) ?? 0} instead of ${wanted.get(row) ?? 0}`);
  assert.deepEqual(told, [], `${differ.length} differ`);
}

interface Essential {
  date: string;
  amount: number;
  description: string;
}

/** What is the same of a payment in the household and in the store, in an order that does not hang on ids. */
const essence = (rows: readonly { date: string; amount: number; description: string }[]) =>
  rows
    .map(({ date, amount, description }) => `${date} ${amount} ${description.trim().replace(/\s+/g, " ")}`)
    .sort();
