import { lexAmount, toMoney, type AmountText } from "../fields/amounts";
import { decideMark, type Mark } from "../fields/amounts";
import { columnFacts, type ColumnFacts } from "./columns";
import type { Inference, Layout, Table } from "./layout";
import { directionOf } from "./marks";
import { checkRunning, type Running } from "./running";
import { isNegative } from "./columns";
import { looksLikePayment } from "./columns";
import type { Row } from "./rows";
import { meaningsOf, type Role } from "./words";
import { ownAccount } from "./facts";
import { decideOrder, lexDate, resolveDate } from "../fields/dates";

/** Columns of an unknown bank: words over the columns propose, the content of the columns decides. */
export function inferLayout(table: Table): Inference | undefined {
  const rows = table.rows.filter((row) => looksLikePayment(row.cells) > 0);
  const sample = rows.length > 0 ? rows : table.rows;
  const facts = columnFacts(sample);
  const notes: string[] = [];
  const pick = new Assignment(table.header?.cells ?? [], facts);

  const date = pickDates(pick, facts);
  if (date === undefined) return undefined;
  const layout: Layout = { ...date, description: [] };
  pickMoney(pick, facts, layout, sample, notes);
  if (layout.amount === undefined && layout.amountIn === undefined && layout.amountOut === undefined)
    return undefined;
  pickTexts(pick, layout, table);
  decideSign(layout, facts, sample, notes, table.header?.cells ?? []);
  const confidence = pick.confidence(layout);
  return { layout, confidence, notes };
}

/** Words and content brought together: each column is given to one role. */
class Assignment {
  readonly used = new Set<number>();
  private readonly named = new Set<number>();

  constructor(
    private readonly header: readonly string[],
    private readonly facts: readonly ColumnFacts[],
  ) {}

  /** The best free column for a role by its words, among those whose content fits. */
  take(role: Role, fits: (facts: ColumnFacts) => boolean, least = 0): number | undefined {
    const column = this.find(role, fits, least);
    if (column !== undefined) {
      this.used.add(column);
      this.named.add(column);
    }
    return column;
  }

  find(role: Role, fits: (facts: ColumnFacts) => boolean, least = 0): number | undefined {
    let best: { column: number; weight: number } | undefined;
    this.header.forEach((cell, column) => {
      if (this.used.has(column)) return;
      const facts = this.facts[column] ?? EMPTY;
      for (const meaning of meaningsOf(cell)) {
        if (meaning.role !== role || meaning.weight < least || !fits(facts)) continue;
        if (!best || meaning.weight > best.weight) best = { column, weight: meaning.weight };
      }
    });
    return best?.column;
  }

  /** All free columns of a role, in the order of the file. */
  takeAll(role: Role, fits: (facts: ColumnFacts) => boolean): number[] {
    const found: number[] = [];
    for (;;) {
      const column = this.take(role, fits);
      if (column === undefined) return found.sort((a, b) => a - b);
      found.push(column);
    }
  }

  free(fits: (facts: ColumnFacts) => boolean): ColumnFacts[] {
    return this.facts.filter((column) => !this.used.has(column.index) && fits(column));
  }

  /** Does the word say that fees are off already? */
  isNet(column: number): boolean {
    return /\bnet(?:to)?\b|after fees|total/i.test(this.header[column] ?? "");
  }

  /** Is another free column named by the role? */
  hasOther(role: Role, column: number): boolean {
    return this.header.some(
      (_cell, other) => other !== column && !this.used.has(other) && this.means(other, role),
    );
  }

  means(column: number, role: Role): boolean {
    return meaningsOf(this.header[column] ?? "").some((meaning) => meaning.role === role);
  }

  isNamed(column: number | undefined): boolean {
    return column !== undefined && this.named.has(column);
  }

  confidence(layout: Layout): number {
    let score = 0.35;
    if (this.isNamed(layout.date)) score += 0.2;
    if (this.isNamed(layout.amount ?? layout.amountOut ?? layout.amountIn)) score += 0.25;
    if (layout.description.some((column) => this.isNamed(column)) || this.isNamed(layout.counterparty))
      score += 0.1;
    if (this.isNamed(layout.balanceAfter)) score += 0.05;
    return Math.min(0.95, score);
  }
}

