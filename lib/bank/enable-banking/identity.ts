import { z } from "zod";
import { canonicalJson, dayNumber, type CalendarDate } from "../../values";
import { shortHash } from "./kept";

/**
 * Ids of payments: the same for the same payment in every page, reading and session, and different for payments that
 * only look alike.
 *
 * - With an `entry_reference`: the account, the reference, date, amount and currency. Date and amount are in it since
 *   banks use constant or recycled references (a standing order's comes every month); the text is not, since banks
 *   change it.
 * - Without one (or with what only counts rows): the account, date, amount, currency, text and other party.
 *
 * Rows of which these are equal are a family and get numbers. Which number a row has had is remembered by its content
 * for the days that are read again, so that neither the order of rows nor the bounds of pages matter, and neither does
 * another such payment that comes later. `transaction_id` is never in an id: it changes with the session. It tells
 * rows of one reading apart.
 */

export interface Identifiable {
  status: "booked" | "pending";
  date: CalendarDate;
  amount: number;
  currency: string;
  /** Text and other party. */
  content: readonly string[];
  entryReference?: string;
  transactionId?: string;
}

/** A row by its short hashes. */
interface Keyed {
  date: CalendarDate;
  /** What the id is made of, but for the number. */
  key: readonly (string | number)[];
  family: string;
  content: string;
  /** "" where there is none that tells. */
  reference: string;
  transaction: string;
}

export interface Identity {
  /** Own part of the payment's id. */
  own: string;
  /** Which of its family it is; absent for the only one with its reference. */
  occurrence?: number;
}

/**
 * A row that was seen: family, content, reference (or ""), transaction id (or "") and whether it was met in the
 * present reading. All are short hashes.
 */
const seenRowSchema = z.tuple([
  z.string(),
  z.string(),
  z.string(),
  z.string(),
  z.union([z.literal(0), z.literal(1)]),
]);
type SeenRow = z.infer<typeof seenRowSchema>;

/** Part of a cursor. */
export const seenSchema = z.object({
  days: z.record(z.string(), z.array(seenRowSchema)),
  /** References and transaction ids that stand on more than one payment, and so tell nothing of equal rows. */
  shared: z.array(z.string()),
});
export type SeenState = z.infer<typeof seenSchema>;

/** So many rows are remembered whatever their days, against banks that list without order. */
const ROWS = 5_000;
/** Beyond that, rows of days so far from the present page are forgotten. */
const DAYS_AROUND = 31;
const SHARED = 500;

/** A reference that is shorter than this counts rows: `1`, `02`. */
const LONG_ENOUGH = 6;
/** Words that banks put where there is no reference. */
const NO_REFERENCE =
  /^(?:not ?(?:provided|available)|non ?ref(?:erence)?|none|no ?ref|null|undefined|unknown|n\/?a|[0\-./x\s]*)$/i;

/** The rows of one account that a reading has seen, and those that it will see again. */
export class Seen {
  readonly #days = new Map<CalendarDate, SeenRow[]>();
  readonly #shared: Set<string>;
  /** Which family a reference or transaction id was met in. */
  readonly #owners = new Map<string, string>();

