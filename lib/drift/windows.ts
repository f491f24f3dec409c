import { cleanText, modelName, NO_MODEL } from "../learning";
import {
  classifications,
  models,
  payments,
  type Classification,
  type PaymentFacts,
  type ScanQuery,
  type Store,
} from "../store";
import { normaliseIban, takeTurn, turnDue, type Id, type Instant } from "../values";
import { heardOf } from "./heard";
import type { Seen } from "./readings";

export interface WindowSizes {
  /** The newest payments, at most. */
  recent: number;
  /** The payments that they are compared with, at most. */
  reference: number;
  /** At least this many of each. */
  minimum: number;
}

export interface Windows {
  version: string;
  /** Each oldest first. */
  recent: Seen[];
  compared: Seen[];
}

/** Classifications read for each payment that is looked for: others are later looks at a payment that waited. */
const READ_FOR_EACH = 12;
const CHUNK = 50;

/**
 * The payments to compare: those that came since the model's newest promotion that enough came since, at most `recent` of
 * the newest, and those that came just before that promotion, which is what the model in production was measured on. Where
 * too few came before (a first model), the first that it answered stand for them. Each payment counts once, as the model
 * saw it first; transfers do not count.
 * @param since nothing before this moment counts: what drift made of it is no measure
 * @returns undefined while no model is in production
 * @throws TallyError STORE_UNAVAILABLE; what the signal throws
 */
export async function readWindows(
  store: Store,
  budgetId: Id,
  sizes: WindowSizes,
  now: Instant,
  since: Instant | undefined,
  signal?: AbortSignal,
): Promise<Windows | undefined> {
  const model = await store.collection(models).get(modelName(budgetId));
  const version = model?.aliases.production;
  if (!model || version === undefined) return undefined;
  const first = (range: Omit<ScanQuery, "index">, most: number) =>
    firstLooks(store, budgetId, { index: "byBudget", equals: [budgetId], ...range }, most, signal);
  const from = since === undefined ? {} : { from: since };

  const newest = (await first({ ...from, order: "desc" }, sizes.recent)).reverse();
  const start = newest.at(-sizes.minimum)?.at;
  const promotedAt = model.moves.findLast(
    ({ alias, at }) => alias === "production" && start !== undefined && at <= start,
  )?.at;
  const recent = promotedAt === undefined ? newest : newest.filter(({ at }) => at >= promotedAt);
  const before =
    promotedAt === undefined || (since !== undefined && promotedAt <= since)
      ? []
      : (await first({ ...from, to: promotedAt, order: "desc" }, sizes.reference)).reverse();
  const [compared, ours] =
    before.length >= sizes.minimum
      ? [before, recent]
      : shared(await first({ ...from, order: "asc" }, sizes.reference), recent, sizes.minimum);
  const seen = await seenOf(store, budgetId, [...compared, ...ours], now);
  return { version, compared: seen.slice(0, compared.length), recent: seen.slice(compared.length) };
}

/** When the model that was trained after this moment came into production, if one did. */
export async function promotedAfter(store: Store, budgetId: Id, at: Instant): Promise<Instant | undefined> {
  const model = await store.collection(models).get(modelName(budgetId));
  return model?.moves.find((move) => move.alias === "production" && move.at > at)?.at;
}

/** The oldest and the newest apart; while there are few, the oldest of the recent ones go to those that have too few. */
function shared(
  oldest: readonly Classification[],
  recent: readonly Classification[],
  minimum: number,
): [Classification[], Classification[]] {
  const ids = new Set(recent.map(({ id }) => id));
  const compared = oldest.filter(({ id }) => !ids.has(id));
  const spare = Math.max(0, Math.min(recent.length - minimum, minimum - compared.length));
  return [[...compared, ...recent.slice(0, spare)], recent.slice(spare)];
}

async function firstLooks(
  store: Store,
  budgetId: Id,
  range: ScanQuery,
  most: number,
  signal: AbortSignal | undefined,
): Promise<Classification[]> {
  const found: Classification[] = [];
  let read = 0;
  let chunk: Classification[] = [];
  const collection = store.collection(classifications);
  const take = async () => {
    const firsts = await Promise.all(
      chunk.map(async ({ paymentId }) => {
        const { items } = await collection.find({ index: "byPayment", equals: [paymentId] });
        return items.find((one) => one.budgetId === budgetId && one.modelVersion !== NO_MODEL)?.id;
      }),
    );
    found.push(...chunk.filter(({ id }, n) => firsts[n] === id));
    chunk = [];
  };
  for await (const row of collection.scan(range)) {
    if (++read > most * READ_FOR_EACH) break;
    if (row.modelVersion === NO_MODEL || row.path === "transfer") continue;
    chunk.push(row);
    if (chunk.length < CHUNK) continue;
    signal?.throwIfAborted();
    await take();
    if (found.length >= most) break;
  }
  await take();
  return found.slice(0, most);
}

/** @param rows in the order of time */
async function seenOf(
  store: Store,
  budgetId: Id,
  rows: readonly Classification[],
  now: Instant,
): Promise<Seen[]> {
  const heard = await heardOf(store, budgetId, rows, now);
  const nearest = rows.flatMap(({ explanation }) => explanation.nearest.map((past) => past.paymentId));
  const ids = [...new Set([...rows.map(({ paymentId }) => paymentId), ...nearest])];
  const facts = new Map(
    (await store.collection(payments).getMany(ids, ["raw"])).map((payment) => [payment.id, payment]),
  );
  const met = new Set<string>();
  const seen: Seen[] = [];
  for (const { paymentId, at, path, top, confidence, explanation } of rows) {
    if (turnDue()) await takeTurn();
    const asked = path === "model" || path === "abstain";
    const payment = facts.get(paymentId);
    const keys = payment ? keysOf(payment) : [];
    const known = explanation.nearest.flatMap((past) => {
      const other = facts.get(past.paymentId);
      return [`name ${cleanText(past.text).whole}`, ...(other ? keysOf(other) : [])];
    });
    // Of several payments to a new counterparty the first is the new one.
    const novel = !keys.some((key) => met.has(key) || known.includes(key));
    for (const key of keys) met.add(key);
    seen.push({
      paymentId,
      at,
      answered: asked ? path === "model" : null,
      guess: top[0]?.categoryId,
      confidence,
      novel: asked ? novel : null,
      right: heard.get(paymentId) ?? null,
    });
  }
  return seen;
}

/** What a counterparty is known by: its account, and its name as the model cleans it. */
function keysOf({ counterparty, description }: PaymentFacts): string[] {
  const name = cleanText(counterparty?.name || description).whole;
  const account = counterparty?.iban ? normaliseIban(counterparty.iban) : counterparty?.account;
  return [...(name ? [`name ${name}`] : []), ...(account ? [`account ${account}`] : [])];
}