const EMPTY: ColumnFacts = {
  index: -1,
  rows: 0,
  filled: 0,
  dates: 0,
  amounts: 0,
  decimals: 0,
  signed: 0,
  negative: 0,
  ibans: 0,
  currencies: 0,
  distinct: 0,
  length: 0,
  letters: 0,
  directions: false,
  longDigits: 0,
};

const isDate = (column: ColumnFacts) => column.filled > 0 && column.dates >= column.filled * 0.5;
const isMoney = (column: ColumnFacts) =>
  column.filled > 0 && column.amounts >= column.filled * 0.6 && column.longDigits < column.filled * 0.5;
const isMoneyOrBlank = (column: ColumnFacts) => column.filled === 0 || isMoney(column);
const anything = () => true;
const isFilled = (column: ColumnFacts) => column.filled > 0;
const isText = (column: ColumnFacts) => column.filled > 0 && !isDate(column);

function pickDates(
  pick: Assignment,
  facts: readonly ColumnFacts[],
): Pick<Layout, "date" | "valueDate" | "dateFallback"> | undefined {
  const most = (column: ColumnFacts) => isDate(column) && column.filled >= column.rows * 0.6;
  let date = pick.take("date", most);
  const other = pick.take("otherDate", isDate);
  let valueDate = pick.take("valueDate", isDate);
  let dateFallback = date === undefined ? undefined : other;
  if (date === undefined) {
    date =
      [other, valueDate].find((column) => column !== undefined && most(facts[column]!)) ?? other ?? valueDate;
    if (date !== undefined && date === valueDate) valueDate = undefined;
  }
  if (date === undefined) {
    // No words: the first column of dates is the booking date, a second one the value date.
    const columns = pick.free((column) => most(column) && !(isMoney(column) && column.decimals > 0));
    date = columns[0]?.index;
    if (date === undefined) return undefined;
    pick.used.add(date);
    const second = columns[1]?.index;
    if (second !== undefined) {
      pick.used.add(second);
      valueDate = second;
    }
  }
  // A second column with the same word (a transaction date beside a booking date).
  const twin = pick.take("date", isDate);
  if (twin !== undefined) dateFallback ??= twin;
  const result: Pick<Layout, "date" | "valueDate" | "dateFallback"> = { date };
  if (valueDate !== undefined) result.valueDate = valueDate;
  if (dateFallback !== undefined && dateFallback !== date) result.dateFallback = dateFallback;
  return result;
}

function pickMoney(
  pick: Assignment,
  facts: readonly ColumnFacts[],
  layout: Layout,
  rows: readonly Row[],
  notes: string[],
): void {
  const set = <K extends keyof Layout>(key: K, value: Layout[K] | undefined) => {
    if (value !== undefined) layout[key] = value;
  };
  set("originalAmount", pick.take("originalAmount", isMoneyOrBlank, 5));
  set(
    "originalCurrency",
    pick.take("originalCurrency", (column) => column.currencies >= column.filled * 0.8),
  );
  const hasCurrency = (column: ColumnFacts) => column.filled > 0 && column.currencies >= column.filled * 0.8;
  set("currency", pick.take("currency", hasCurrency) ?? takeFree(pick, hasCurrency));
  const direction = pick.find("direction", (column) => column.directions && !isMoney(column));
  const balance = pick.take("balanceAfter", isMoney, 5);
  set("balanceAfter", balance);

  const amount = pick.find("amount", isMoney);
  const amountIn = pick.find("amountIn", isMoneyOrBlank);
  const amountOut = pick.find("amountOut", isMoneyOrBlank);
  const pairFilled =
    amountIn !== undefined &&
    amountOut !== undefined &&
    amountIn !== amountOut &&
    (isMoney(facts[amountIn] ?? EMPTY) || isMoney(facts[amountOut] ?? EMPTY));
  const amountSigned = amount !== undefined && facts[amount]!.negative > 0;
  if (pairFilled && !(amountSigned && !pick.means(amount!, "amountIn"))) {
    if (
      amount === undefined ||
      !covers(rows, amount, direction) ||
      amount === amountIn ||
      amount === amountOut ||
      !amountSigned
    ) {
      layout.amountIn = amountIn;
      layout.amountOut = amountOut;
      pick.take("amountIn", (column) => column === (facts[amountIn] ?? EMPTY));
      pick.take("amountOut", (column) => column === (facts[amountOut] ?? EMPTY));
      pick.used.add(amountIn).add(amountOut);
    }
  }
  if (layout.amountIn === undefined && amount !== undefined) {
    layout.amount = amount;
    pick.take("amount", (column) => column.index === amount);
    pick.used.add(amount);
  }
  if (layout.amount === undefined && layout.amountIn === undefined) {
    const one = amountOut !== undefined && isMoney(facts[amountOut] ?? EMPTY) ? amountOut : undefined;
    const other = amountIn !== undefined && isMoney(facts[amountIn] ?? EMPTY) ? amountIn : undefined;
    if (one !== undefined || other !== undefined) {
      set("amountOut", one);
      set("amountIn", other);
      if (one !== undefined) pick.used.add(one);
      if (other !== undefined) pick.used.add(other);
    } else pickMoneyByContent(pick, layout, rows, notes);
  }
  if (layout.amount !== undefined) {
    const marks = direction ?? pick.free((column) => column.directions && column.distinct >= 2)[0]?.index;
    if (marks !== undefined && !pick.used.has(marks)) {
      const signed = facts[layout.amount]!.negative > 0;
      if (!signed) {
        layout.direction = marks;
        pick.used.add(marks);
      }
    }
  }
  if (layout.balanceAfter === undefined) set("balanceAfter", balanceByArithmetic(pick, layout, rows));
  decideFee(pick, layout, rows, notes);
}

