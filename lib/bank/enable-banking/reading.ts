import type { BankAccount } from "../../store";
import { TallyError, addDays, daysBetween, toTallyError, type CalendarDate } from "../../values";
import type { PaymentPage, PaymentsRequest, RowError } from "../port";
import { readCursor, writeCursor, type Cursor, type Reading } from "./cursor";
import { providerCode } from "./errors";
import { Seen } from "./identity";
import type { AccountLink, Reach } from "./kept";
import type { MappedPage } from "./mapping";

/** What is read again each time, in days: banks book some payments days late, under an earlier date. */
const OVERLAP_DAYS = 10;
/**
 * How far back the first reading asks. `longest` takes the day as its lower end, and goes back two years only when it
 * is given none.
 */
const BACK_DAYS = 3_650;
/** When a bank refuses a period, these are tried, in days. Some refuse 90 and take less. */
const PERIODS = [730, 365, 180, 88, 30, 7];
/** A key older than this is not used any more. A bank that only fails on it would hold up the account for ever. */
const KEY_MS = 12 * 3_600_000;
/** So often a reading begins anew in one go when its key does not hold. */
const RESTARTS = 2;

/** One page, as it is asked for. */
export interface PageRequest {
  from: CalendarDate;
  strategy: Reading["strategy"];
  key?: string;
}

/** What a reading needs of its surroundings. */
export interface ReadingPort {
  link: AccountLink;
  now(): number;
  today(): CalendarDate;
  /** Ask for a page. A page without a key counts against the bank's daily limit. */
  page(request: PageRequest): Promise<{ transactions: unknown[]; key?: string }>;
  map(rows: readonly unknown[], seen: Seen): Promise<MappedPage>;
  /** How far back this session may look, as far as known. */
  reach(): Promise<Reach | undefined>;
  /** Keep it, so that a period that is refused is not asked for again. */
  learn(reach: Reach): Promise<void>;
}

/**
 * Pages of an account from a cursor on. Each can be stored by itself: its cursor goes on with the next page, in
 * another process too, and begins the reading anew where the key of the next page does not hold any more.
 */
export async function* read(
  account: BankAccount,
  own: string,
  request: PaymentsRequest,
  port: ReadingPort,
): AsyncGenerator<PaymentPage, void, undefined> {
  let cursor = readCursor(request.cursor);
  if (cursor && reachesFurtherBack(request.since, cursor.since)) {
    // What was left out is wanted now: the whole history is read again, under the ids that it has.
    cursor = { version: 1, seen: cursor.seen };
  }
  const seen = new Seen(own, cursor?.seen);
  const notes: RowError[] = [];
  let reading = cursor?.reading;
  if (!reading || !holds(reading, port)) {
    reading = await begin(cursor, reading, request.since, port);
    seen.restart();
  }
  const keys = new Set<string>(reading.key === undefined ? [] : [reading.key]);
  for (let restarts = 0; ;) {
    let page: Awaited<ReturnType<ReadingPort["page"]>>;
    try {
      page = await port.page(asked(reading));
    } catch (thrown) {
      const error = toTallyError(thrown);
      const next: Reading | undefined =
        reading.key === undefined
          ? await shortened(reading, error, port)
          : anew(reading, error, port, restarts++);
      if (!next) throw error;
      if (reading.key !== undefined) {
        seen.restart();
        keys.clear();
      }
      reading = next;
      continue;
    }
    if (reading.key === undefined && cursor?.through !== undefined && reading.from > cursor.through) {
      notes.push({ reason: gap(account, cursor.through, reading.from) });
    }
    const mapped = await port.map(page.transactions, seen);
    const endless = page.key !== undefined && keys.has(page.key);
    if (page.key !== undefined) keys.add(page.key);
    const since =
      cursor?.through === undefined ? request.since : leftOut(cursor.since, request.since, reading.from);
    const at: Cursor = {
      version: 1,
      ...(cursor?.through ? { through: cursor.through } : {}),
      ...(since ? { since } : {}),
      seen: seen.state,
    };
    if (page.key === undefined) {
      seen.forgetBefore(addDays(reading.started, -OVERLAP_DAYS));
      yield answer(mapped, notes, { ...at, through: reading.started, seen: seen.state }, request.since);
      return;
    }
    const { key: _, keyAt: __, ...first } = reading;
    reading = endless ? first : { ...first, key: page.key, keyAt: port.now() };
    yield answer(mapped, notes, { ...at, reading }, request.since);
    if (endless) throw circle(account);
  }
}

function asked({ from, strategy, key }: Reading): PageRequest {
  return { from, strategy, ...(key === undefined ? {} : { key }) };
}

