import { EMPTY } from "./columns";
import { lexAmount, type AmountText } from "../fields/amounts";
import { decideOrder, lexDate, resolveDate } from "../fields/dates";
import { runningOf } from "./arithmetic";
import { isNegative, type ColumnFacts } from "./columns";
import type { Layout } from "./layout";
import { directionOf } from "./marks";
import type { Row } from "./rows";

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
  /payment[ -]*(?:received|thank)|thank you|autopay|direct debit payment|payment by direct debit|automatic payment|mobile payment|online payment|zahlung erhalten|einzahlung|betaling ontvangen|bedankt voor uw betaling|merci (?:de|pour) votre paiement|vielen dank|inbetalning|innbetaling|indbetaling|paiement recu|pagamento recebido|pagamento ricevuto|pago recibido/i;

/** The sign of a single column of amounts without a mark of direction. */
export function decideSign(
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
        const before = amounts.negative > 0 && datesNewestFirst(rows, layout.date) !== undefined;
        if (before) layout.balanceIsBefore = true;
        else delete layout.balanceAfter;
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