/** A fee beside the amount counts when the balance proves it; without a balance it is only reported. */
function decideFee(pick: Assignment, layout: Layout, rows: readonly Row[], notes: string[]): void {
  const fee = pick.take("fee", isMoneyOrBlank, 5);
  const column = layout.amount;
  if (fee === undefined || column === undefined || pick.means(column, "ignore")) return;
  if (!rows.some((row) => fullAmount(row, fee)) || pick.isNet(column)) return;
  if (layout.balanceAfter !== undefined) {
    const bare = runningOf(rows, column, layout.balanceAfter);
    const less = runningOf(rows, column, layout.balanceAfter, fee);
    if (bare.comparisons > 0) {
      if (less.holds > bare.holds) layout.fee = fee;
      return;
    }
  }
  notes.push(
    "The file has fees in a column of their own; they were not taken off the amounts. Check one payment with a fee.",
  );
}

function takeFree(pick: Assignment, fits: (facts: ColumnFacts) => boolean): number | undefined {
  const column = pick.free(fits)[0]?.index;
  if (column !== undefined) pick.used.add(column);
  return column;
}

/** Does every row have an amount in the column? */
function covers(rows: readonly Row[], amount: number, direction: number | undefined): boolean {
  const filled = rows.filter((row) => lexAmount((row.cells[amount] ?? "").trim())).length;
  return direction !== undefined || filled >= rows.length * 0.9;
}

/** No words: a signed column, one of each direction, or an amount and a balance that prove each other. */
function pickMoneyByContent(pick: Assignment, layout: Layout, rows: readonly Row[], notes: string[]): void {
  const money = pick.free(
    (column) =>
      isMoney(column) &&
      column.letters < 0.5 + (column.decimals > 0 ? 0.5 : 0) &&
      !(isDate(column) && column.decimals === 0),
  );
  const likely = money.filter((column) => column.decimals >= column.filled * 0.3 || column.signed > 0);
  const columns =
    likely.length > 0 ? likely : money.filter((column) => column.distinct > 1 || rows.length === 1);
  if (pairWithBalance(pick, columns, layout, rows)) return;
  // An amount and its running balance.
  let best: { amount: number; balance: number; running: Running; share: number } | undefined;
  for (const amount of columns) {
    for (const balance of columns) {
      if (amount === balance) continue;
      const running = runningOf(rows, amount.index, balance.index);
      const unsigned = amount.negative === 0 ? running.holdsUnsigned * 0.99 : 0;
      const share = Math.max(running.holds, unsigned);
      if (running.comparisons >= 2 && share >= 0.8 && (!best || share > best.share)) {
        best = { amount: amount.index, balance: balance.index, running, share };
      }
    }
  }
  if (best) {
    layout.amount = best.amount;
    layout.balanceAfter = best.balance;
    pick.used.add(best.amount).add(best.balance);
    return;
  }
  // Two columns of which each row fills one.
  for (const a of columns) {
    for (const b of columns) {
      if (b.index <= a.index || a.negative > 0 || b.negative > 0) continue;
      const cells = (row: Row) => [a, b].map((column) => fullAmount(row, column.index));
      const exclusive = rows.every((row) => cells(row).filter(Boolean).length === 1);
      if (!exclusive || a.filled === 0 || b.filled === 0) continue;
      const out = a.filled >= b.filled ? a : b;
      layout.amountOut = out.index;
      layout.amountIn = out === a ? b.index : a.index;
      pick.used.add(a.index).add(b.index);
      notes.push(
        `Columns ${a.index + 1} and ${b.index + 1} have no names; the one filled more often was taken as money out. Check the direction of the payments, or set a mapping.`,
      );
      return;
    }
  }
  const signed = columns.find((column) => column.negative > 0) ?? columns.find((column) => column.signed > 0);
  const full = columns.filter((column) => column.filled >= column.rows * 0.9);
  const chosen = signed ?? full.find((column) => column.decimals > 0) ?? full[0] ?? columns[0];
  if (!chosen) return;
  if (columns.length > 1) {
    notes.push(
      `Column ${chosen.index + 1} was taken as the amount, by its content alone. Check it, or set a mapping.`,
    );
  }
  layout.amount = chosen.index;
  pick.used.add(chosen.index);
}