/** Can a reading that was begun be gone on with? */
function holds(reading: Reading, { link, now }: ReadingPort): boolean {
  return (
    reading.key !== undefined && reading.session === link.session && now() - (reading.keyAt ?? 0) < KEY_MS
  );
}

/** A reading from its first page: the one that was stopped, the first of all, or one from the overlap on. */
async function begin(
  cursor: Cursor | undefined,
  stopped: Reading | undefined,
  since: CalendarDate | undefined,
  port: ReadingPort,
): Promise<Reading> {
  const today = port.today();
  const common = { started: today, session: port.link.session };
  const through = cursor?.through;
  if (through === undefined) {
    const back = addDays(today, -BACK_DAYS);
    const wanted = stopped?.from ?? since ?? back;
    const reading: Reading = { ...common, from: wanted > today ? today : wanted, strategy: "longest" };
    return within(reading, await port.reach(), today);
  }
  const overlap = addDays(through < today ? through : today, -OVERLAP_DAYS);
  const from = since !== undefined && since > overlap ? since : overlap;
  return within(
    { ...common, from: from > today ? today : from, strategy: "default" },
    await port.reach(),
    today,
  );
}

/** The reading, no further back than the session may look as far as known. */
function within(reading: Reading, reach: Reach | undefined, today: CalendarDate): Reading {
  if (reach?.session !== reading.session) return reading;
  const earliest = addDays(today, -reach.days);
  return reading.from < earliest
    ? { ...reading, from: earliest, strategy: "default" }
    : { ...reading, strategy: "default" };
}

/** What to ask for when the first page was refused; undefined when there is nothing else to ask for. */
async function shortened(
  reading: Reading,
  error: TallyError,
  port: ReadingPort,
): Promise<Reading | undefined> {
  const code = providerCode(error);
  if (error.code !== "PROVIDER_REFUSED" || code === undefined) return undefined;
  if (code === "WRONG_REQUEST_PARAMETERS" && reading.strategy === "longest")
    return { ...reading, strategy: "default" };
  if (code !== "WRONG_TRANSACTIONS_PERIOD" && code !== "WRONG_DATE_INTERVAL") return undefined;
  const today = port.today();
  const asked = daysBetween(reading.from, today);
  const named = namedDay(String(error.details["said"] ?? ""), reading.from, today);
  const days = named === undefined ? PERIODS.find((period) => period < asked) : daysBetween(named, today);
  if (days === undefined) return undefined;
  await port.learn({ session: reading.session, days });
  return { ...reading, from: addDays(today, -days), strategy: "default" };
}

/** The first day that the bank allows, where its refusal names one. */
function namedDay(said: string, after: CalendarDate, today: CalendarDate): CalendarDate | undefined {
  const days = (said.match(/\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\b/g) ?? [])
    .filter((day) => day > after && day < today)
    .sort();
  return days.length === 1 ? days[0] : undefined;
}

/** The reading from its first page, when the key of the next one is refused; undefined for other errors. */
function anew(reading: Reading, error: TallyError, port: ReadingPort, restarts: number): Reading | undefined {
  const code = providerCode(error);
  const refused =
    code === "WRONG_CONTINUATION_KEY" ||
    (error.code === "PROVIDER_REFUSED" && code !== "ASPSP_ACCOUNT_NOT_ACCESSIBLE");
  if (!refused || restarts >= RESTARTS) return undefined;
  const { key: _, keyAt: __, ...first } = reading;
  return { ...first, started: port.today() };
}

/** The date before which payments are left out after this reading: it goes up when days were not asked for. */
function leftOut(
  before: CalendarDate | undefined,
  since: CalendarDate | undefined,
  from: CalendarDate,
): CalendarDate | undefined {
  if (since === undefined || since < from || (before !== undefined && since < before)) return before;
  return since;
}

/** Was `since` moved to an earlier date than that before which payments were left out? */
function reachesFurtherBack(wanted: CalendarDate | undefined, left: CalendarDate | undefined): boolean {
  return left !== undefined && (wanted === undefined || wanted < left);
}

function answer(
  { payments, errors }: MappedPage,
  notes: RowError[],
  cursor: Cursor,
  since: CalendarDate | undefined,
): PaymentPage {
  return {
    payments: payments.filter(({ date }) => since === undefined || date >= since),
    errors: [...notes.splice(0), ...errors],
    cursor: writeCursor(cursor),
  };
}

function gap(account: BankAccount, through: CalendarDate, from: CalendarDate): string {
  return `${account.name} was last read on ${through}, and the bank gives payments from ${from} on only. What was booked between them is missing: bring it in from a statement file of the bank.`;
}

function circle(account: BankAccount): TallyError {
  return new TallyError(
    "PROVIDER_MALFORMED",
    `The pages of ${account.name} do not come to an end: the bank names one again that was read already. What was read is kept; it is tried again later.`,
    { retryable: true },
  );
}
