import type { Counts, StepContext } from "../../runs";
import {
  classifications,
  payments,
  queue,
  type Classification,
  type PaymentFacts,
  type QueueItem,
  type QueueState,
} from "../../store";
import { moveItems, type Move } from "../../queue";
import { TallyError, takeTurn, turnDue, type Id, type Instant } from "../../values";
import type { Explained, Refund, UserRule } from "../cascade";
import { answerOf, basisOf } from "./cascadeNow";
import { exampleOf } from "./labels";
import { liveModel, NO_MODEL, type LiveModel } from "./live";
import { refundsOf } from "./refunds";
import { Shadow } from "./shadow";

export interface ClassifyStepOptions {
  budgetId: Id;
  /**
   * What becomes of payments that no category is sure enough for: they wait for a person, go in with the most likely
   * category, or go in without one.
   */
  policy: "review" | "suggest" | "uncategorised";
  /** Also look again at what waits in review since an older model; true when absent. */
  again?: boolean;
  /** Rules that go before those that are stored. */
  rules?: readonly UserRule[];
}

export interface ClassifySummary {
  modelVersion: string | undefined;
  counts: Counts;
}

const PAGE = 500;

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
  const basis = await basisOf(store, budgetId, live, options.rules);
  const { allowed, gone } = basis;
  if (gone.length > 0) {
    const named = gone.slice(0, 5).map((rule) => `"${rule.name ?? rule.id}"`);
    ctx.log(
      "warn",
      `${gone.length} of your rules name a category that is hidden or no longer there, and are not used: ${named.join(", ")}. Give them another category, or delete them.`,
    );
  }
  const counts: Counts = {
    seen: 0,
    classified: 0,
    review: 0,
    uncategorised: 0,
    transfers: 0,
    conflicts: 0,
    missing: 0,
  };
  const shadow = new Shadow(ctx, budgetId, live?.version, allowed);
  await classifyState("new");
  if (options.again !== false) await classifyState("review");
  // All that counts is stored: the candidate holds nothing up.
  const shadowed = await shadow.record();
  if (shadowed > 0) counts["shadow"] = shadowed;
  return { modelVersion: live?.version, counts };

  async function classifyState(state: QueueState): Promise<void> {
    const total = await store.collection(queue).count({ index: "byState", equals: [budgetId, state] });
    let after: string | undefined;
    do {
      if (ctx.signal.aborted)
        throw new TallyError("CANCELLED", "Classifying was stopped and goes on with the next run.", {
          retryable: true,
        });
      const page = await store.collection(queue).find({
        index: "byState",
        equals: [budgetId, state],
        limit: PAGE,
        ...(after !== undefined && { after }),
      });
      // What waits in review is looked at again only by another model, or when its category went away, and never once
      // it failed for another reason.
      const version = live?.version ?? NO_MODEL;
      await classifyPage(
        page.items.filter(
          (item) =>
            state === "new" ||
            (item.error ? item.error.code === "CATEGORY_GONE" : item.modelVersion !== version),
        ),
      );
      after = page.next;
      ctx.progress(counts["seen"]!, total, "payments classified");
    } while (after !== undefined);
  }

  async function classifyPage(items: readonly QueueItem[]): Promise<void> {
    const found = await store.collection(payments).getMany(
      items.map(({ paymentId }) => paymentId),
      ["raw"],
    );
    const byId = new Map(found.map((payment) => [payment.id, payment]));
    // What came in may refund what went out, whose category is then known.
    const comesIn = ({ paymentId }: QueueItem) => (byId.get(paymentId)?.amount ?? 0) > 0;
    await decideAll(
      items.filter((item) => !comesIn(item)),
      byId,
      new Map(),
    );
    const incoming = items.filter(comesIn);
    if (incoming.length > 0)
      await decideAll(incoming, byId, await refundsOf(store, budgetId, incoming, byId));
  }

  async function decideAll(
    items: readonly QueueItem[],
    byId: ReadonlyMap<Id, PaymentFacts>,
    refunds: ReadonlyMap<Id, Refund>,
  ): Promise<void> {
    const at = ctx.now();
    const written: Classification[] = [];
    const moves: Move[] = [];
    for (const item of items) {
      if (turnDue()) await takeTurn();
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
      const refund = refunds.get(payment.id);
      const explained = answerOf(basis, item, payment, refund);
      shadow.see(exampleOf(payment), explained);
      written.push(classificationOf(item, explained, live, at));
      const { to, set } = nextOf(explained, live);
      set.refundOf = explained.path === "refund" ? refund!.paymentId : undefined;
      moves.push({ item, to, set });
    }
    await store.collection(classifications).upsertMany(written);
    const moved = await moveItems(store, moves, at);
    counts["conflicts"]! += moves.length - moved.length;
    for (const item of moved) {
      if (item.state === "review") counts["review"]!++;
      else if (item.categoryId) counts["classified"]!++;
      else if (item.transferAccountId !== undefined) counts["transfers"]!++;
      else counts["uncategorised"]!++;
    }
  }

  function nextOf(
    explained: Explained,
    model: LiveModel | undefined,
  ): { to: QueueState; set: Partial<QueueItem> } {
    const unsure = explained.path === "abstain";
    const likely = unsure && options.policy === "suggest" ? explained.top[0] : undefined;
    return {
      to: unsure && options.policy === "review" ? "review" : "classified",
      set: {
        categoryId: likely?.categoryId ?? explained.categoryId ?? null,
        confidence: likely?.confidence ?? explained.confidence,
        reason: explained.reason,
        modelVersion: model?.version ?? NO_MODEL,
        error: undefined,
      },
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