/** Money out, money in and a balance that proves which is which. */
function pairWithBalance(
  pick: Assignment,
  columns: readonly ColumnFacts[],
  layout: Layout,
  rows: readonly Row[],
): boolean {
  for (const out of columns) {
    for (const into of columns) {
      if (out === into || out.filled === 0 || into.filled === 0) continue;
      if (!rows.every((row) => fullAmount(row, out.index) !== fullAmount(row, into.index))) continue;
      for (const balance of columns) {
        if (balance === out || balance === into) continue;
        const running = runningOf(rows, into.index, balance.index, out.index);
        if (running.comparisons < 2 || running.holds < 0.8) continue;
        layout.amountOut = out.index;
        layout.amountIn = into.index;
        layout.balanceAfter = balance.index;
        pick.used.add(out.index).add(into.index).add(balance.index);
        return true;
      }
    }
  }
  return false;
}

function fullAmount(row: Row, column: number): boolean {
  const amount = lexAmount((row.cells[column] ?? "").trim());
  return amount !== undefined && /[1-9]/.test(amount.body);
}

function balanceByArithmetic(pick: Assignment, layout: Layout, rows: readonly Row[]): number | undefined {
  if (layout.amount === undefined) return undefined;
  for (const column of pick.free((candidate) => isMoney(candidate) && candidate.decimals > 0)) {
    const running = runningOf(rows, layout.amount, column.index);
    if (running.comparisons >= 2 && running.holds >= 0.8) {
      pick.used.add(column.index);
      return column.index;
    }
  }
  return undefined;
}

/** The running balance of the sample, in hundredths, for the sake of finding columns. */
function runningOf(rows: readonly Row[], amount: number, balance: number, fee?: number): Running {
  const columns = fee === undefined ? [amount, balance] : [amount, balance, fee];
  const marks = new Map(columns.map((column) => [column, markOf(rows, column)]));
  const read = (row: Row, column: number): number | undefined => {
    const lexed = lexAmount((row.cells[column] ?? "").trim());
    if (!lexed) return undefined;
    const money = toMoney(lexed, "TND", marks.get(column));
    return typeof money === "string" ? undefined : isNegative(lexed) ? -money.minor : money.minor;
  };
  return checkRunning(
    rows.slice(0, 3000).map((row) => {
      const value = read(row, amount);
      const off = fee === undefined ? undefined : read(row, fee);
      const total = value === undefined && off === undefined ? undefined : (value ?? 0) - (off ?? 0);
      return { amount: total, balance: read(row, balance) };
    }),
  );
}

function markOf(rows: readonly Row[], column: number): Mark | undefined {
  const bodies: string[] = [];
  for (const row of rows) {
    const lexed = lexAmount((row.cells[column] ?? "").trim());
    if (lexed) bodies.push(lexed.body);
  }
  return decideMark(bodies).mark;
}