  /** @param account own id of the account */
  constructor(
    private readonly account: string,
    state?: SeenState,
  ) {
    this.#shared = new Set(state?.shared);
    for (const [date, rows] of Object.entries(state?.days ?? {})) {
      this.#days.set(
        date,
        rows.map((row): SeenRow => [...row]),
      );
      for (const [family, , reference, transaction] of rows) {
        for (const mark of [reference, transaction]) if (mark) this.#owners.set(mark, family);
      }
    }
  }

  get state(): SeenState {
    return {
      days: Object.fromEntries(
        [...this.#days].map(([date, rows]) => [date, rows.map((row): SeenRow => [...row])]),
      ),
      shared: [...this.#shared].slice(-SHARED),
    };
  }

  /** A reading begins (again): every row may come once more. */
  restart(): void {
    for (const rows of this.#days.values()) {
      for (const row of rows) {
        row[3] = "";
        row[4] = 0;
      }
    }
    for (const mark of this.#owners.keys()) if (mark.startsWith("t")) this.#owners.delete(mark);
  }

  /** Forget the days before this one, which are not read again. */
  forgetBefore(date: CalendarDate): void {
    for (const day of this.#days.keys()) if (day < date) this.#days.delete(day);
  }

  /** Identities of the rows of a page, in their order. */
  identify(page: readonly Identifiable[]): Identity[] {
    const rows = page.map((row) => this.#keyed(row));
    for (const { family, reference, transaction } of rows) {
      for (const mark of [reference, transaction]) this.#own(mark, family);
    }
    const numbers = new Map<number, number>();
    // Rows that are known by their content first, so that a changed or new one does not take their number.
    rows.forEach((row, at) => {
      const number = this.#known(row);
      if (number !== undefined) numbers.set(at, number);
    });
    const identities = rows.map((row, at): Identity => {
      const number = numbers.get(at) ?? this.#next(row);
      const own = shortHash(canonicalJson([this.account, row.key, number]));
      return row.reference && number === 0 ? { own } : { own, occurrence: number };
    });
    this.#forgetFar(page);
    return identities;
  }

  #keyed(row: Identifiable): Keyed {
    const where = row.status === "pending" ? "pending" : "booked";
    const given = row.entryReference?.trim() ?? "";
    const told = given.length >= LONG_ENOUGH && !NO_REFERENCE.test(given) && !/^(.)\1*$/.test(given);
    const facts = [where, row.date, row.amount, row.currency];
    const content = canonicalJson(row.content.map(plain));
    const key = told ? ["reference", given, ...facts] : ["content", content, ...facts];
    const transaction = row.transactionId?.trim() ?? "";
    return {
      date: row.date,
      key,
      family: brief(canonicalJson(key)),
      content: brief(content),
      reference: told ? `r${brief(`${where}|${given}`)}` : "",
      transaction: transaction ? `t${brief(transaction)}` : "",
    };
  }

  #own(mark: string, family: string): void {
    if (mark === "") return;
    const owner = this.#owners.get(mark);
    if (owner === undefined) this.#owners.set(mark, family);
    else if (owner !== family) this.#shared.add(mark);
  }

  /** The number of a row of which one with the same content was seen; undefined when it is to get one. */
  #known(row: Keyed): number | undefined {
    const rows = this.#days.get(row.date) ?? [];
    let free: SeenRow | undefined;
    let number = 0;
    let freeNumber = 0;
    for (const seen of rows) {
      if (seen[0] !== row.family) continue;
      if (seen[1] === row.content) {
        if (seen[4] === 1 && this.#isSameRow(row, seen)) return number;
        if (seen[4] === 0 && !free) {
          free = seen;
          freeNumber = number;
        }
      }
      number++;
    }
    if (!free) return undefined;
    free[3] = row.transaction;
    free[4] = 1;
    return freeNumber;
  }

  /** Is this equal row of the present reading the very same one, because pages overlap? */
  #isSameRow(row: Keyed, seen: SeenRow): boolean {
    const tells = (mark: string) => mark !== "" && !this.#shared.has(mark);
    if (tells(row.transaction) && tells(seen[3])) return row.transaction === seen[3];
    return tells(row.reference);
  }

  /** A number for a row of unknown content: that of a row whose text the bank has changed, else a new one. */
  #next(row: Keyed): number {
    // An equal row earlier on this page may have got its number in the meantime.
    const known = this.#known(row);
    if (known !== undefined) return known;
    const rows = this.#days.get(row.date) ?? [];
    this.#days.set(row.date, rows);
    const family = rows.filter(([one]) => one === row.family);
    const changed = family.findIndex((seen) => seen[4] === 0);
    if (changed >= 0) {
      const seen = family[changed]!;
      seen[1] = row.content;
      seen[3] = row.transaction;
      seen[4] = 1;
      return changed;
    }
    rows.push([row.family, row.content, row.reference, row.transaction, 1]);
    return family.length;
  }

  #forgetFar(page: readonly Identifiable[]): void {
    let rows = 0;
    for (const { length } of this.#days.values()) rows += length;
    if (rows <= ROWS || page.length === 0) return;
    const days = page.map(({ date }) => dayNumber(date));
    const first = Math.min(...days) - DAYS_AROUND;
    const last = Math.max(...days) + DAYS_AROUND;
    for (const date of this.#days.keys()) {
      const day = dayNumber(date);
      if (day < first || day > last) this.#days.delete(date);
    }
  }
}

/** Letters and digits only, in lower case: banks change blanks, case and punctuation. */
function plain(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "");
}

/** 60 bits: enough among the rows of a day. */
function brief(text: string): string {
  return shortHash(text).slice(0, 10);
}
