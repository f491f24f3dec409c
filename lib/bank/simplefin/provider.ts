import type { HttpClientOptions } from "../../http";
import type { BankAccount, Store } from "../../store";
import {
  TallyError,
  addDays,
  dayNumber,
  localDate,
  ownId,
  toTallyError,
  type CalendarDate,
} from "../../values";
import { earlier, later, planDays, quoted, readDayCursor, type DayCursor } from "../aggregate";
import type { BankProvider, PaymentPage, PaymentsRequest, RowError } from "../port";
import { sourceName } from "../source";
import { Pendings } from "../statements/pending";
import { readAccess } from "./claim";
import { SimpleFinConnection, type Answer, type Range } from "./connection";
import { accountOf, ownKey, paymentsOf, type MappingContext } from "./mapping";
import type { WireAccount, WireError } from "./wire";

export interface SimpleFinOptions {
  /** What `claimSimpleFin` gave: an address with credentials in it. A secret. */
  accessUrl: string;
  /** Name of the connection; `simplefin` when absent. */
  source?: string;
  /** IANA zone of the accounts' dates; SimpleFIN gives moments only. `America/New_York` when absent. */
  timeZone?: string;
  /** Keeps the quota. */
  store: Store;
  /** Requests a day; 24 when absent, which is what the bridge allows. */
  callsPerDay?: number;
  /** Days that one request spans, at most 60; 45 when absent, which every bridge allows. */
  windowDays?: number;
  /** How far back to read where no date is wanted; 365 days when absent. */
  historyDays?: number;
  /** Ask for pending payments too; on when absent. */
  pending?: boolean;
  /** Time-outs, retries, clock. */
  http?: Partial<HttpClientOptions>;
}

/** Days that are read again each time: banks post late. */
const OVERLAP_DAYS = 10;
/** A day more on either side of what is asked for: a day in the account's zone is not one in UTC. */
const SLACK_DAYS = 1;
const DAY_SECONDS = 86_400;
/** SimpleFIN asks the banks once a day: an older state with an error beside it is one that did not come through. */
const STALE_DAYS = 2;

/** Whole days, both included; the last one is open at its end. */
interface Window {
  from: CalendarDate;
  to: CalendarDate;
  last: boolean;
}

/**
 * A connection to a SimpleFIN server, such as the SimpleFIN bridge. Nothing is sent before the first call. One answer
 * holds all accounts, so that an extract of them costs one request once their history was read.
 *
 * @throws TallyError CONFIG_INVALID for what is no access URL with https://, bounds out of range, or a colon in the
 *   source's name
 */
export function openSimpleFin(options: SimpleFinOptions): BankProvider {
  const access = readAccess(options.accessUrl);
  if (!access) {
    throw new TallyError(
      "CONFIG_INVALID",
      "The access URL of SimpleFIN is missing or not of its form (https://name:password@server/path). Make a setup token at the SimpleFIN bridge and enter that.",
    );
  }
  const source = sourceName(options.source ?? "simplefin");
  const numbers = {
    callsPerDay: whole(options.callsPerDay ?? 24, "requests a day", 1, 1000),
    windowDays: whole(options.windowDays ?? 45, "days of one request", 4, 60),
    historyDays: whole(options.historyDays ?? 365, "days of history", 1, 3660),
  };
  const pending = options.pending ?? true;
  const connection = new SimpleFinConnection({
    access,
    store: options.store,
    callsPerDay: numbers.callsPerDay,
    pending,
    ...(options.http ? { http: options.http } : {}),
  });
  return new SimpleFin(connection, {
    ...numbers,
    pending,
    source,
    timeZone: options.timeZone ?? "America/New_York",
    store: options.store,
  });
}

function whole(value: number, what: string, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new TallyError("CONFIG_INVALID", `The ${what} must be a whole number from ${least} to ${most}.`);
}

interface Settings {
  source: string;
  timeZone: string;
  windowDays: number;
  historyDays: number;
  pending: boolean;
  store: Store;
}

class SimpleFin implements BankProvider {
  readonly kind = "simplefin";
  readonly listsPending: boolean;
  readonly #connection: SimpleFinConnection;
  readonly #settings: Settings;

  constructor(connection: SimpleFinConnection, settings: Settings) {
    this.#connection = connection;
    this.#settings = settings;
    this.listsPending = settings.pending;
  }

  get source(): string {
    return this.#settings.source;
  }

  get calls(): number {
    return this.#connection.calls;
  }

  async accounts(signal?: AbortSignal): Promise<BankAccount[]> {
    const { set } = await this.#connection.accounts(this.#recent().range, signal);
    const context = this.#context();
    const accounts: BankAccount[] = [];
    for (const wire of set.accounts) {
      try {
        accounts.push(accountOf(wire, context));
      } catch (thrown) {
        const error = toTallyError(thrown);
        if (error.code !== "MONEY_INVALID") throw error;
        const text = `The account ${wire.name} cannot be read: ${error.message}`;
        if (!set.refused.includes(text)) set.refused.push(text);
      }
    }
    return accounts;
  }