function pickTexts(pick: Assignment, layout: Layout, table: Table): void {
  const set = <K extends keyof Layout>(key: K, value: Layout[K] | undefined) => {
    if (value !== undefined) layout[key] = value;
  };
  const constant = (column: ColumnFacts) =>
    column.filled >= column.rows * 0.9 && column.distinct <= Math.max(1, column.rows * 0.2);
  const account = (column: ColumnFacts) =>
    isText(column) && constant(column) && column.length >= 4 && column.decimals === 0;
  set("status", pick.take("status", isText));
  // The counterparty's account is tried first where its words are sure, then the own account by its constancy.
  set(
    "counterpartyAccount",
    pick.take(
      "counterpartyAccount",
      (column) => isText(column) && !constantIban(column) && !pick.means(column.index, "account"),
      8.2,
    ),
  );
  const own = ownAccount(table.preamble, {});
  const names = pick.find("counterparty", isText);
  // A word that may be either side's account is the own one only where it stands before the other side's name.
  const rivals = (column: ColumnFacts) =>
    column.distinct === 1 &&
    column.filled === column.rows &&
    pick.hasOther("counterpartyAccount", column.index);
  const ours = (column: ColumnFacts) =>
    account(column) &&
    !(
      !rivals(column) &&
      pick.means(column.index, "counterpartyAccount") &&
      (own !== undefined || (names !== undefined && column.index > names))
    );
  set("account", pick.take("account", ours));
  if (layout.account === undefined && own === undefined) {
    const single = pick.free(
      (column) => column.ibans >= column.rows * 0.9 && column.distinct === 1 && column.rows > 1,
    )[0];
    if (single) {
      layout.account = single.index;
      pick.used.add(single.index);
    }
  }
  if (layout.counterpartyAccount === undefined) {
    set("counterpartyAccount", pick.take("counterpartyAccount", isText));
    if (layout.counterpartyAccount === undefined)
      set(
        "counterpartyAccount",
        takeFree(pick, (column) => column.ibans > 0),
      );
  }
  set("counterpartyBic", pick.take("counterpartyBic", isText));
  const person = (column: ColumnFacts) => isText(column) && column.letters >= 0.3;
  const payer = pick.find("payer", person);
  const payee = pick.find("payee", person);
  if (payer !== undefined && payee !== undefined && payer !== payee) {
    layout.payer = payer;
    layout.payee = payee;
    pick.used.add(payer).add(payee);
  }
  set("mandateId", pick.take("mandateId", anything));
  set("creditorId", pick.take("creditorId", anything));
  set("category", pick.take("category", isText));
  set(
    "bankId",
    pick.take(
      "bankId",
      (column) => isFilled(column) && !isDate(column) && column.filled >= column.rows * 0.5,
    ),
  );
  set("reference", pick.take("reference", isText));
  const name = (column: ColumnFacts) => isText(column) && column.letters >= 0.3;
  if (layout.payer === undefined) {
    const varied = (column: ColumnFacts) => name(column) && (column.distinct > 1 || column.rows === 1);
    set("counterparty", pick.take("counterparty", varied) ?? pick.take("counterparty", name));
  }
  const types = (column: ColumnFacts) => isText(column) && column.distinct <= Math.max(12, column.rows * 0.5);
  const descriptions = pick.takeAll("description", isText);
  set("type", pick.take("type", types));
  set(
    "accountName",
    pick.take("accountName", (column) => isText(column) && constant(column)),
  );
  layout.description = descriptions;
  if (descriptions.length === 0 && layout.counterparty === undefined) {
    // No words: the column with most text describes the payment.
    const text = pick
      .free(
        (column) =>
          isText(column) &&
          column.letters >= 0.5 &&
          column.currencies < column.filled * 0.8 &&
          column.ibans === 0,
      )
      .sort((a, b) => b.length * Math.min(1, b.distinct / 3) - a.length * Math.min(1, a.distinct / 3))[0];
    if (text) {
      layout.description = [text.index];
      pick.used.add(text.index);
    }
  }
}

function constantIban(column: ColumnFacts): boolean {
  return (
    column.rows > 1 &&
    column.ibans === column.filled &&
    column.distinct === 1 &&
    column.filled === column.rows
  );
}

