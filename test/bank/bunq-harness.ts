import assert from "node:assert/strict";
import {
  openBunq,
  type BankProvider,
  type BunqBank,
  type BunqOptions,
  type PaymentPage,
} from "../../lib/bank";
import { openStore, type BankAccount, type Payment, type Store } from "../../lib/store";
import { TallyError, ownId, type Json } from "../../lib/values";
import { startBunqTwin, type BunqTwin, type BunqTwinOptions } from "../../simulators/bunq";
import { makeHousehold, type Household } from "../../simulators/household";

/** What the specs of the bunq provider share: a household, twins and providers that are closed after each test. */

export const household = makeHousehold({ from: "2024-10-01", until: "2025-06-30" });

/** A clock that only sleep moves on, so that no test waits and a slow machine changes nothing. */
export function fakeClock() {
  const began = Date.now();
  let skew = 0;
  const waits: number[] = [];
  return {
    waits,
    now: () => began + skew,
    sleep: async (ms: number) => {
      waits.push(ms);
      skew += ms;
      await Promise.resolve();
    },
  };
}

/** A clock that starts at an instant and moves when something sleeps or when it is told to. */
export function clockAt(instant: string) {
  let ms = Date.parse(instant);
  return {
    now: () => ms,
    sleep: async (by: number) => {
      ms += by;
      await Promise.resolve();
    },
  };
}

export function memoryKeys(text?: string) {
  const keys = {
    text,
    load: async () => Promise.resolve(keys.text),
    save: async (next: string) => {
      keys.text = next;
      await Promise.resolve();
    },
  };
  return keys;
}

export const bookedOf = (of: Household, account: string) =>
  of.payments.filter((each) => each.account === account && each.status === "booked");

/** Sets up a store before each test and closes everything after it. Call it inside `describe`. */
export function bunqHarness() {
  const harness = { store: undefined as unknown as Store, start, connect };
  const twins: BunqTwin[] = [];
  const providers: BankProvider[] = [];

  async function start(options: Partial<BunqTwinOptions> = {}): Promise<BunqTwin> {
    const twin = await startBunqTwin({ household, limits: "off", ...options });
    twins.push(twin);
    return twin;
  }
  function connect(twin: BunqTwin, options: Partial<BunqOptions> = {}): BunqBank {
    const { now, sleep } = fakeClock();
    const http = { now, sleep, ...options.http };
    const provider = openBunq({ apiKey: twin.apiKey, url: twin.url, store: harness.store, ...options, http });
    providers.push(provider);
    return provider;
  }

  beforeEach(async () => {
    harness.store = await openStore({ kind: "sqlite", path: ":memory:" });
  });
  afterEach(async () => {
    await Promise.all(providers.splice(0).map((provider) => provider.close()));
    await Promise.all(twins.splice(0).map((twin) => twin.stop()));
    await harness.store.close();
  });
  return harness;
}

export async function accountNamed(provider: BankProvider, name: string): Promise<BankAccount> {
  const found = (await provider.accounts()).find((account) => account.name === name);
  assert.ok(found, name);
  return found;
}

/** Pages from a cursor, at most so many. */
export async function read(
  provider: BankProvider,
  account: BankAccount,
  cursor: Json,
  pages = Infinity,
  since?: string,
) {
  const read: PaymentPage[] = [];
  if (pages > 0) {
    for await (const page of provider.payments(account, { cursor, ...(since ? { since } : {}) })) {
      read.push(page);
      if (read.length >= pages) break;
    }
  }
  return {
    payments: read.flatMap(({ payments }) => payments),
    errors: read.flatMap(({ errors }) => errors),
    cursor: read.length > 0 ? read.at(-1)!.cursor : cursor,
    pages: read.length,
  };
}

/** bunq's own ids, ascending. */
export const ids = (payments: Payment[]) => payments.map(({ id }) => Number(ownId(id))).sort((a, b) => a - b);

/** Is it a TallyError with this code and words? For `assert.rejects` and `assert.throws`. */
export const codeOf =
  (code: string, pattern = /./) =>
  (error: unknown) =>
    error instanceof TallyError && error.code === code && pattern.test(error.message);
