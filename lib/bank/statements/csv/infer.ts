import { lexAmount } from "../fields/amounts";
import { fullAmount, runningOf } from "./arithmetic";
import { Assignment, isDate, isMoney, isMoneyOrBlank, takeFree } from "./assign";
import { EMPTY, columnFacts, looksLikePayment, type ColumnFacts } from "./columns";
import type { Inference, Layout, Table } from "./layout";
import type { Row } from "./rows";
import type { Running } from "./running";
import { decideSign } from "./sign";
import { pickTexts } from "./texts";
import { headerCurrency } from "./words";

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
  pickMoney(pick, facts, layout, sample, notes, table.header?.cells ?? []);
  if (layout.amount === undefined && layout.amountIn === undefined && layout.amountOut === undefined)
    return undefined;
  pickTexts(pick, layout, table);
  decideSign(layout, facts, sample, notes, table.header?.cells ?? []);
  const confidence = pick.confidence(layout);
  return { layout, confidence, notes };
}

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
  header: readonly string[],
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
  const direction = pick.find(
    "direction",
    (column) => (column.directions || column.mostlyDirections) && !isMoney(column),
  );
  const balance = pick.take("balanceAfter", isMoney, 5);
  set("balanceAfter", balance);

  let amount = pick.find("amount", isMoney);
  const name = amount === undefined ? "" : header[amount]!.trim();
  const most = header.findLastIndex(
    (cell, column) =>
      cell.trim() === name &&
      !pick.used.has(column) &&
      (facts[column] ?? EMPTY).filled > (facts[amount!] ?? EMPTY).filled,
  );
  // Deutsche Bank's cards: the same word over the amount abroad and over the account's own, which every row has.
  if (name && most >= 0) {
    layout.originalAmount ??= amount!;
    pick.used.add(amount!);
    amount = most;
  }
  // Beside an amount in any currency, the one whose words name the currency is the account's own.
  const own = header.findIndex(
    (cell, column) =>
      column !== amount &&
      !pick.used.has(column) &&
      headerCurrency(cell) !== undefined &&
      pick.means(column, "amount") &&
      isMoney(facts[column] ?? EMPTY),
  );
  if (
    amount !== undefined &&
    own >= 0 &&
    headerCurrency(header[amount] ?? "") === undefined &&
    layout.currency !== undefined
  ) {
    layout.originalAmount ??= amount;
    layout.originalCurrency ??= layout.currency;
    delete layout.currency;
    pick.used.add(amount);
    amount = own;
  }
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

/** Does every row have an amount in the column? */
function covers(rows: readonly Row[], amount: number, direction: number | undefined): boolean {
  const filled = rows.filter((row) => lexAmount((row.cells[amount] ?? "").trim())).length;
  return direction !== undefined || filled >= rows.length * 0.9;
}

/** What a column is by its words, and so no amount, however much its cells look like one. */
const NO_AMOUNT = [
  "balanceAfter",
  "account",
  "counterpartyAccount",
  "reference",
  "bankId",
  "ignore",
] as const;

/** No words: a signed column, one of each direction, or an amount and a balance that prove each other. */
function pickMoneyByContent(pick: Assignment, layout: Layout, rows: readonly Row[], notes: string[]): void {
  const money = pick.free(
    (column) =>
      isMoney(column) &&
      !NO_AMOUNT.some((role) => pick.means(column.index, role)) &&
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
      // The balance before each payment: decideSign asks the dates whether it is that.
      const before = amount.negative > 0 && amount.negative < amount.filled ? running.holdsNegated * 0.98 : 0;
      const share = Math.max(running.holds, unsigned, before);
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