/** Which end of the rows is newer, by their dates; undefined when both are of one day. */
function datesNewestFirst(rows: readonly Row[], column: number): boolean | undefined {
  const dates = rows.flatMap((row) => lexDate((row.cells[column] ?? "").trim()) ?? []);
  const dayFirst = decideOrder(dates).dayFirst ?? true;
  const ends = [dates[0], dates[dates.length - 1]].map((date) => date && resolveDate(date, dayFirst)?.date);
  if (!ends[0] || !ends[1] || ends[0] === ends[1]) return undefined;
  return ends[0] > ends[1];
}

const CARD =
  /\b(?:card|karte|kreditkarte|kort|carte|tarjeta|carta|cardmember|merchant|extended details|appears on your statement)\b/i;
const CARD_PAYMENT =
  /payment[ -]*(?:received|thank)|thank you|autopay|direct debit payment|payment by direct debit|automatic payment|mobile payment|online payment|zahlung erhalten|einzahlung|betaling ontvangen|inbetalning|innbetaling|indbetaling|paiement recu|pagamento recebido|pagamento ricevuto|pago recibido/i;

/** The sign of a single column of amounts without a mark of direction. */
function decideSign(
  layout: Layout,
  facts: readonly ColumnFacts[],
  rows: readonly Row[],
  notes: string[],
  header: readonly string[],
): void {
  const column = layout.amount;
  if (column === undefined) return;
  const amounts = facts[column] ?? EMPTY;
  if (layout.direction !== undefined) {
    const unknown = rows.filter(
      (row) => directionOf(row.cells[layout.direction!] ?? "") === undefined,
    ).length;
    if (unknown === 0) return;
  }
  if (layout.balanceAfter !== undefined && layout.direction === undefined) {
    const running = runningOf(rows, column, layout.balanceAfter);
    if (running.comparisons > 0) {
      if (running.holds >= 0.6 && running.holds >= running.holdsNegated) return;
      // A balance before each payment, listed the other way round, looks just like amounts with the wrong sign:
      // the dates have to bear out the order.
      if (running.holdsNegated >= 0.8 && running.comparisons >= 2) {
        if (datesNewestFirst(rows, layout.date) === running.newestFirst) {
          layout.negate = true;
          return;
        }
        delete layout.balanceAfter;
      }
      if (amounts.negative === 0 && running.holdsUnsigned >= 0.8 && running.comparisons >= 2) {
        layout.signFromBalance = true;
        return;
      }
    }
  }
  if (layout.direction !== undefined || amounts.filled === 0) return;
  const texts = (row: Row) => row.cells.join(" ");
  const lexed: { amount: AmountText; row: Row }[] = [];
  for (const row of rows) {
    const amount = lexAmount((row.cells[column] ?? "").trim());
    if (amount) lexed.push({ amount, row });
  }
  const plusses = lexed.filter(({ amount }) => amount.sign === "+" || amount.suffix === "in");
  const negatives = lexed.filter(({ amount }) => isNegative(amount));
  if (negatives.length === 0) {
    const bare = lexed.length - plusses.length;
    if (plusses.length > 0 && bare > 0) {
      layout.bareIsOut = true;
      notes.push(
        `Only ${plusses.length} of ${lexed.length} amounts bear a plus or CR and none a minus: those were read as money in, all others as money out.`,
      );
      return;
    }
    if (plusses.length > 0) return;
    const card =
      header.some((cell) => CARD.test(cell)) || lexed.some(({ row }) => CARD_PAYMENT.test(texts(row)));
    if (card) {
      layout.negate = true;
      notes.push(
        "No amount has a sign. The file looks like that of a card, so the amounts were read as money out; set a mapping if that is wrong.",
      );
      return;
    }
    notes.push(
      "No amount has a sign and no column tells the direction, so the amounts were read as money in. Set a mapping (negate, direction) if that is wrong.",
    );
    return;
  }
  // Cards that list spending as positive: only payments to the card are negative.
  const positive = lexed.length - negatives.length;
  const payments = negatives.filter(({ row }) => CARD_PAYMENT.test(texts(row))).length;
  const spent = lexed.filter(
    ({ amount, row }) => !isNegative(amount) && CARD_PAYMENT.test(texts(row)),
  ).length;
  if (payments > 0 && spent === 0 && payments >= negatives.length / 2 && positive > negatives.length) {
    layout.negate = true;
    notes.push(
      "Payments to the card are negative and spending positive in this file; the signs were turned round. Set a mapping if that is wrong.",
    );
  }
}