  async *payments(
    account: BankAccount,
    request: PaymentsRequest,
  ): AsyncGenerator<PaymentPage, void, undefined> {
    const { since, signal } = request;
    const context = this.#context();
    const today = localDate(context.now, account.timeZone);
    const wanted = since ?? addDays(today, -this.#settings.historyDays);
    const plan = planDays(readDayCursor(request.cursor), wanted, today, OVERLAP_DAYS);
    const recent = this.#recent();
    const newest = await this.#connection.accounts(recent.range, signal);
    const shown = wireOf(newest, account);
    if (!shown) throw gone(account, newest);
    const known = reachOf(shown, newest, account, today);
    const reach = known === undefined ? today : later(plan.done ?? plan.filled, known);

    const settling = new Pendings(account, this.source, this.#settings.store);
    let through = plan.done;
    for (const window of this.#windows(plan.from, recent)) {
      // Days that the bank has not given to the server yet are asked for when it has.
      if (!window.last && window.from > reach) continue;
      const answer = window.last ? newest : await this.#connection.accounts(rangeOf(window), signal);
      const wire = wireOf(answer, account);
      const { payments, errors } = wire ? paymentsOf(wire, account, context) : { payments: [], errors: [] };
      const first = later(window.from, plan.from);
      const page = payments.filter(({ date, status }) =>
        status === "pending"
          ? window.last && (since === undefined || date >= since)
          : date >= first && (window.last || date <= window.to),
      );
      const settled = await settling.settledBy(page);
      const reached = earlier(window.last ? today : window.to, reach);
      through = later(reached, through ?? reached);
      const cursor: DayCursor = { filled: plan.filled, through: later(through, plan.filled) };
      yield {
        payments: [...page, ...settled],
        errors: [...messages(answer, wire), ...errors],
        cursor: { ...cursor },
      };
    }
  }

  /** The last window: the answer to it serves all accounts, so that most extracts need no other. */
  #recent(): { window: Window; range: Range } {
    const today = localDate(this.#connection.clock.now(), this.#settings.timeZone);
    const from = addDays(today, 1 - this.#span());
    return { window: { from, to: today, last: true }, range: { start: startOf(from) } };
  }

  /** Windows from a day on, oldest first. They are the same for all accounts, and so are the answers to them. */
  #windows(from: CalendarDate, recent: { window: Window }): Window[] {
    const windows: Window[] = [recent.window];
    while (windows[0]!.from > from) {
      const to = addDays(windows[0]!.from, -1);
      windows.unshift({ from: addDays(to, 1 - this.#span()), to, last: false });
    }
    return windows;
  }

  /** Whole days that a window may have: the request spans the slack on both sides too. */
  #span(): number {
    return this.#settings.windowDays - 2 * SLACK_DAYS - 1;
  }

  #context(): MappingContext {
    const { source, timeZone } = this.#settings;
    return { source, timeZone, now: this.#connection.clock.now() };
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }
}

function startOf(day: CalendarDate): number {
  return (dayNumber(day) - SLACK_DAYS) * DAY_SECONDS;
}

function rangeOf({ from, to }: Window): Range {
  return { start: startOf(from), end: (dayNumber(to) + 1 + SLACK_DAYS) * DAY_SECONDS };
}

function wireOf({ set }: Answer, account: BankAccount): WireAccount | undefined {
  return set.accounts.find((wire) => ownKey(wire) === ownId(account.id));
}

/** May the error be about this account? */
function concerns(error: WireError, wire: WireAccount): boolean {
  if (error.account !== undefined) return error.account === wire.id;
  if (error.connection !== undefined) return error.connection === wire.connection;
  return true;
}

/**
 * The last day for which the server has this account's payments, where it says that the bank did not answer since;
 * undefined when it is up to date. Days after it stay to be read.
 */
function reachOf(
  wire: WireAccount,
  { set }: Answer,
  account: BankAccount,
  today: CalendarDate,
): CalendarDate | undefined {
  if (wire.balanceDate === undefined || !set.errors.some((error) => concerns(error, wire))) return undefined;
  const updated = localDate(wire.balanceDate * 1000, account.timeZone);
  return updated < addDays(today, -STALE_DAYS) ? updated : undefined;
}

/** What the user must be told with a page: once for each answer; of one account with the pages of that one. */
function messages({ set, told }: Answer, wire: WireAccount | undefined): RowError[] {
  const mine = set.errors.filter((error) => {
    const others = set.accounts.some((each) => concerns(error, each));
    return !told.has(error) && (!others || (wire !== undefined && concerns(error, wire)));
  });
  const refused = set.refused.filter((text) => !told.has(text));
  for (const each of [...mine, ...refused]) told.add(each);
  return [
    ...mine.map(({ text }) => ({ reason: `SimpleFIN says: ${text}` })),
    ...refused.map((reason) => ({ reason })),
  ];
}

function gone(account: BankAccount, { set }: Answer): TallyError {
  const words = set.errors.map(({ text }) => text).join(" ");
  return new TallyError(
    "NOT_FOUND",
    `SimpleFIN no longer shows ${account.name}. Look at the SimpleFIN bridge whether the account is still connected and shared.${words ? ` It says: ${quoted(words, 300)}` : ""}`,
    { details: { account: account.id } },
  );
}
