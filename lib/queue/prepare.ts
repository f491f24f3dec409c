import type { NewTransaction } from "../budget";
import type { QueueItem } from "../store";
import {
  localDate,
  toTallyError,
  takeTurn,
  turnDue,
  type CalendarDate,
  type Instant,
  type TallyError,
} from "../values";
import { paymentsOf, type Pass } from "./pass";
import { liesAhead, toTransaction } from "./transaction";

/** An item and the transaction it becomes. */
export interface Prepared {
  item: QueueItem;
  write: NewTransaction;
}

export interface Preparation {
  ready: Prepared[];
  /** Their day has not come in their account's time zone. */
  ahead: QueueItem[];
  /** These cannot be written as they are. */
  refused: { item: QueueItem; error: TallyError }[];
}

/** Turn items into transactions, each by itself: one that cannot be written is set apart. Writes nothing. */
export async function prepare(
  pass: Pick<Pass, "context" | "budget" | "writing">,
  items: readonly QueueItem[],
): Promise<Preparation> {
  const { context, budget, writing } = pass;
  const found = await paymentsOf(context.store, items);
  const result: Preparation = { ready: [], ahead: [], refused: [] };
  const today = todayByZone(context.now());
  for (const item of items) {
    if (turnDue()) await takeTurn();
    const payment = found.get(item.paymentId);
    // What was booked under another id is written by that one.
    if (!payment || payment.bookedAs) continue;
    const zone = writing.mapped.get(payment.accountId)?.bank.timeZone ?? "UTC";
    if (liesAhead(payment.date, today(zone), budget.limits)) {
      result.ahead.push(item);
      continue;
    }
    try {
      result.ready.push({ item, write: toTransaction(item, payment, writing) });
    } catch (thrown) {
      result.refused.push({ item, error: toTallyError(thrown) });
    }
  }
  return result;
}

/** The date of now in a time zone, worked out once for each zone. */
function todayByZone(now: Instant): (zone: string) => CalendarDate {
  const known = new Map<string, CalendarDate>();
  return (zone) => {
    let date = known.get(zone);
    if (date === undefined) known.set(zone, (date = localDate(now, zone)));
    return date;
  };
}
