import { asOf, recordedSince } from "../../history";
import type { Category, Match, PaymentFacts, QueueItem, Store, Transaction } from "../../store";
import { takeTurn, TallyError, turnDue, type Id, type Instant } from "../../values";
import type { LabelledExample } from "../types";
import { exampleOf, isLabel, isPersons, type LabelItem } from "./labels";

/** What a label is made of: all of it has to be in the history. */
const NEEDED = ["transactions", "categories", "matches", "payments", "queue"] as const;

/**
 * The labels of a budget as they were known at an instant, in the order in which `labelsOf` gave them then: from the
 * history of transactions, categories, matches, payments and the queue, each as the last load of the history up to
 * that instant has it.
 *
 * @throws TallyError CONFIG_INVALID for what is no past instant; HISTORY_MISSING when history was not kept yet
 */
export async function labelsAsOf(
  store: Store,
  budgetId: Id,
  instant: string,
  now: Instant,
): Promise<LabelledExample[]> {
  const at = pastInstant(instant, now);
  await requireHistory(store, at);
  const usable = new Set<Id>();
  for await (const [id, category] of rowsAsOf<Category>(store, "categories", at))
    if (category.budgetId === budgetId && !category.internal) usable.add(id);

  type Labelled = Pick<Transaction, "id" | "date" | "approved" | "importId" | "categoryId">;
  const labelled = new Map<Id, Labelled>();
  for await (const [id, row] of rowsAsOf<Transaction>(store, "transactions", at)) {
    if (row.budgetId !== budgetId || !isLabel({ ...row, deleted: false }, usable)) continue;
    const { date, approved, importId, categoryId } = row;
    labelled.set(id, { id, date, approved, ...(importId && { importId }), categoryId: categoryId! });
  }
  const paymentOf = new Map<Id, Id>();
  for await (const [id, match] of rowsAsOf<Match>(store, "matches", at))
    if (labelled.has(id)) paymentOf.set(id, match.paymentId);
  const wanted = new Set(paymentOf.values());
  const itemOf = new Map<Id, LabelItem>();
  for await (const [, item] of rowsAsOf<QueueItem>(store, "queue", at))
    if (item.budgetId === budgetId && wanted.has(item.paymentId)) itemOf.set(item.paymentId, item);
  const examples = new Map<Id, Omit<LabelledExample, "label">>();
  for await (const [id, payment] of rowsAsOf<PaymentFacts>(store, "payments", at))
    if (wanted.has(id)) examples.set(id, exampleOf({ ...payment, id }));

  const found: LabelledExample[] = [];
  // As the store's index gives them: by day, then by id.
  const ordered = [...labelled.values()].sort(
    (a, b) => compare(a.date, b.date) || Buffer.compare(Buffer.from(a.id), Buffer.from(b.id)),
  );
  for (const transaction of ordered) {
    const paymentId = paymentOf.get(transaction.id);
    const example = paymentId === undefined ? undefined : examples.get(paymentId);
    if (example && isPersons(transaction, itemOf.get(paymentId!)))
      found.push({ ...example, label: transaction.categoryId! });
  }
  return found;
}

/**
 * An instant of the past in the form that the store compares: ISO 8601, UTC, with milliseconds.
 * @throws TallyError CONFIG_INVALID
 */
function pastInstant(text: string, now: Instant): Instant {
  const ms = /^\d{4}-\d\d-\d\dT.*(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? Date.parse(text) : NaN;
  if (Number.isNaN(ms)) {
    throw new TallyError(
      "CONFIG_INVALID",
      `"${text}" is not an instant. Write it with its time and zone, such as 2026-01-31T12:00:00Z.`,
    );
  }
  const at = new Date(ms).toISOString();
  if (at > now)
    throw new TallyError("CONFIG_INVALID", `${at} has not come yet. Choose an instant of the past.`);
  return at;
}

async function requireHistory(store: Store, at: Instant): Promise<void> {
  for (const entity of NEEDED) {
    const since = await recordedSince(store, entity);
    if (since !== undefined && since <= at) continue;
    const what =
      since === undefined
        ? `No history of ${entity} is kept, so nobody knows what the labels were at ${at}. Let a history node run for everything; from then on the past can be trained on.`
        : `The history of ${entity} begins at ${since}, after ${at}. Choose an instant from then on.`;
    throw new TallyError("HISTORY_MISSING", what, { details: { entity, asOf: at, since: since ?? null } });
  }
}

/** The rows of an entity as they were, with their ids. */
async function* rowsAsOf<T extends { id: Id }>(
  store: Store,
  entity: (typeof NEEDED)[number],
  at: Instant,
): AsyncIterable<[Id, Omit<T, "id">]> {
  for await (const row of asOf(store, entity, at)) {
    if (turnDue()) await takeTurn();
    yield [row.key, row.attributes as unknown as Omit<T, "id">];
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
