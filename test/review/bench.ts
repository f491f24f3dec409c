import { classifyStep } from "../../lib/learning";
import { takeUp } from "../../lib/review";
import {
  classifications,
  decisions,
  queue,
  reviews,
  type Decision,
  type Payment,
  type QueueItem,
  type Review,
  type Store,
} from "../../lib/store";
import { queueId, type Id } from "../../lib/values";
import { payment } from "../support/context";
import { Bench } from "../queue/bench";

/** A queue in which payments wait for a person, with what a model would have suggested. */

export const BUDGET = "memory:b";
export const FOOD = "memory:food";
export const RENT = "memory:rent";
export const FUN = "memory:fun";

export const itemId = (id: string): Id => queueId(`bank:${id}`, BUDGET);

/** A payment to a shop, as tills print it: with a number that changes from visit to visit. */
export const at = (shop: string, id: string, parts: Partial<Payment> = {}): Payment =>
  payment(id, {
    counterparty: { name: `${shop} ${1000 + Number(id)}` },
    description: `Card ${id}`,
    ...parts,
  });

/** Bring payments in and let them wait; each was perhaps food, then rent, when `suggested`. */
export async function waiting(bench: Bench, rows: readonly Payment[], suggested = true): Promise<void> {
  await bench.arrive(...rows);
  await classify(bench);
  if (!suggested) return;
  const items = await bench.store.collection(queue).getMany(rows.map(({ id }) => queueId(id, BUDGET)));
  await bench.store.collection(classifications).upsertMany(
    items.map((item) => ({
      id: `${item.paymentId}|${BUDGET}|m1`,
      paymentId: item.paymentId,
      budgetId: BUDGET,
      modelVersion: "m1",
      path: "abstain" as const,
      confidence: 0.6,
      top: [
        { categoryId: FOOD, confidence: 0.6 },
        { categoryId: RENT, confidence: 0.3 },
      ],
      reason: "Perhaps food, but only 60 % sure: please decide.",
      explanation: { nearest: [{ paymentId: "bank:0", text: "Shop before", categoryId: FOOD }], terms: [] },
      at: "2026-03-01T00:00:00.000Z",
    })),
  );
  await bench.store.collection(queue).upsertMany(
    items.map((item) => ({
      ...item,
      modelVersion: "m1",
      reason: "Perhaps food, but only 60 % sure: please decide.",
    })),
  );
}

/** What the classify node does. */
export async function classify(bench: Bench, store: Store = bench.store): Promise<void> {
  await takeUp(store, BUDGET, bench.clock.now);
  await classifyStep({ ...bench.context(), store }, { budgetId: BUDGET, policy: "review", again: false });
}

/** A whole pass of the main job, with the real classify step. */
export async function pass(bench: Bench): Promise<void> {
  await bench.match();
  await classify(bench);
  await bench.sync();
}

export const decisionOf = (bench: Bench, id: string): Promise<Decision | undefined> =>
  bench.store.collection(decisions).get(itemId(id));
export const reviewOf = (bench: Bench, id: string): Promise<Review | undefined> =>
  bench.store.collection(reviews).get(itemId(id));

/** What counts of an item for a person. */
export const told = ({ state, categoryId, confidence, reason }: QueueItem) => ({
  state,
  categoryId,
  confidence,
  reason,
});

export async function openBench(): Promise<Bench> {
  const bench = await Bench.open();
  await bench.match();
  return bench;
}
