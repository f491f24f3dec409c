import { setImmediate as breathe } from "node:timers/promises";
import type { Counts, StepContext } from "../../runs";
import {
  classifications,
  payments,
  queue,
  type Classification,
  type ConditionalResult,
  type QueueItem,
  type QueueState,
  type Store,
} from "../../store";
import { TallyError, type Id, type Instant } from "../../values";
import { decide, explain, type Explained, type UserRule } from "../cascade";
import { exampleOf, usableCategories } from "./labels";
import { liveModel, type LiveModel } from "./live";

/** Moves queue items from a state, each by compare-and-set; what moved meanwhile comes back as a conflict. */
export type MoveItems = (
  store: Store,
  moves: { id: Id; expectedState: QueueState; set: Partial<QueueItem> }[],
) => Promise<ConditionalResult>;

export interface ClassifyStepOptions {
  budgetId: Id;
  /** What becomes of payments that no category is sure enough for: wait for a person, or go in without one. */
  policy: "review" | "uncategorised";
  moveItems: MoveItems;
  rules?: readonly UserRule[];
}

export interface ClassifySummary {
  modelVersion: string | undefined;
  counts: Counts;
}

const PAGE = 500;
/** Payments classified before the event loop gets its turn. */
const BURST = 40;
/** Stands for the model in ids and items while there is none. */
const NO_MODEL = "none";

/**
 * Classify the payments that wait in state `new`: write down what was decided and why, then move the items on. A
 * crash in between leaves items in `new`; the next run decides the same and moves them.
 *
 * @throws TallyError CANCELLED when stopped (what is done is kept), MODEL_MISSING, STORE_*
 */
export async function classifyStep(ctx: StepContext, options: ClassifyStepOptions): Promise<ClassifySummary> {
  const { store } = ctx;
  const { budgetId } = options;
  const live = await liveModel(store, budgetId);
  const usable = await usableCategories(store, budgetId);
  const names = new Map([...usable].map(([id, { name }]) => [id, name]));
  const allowed = new Set([...usable.values()].filter(({ hidden }) => !hidden).map(({ id }) => id));
  const counts: Counts = {
    seen: 0,
    classified: 0,
    review: 0,
    uncategorised: 0,
    transfers: 0,
    conflicts: 0,
    missing: 0,
  };
  const total = await store.collection(queue).count({ index: "byState", equals: [budgetId, "new"] });
  let after: string | undefined;
  do {
    if (ctx.signal.aborted)
      throw new TallyError("CANCELLED", "Classifying was stopped and goes on with the next run.", {
        retryable: true,
      });
    const page = await store.collection(queue).find({
      index: "byState",
      equals: [budgetId, "new"],
      limit: PAGE,
      ...(after !== undefined && { after }),
    });
    await classifyPage(page.items);
    after = page.next;
    ctx.progress(counts["seen"]!, total, "payments classified");
  } while (after !== undefined);
  return { modelVersion: live?.version, counts };

  async function classifyPage(items: readonly QueueItem[]): Promise<void> {
    const found = await store.collection(payments).getMany(items.map(({ paymentId }) => paymentId));
    const byId = new Map(found.map((payment) => [payment.id, payment]));
    const at = ctx.now();
    const written: Classification[] = [];
    const moves: Parameters<MoveItems>[1] = [];
    for (const [i, item] of items.entries()) {
      if (i % BURST === BURST - 1) await breathe();
      counts["seen"]!++;
      const payment = byId.get(item.paymentId);
      if (!payment) {
        counts["missing"]!++;
        ctx.log(
          "warn",
          `The payment ${item.paymentId} is queued but not stored; it waits until it is extracted again.`,
        );
        continue;
      }
      const cascade = { allowed, rules: options.rules ?? [], transfer: item.transferPaymentId !== undefined };
      const example = exampleOf(payment);
      const decision = decide(live?.model, example, cascade);
      const explained = explain(live?.model, example, decision, {
        ...cascade,
        nameOf: (id) => names.get(id) ?? id,
      });
      written.push(classificationOf(item, explained, live, at));
      moves.push({ id: item.id, expectedState: "new", set: nextOf(explained, live, at) });
    }
    await store.collection(classifications).upsertMany(written);
    const { updatedIds, conflictIds } = await options.moveItems(store, moves);
    counts["conflicts"]! += conflictIds.length;
    const moved = new Set(updatedIds);
    const transfers = new Set(
      items.filter((item) => item.transferPaymentId !== undefined).map((item) => item.id),
    );
    for (const { id, set } of moves) {
      if (!moved.has(id)) continue;
      if (set.state === "review") counts["review"]!++;
      else if (set.categoryId) counts["classified"]!++;
      else if (transfers.has(id)) counts["transfers"]!++;
      else counts["uncategorised"]!++;
    }
  }

  function nextOf(explained: Explained, model: LiveModel | undefined, at: Instant): Partial<QueueItem> {
    const waits = explained.path === "abstain" && options.policy === "review";
    return {
      state: waits ? "review" : "classified",
      stateSince: at,
      categoryId: explained.categoryId ?? null,
      confidence: explained.confidence,
      reason: explained.reason,
      modelVersion: model?.version ?? NO_MODEL,
    };
  }
}

function classificationOf(
  item: QueueItem,
  explained: Explained,
  live: LiveModel | undefined,
  at: Instant,
): Classification {
  const modelVersion = live?.version ?? NO_MODEL;
  return {
    id: `${item.paymentId}|${item.budgetId}|${modelVersion}`,
    paymentId: item.paymentId,
    budgetId: item.budgetId,
    modelVersion,
    path: explained.path,
    ...(explained.categoryId !== undefined && { categoryId: explained.categoryId }),
    confidence: explained.confidence,
    top: explained.top,
    reason: explained.reason,
    explanation: explained.explanation,
    at,
  };
}
