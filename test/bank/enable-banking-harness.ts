import assert from "node:assert/strict";
import {
  openEnableBanking,
  type Consent,
  type EnableBanking,
  type EnableBankingOptions,
} from "../../lib/bank";
import { openStore, type BankAccount, type Store } from "../../lib/store";
import {
  startEnableBankingTwin,
  type EnableBankingTwin,
  type EnableBankingTwinOptions,
} from "../../simulators/enable-banking";
import { makeHousehold } from "../../simulators/household";

/** What the specs of the Enable Banking provider share: a household, a clock, twins and providers closed after each test. */

export const household = makeHousehold({ from: "2024-10-01", until: "2025-06-30" });
export const REDIRECT = "http://127.0.0.1:1880/tally/consent";
export const START = Date.parse("2025-07-01T10:00:00Z");

/** A clock that stands until it is moved on; sleep moves it. */
export function standingClock(at = START) {
  const clock = {
    at,
    waits: [] as number[],
    now: () => clock.at,
    sleep: async (ms: number) => {
      clock.waits.push(ms);
      clock.at += ms;
      await Promise.resolve();
    },
    hours(hours: number) {
      clock.at += hours * 3_600_000;
    },
    days(days: number) {
      clock.hours(days * 24);
    },
  };
  return clock;
}
export type StandingClock = ReturnType<typeof standingClock>;

/** Sets up a store before each test and closes everything after it. Call it inside `describe`. */
export function enableBankingHarness() {
  const harness = {
    store: undefined as unknown as Store,
    clock: standingClock(),
    start,
    connect,
    give,
    ready,
  };
  const twins: EnableBankingTwin[] = [];

  async function start(options: Partial<EnableBankingTwinOptions> = {}): Promise<EnableBankingTwin> {
    const { clock } = harness;
    const twin = await startEnableBankingTwin({ household, now: () => clock.at, ...options });
    twins.push(twin);
    return twin;
  }
  function connect(twin: EnableBankingTwin, options: Partial<EnableBankingOptions> = {}): EnableBanking {
    const { now, sleep } = harness.clock;
    const { url, applicationId, privateKey } = twin;
    const http = { now, sleep, ...options.http };
    return openEnableBanking({ url, applicationId, privateKey, store: harness.store, ...options, http });
  }
  /** The whole way of a consent. */
  async function give(
    twin: EnableBankingTwin,
    provider: EnableBanking,
    institution = "NL/Polderbank",
  ): Promise<Consent> {
    const state = "an unguessable word";
    const { url, reference } = await provider.begin({ institution, redirectUrl: REDIRECT, state });
    return provider.complete({ reference, query: await twin.control.consent(url) });
  }
  /** A twin, a provider and a consent for its first bank. */
  async function ready(
    options: Partial<EnableBankingTwinOptions> = {},
    more: Partial<EnableBankingOptions> = {},
  ) {
    const twin = await start(options);
    const provider = connect(twin, more);
    const consent = await give(twin, provider);
    return { twin, provider, consent, account: await accountNamed(provider, "Everyday") };
  }

  beforeEach(async () => {
    harness.clock = standingClock();
    harness.store = await openStore({ kind: "sqlite", path: ":memory:" });
  });
  afterEach(async () => {
    await Promise.all(twins.splice(0).map((twin) => twin.stop()));
    await harness.store.close();
  });
  return harness;
}

export async function accountNamed(provider: EnableBanking, name: string): Promise<BankAccount> {
  const found = (await provider.accounts()).find((account) => account.name === name);
  assert.ok(found, name);
  return found;
}
