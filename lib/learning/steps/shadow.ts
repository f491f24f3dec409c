import type { StepContext } from "../../runs";
import { reviews, shadows, type ShadowOutcome, type Store } from "../../store";
import { queueId, takeTurn, toTallyError, turnDue, type CalendarDate, type Id } from "../../values";
import { decide, type Decision } from "../cascade";
import { daysBefore, modelName, REFERENCE_DAYS, resolveAlias } from "../registry";
import type { Example } from "../types";
import { labelsOf } from "./labels";
import { liveModel } from "./live";

/**
 * The shadow: what the candidate would have said of payments that the model in production classified. It is asked
 * after everything is decided and stored, decides nothing, and its failures are only logged.
 */

/** Payments of one run that it looks at; what more there is, is left. */
const MOST_A_RUN = 2_000;
/** Outcomes kept of each version: the newest. */
const MOST_A_VERSION = 5_000;
const PAGE = 500;

/** A payment that the model in production spoke about, and what it said. */
export interface Spoken {
  example: Example;
  decision: Decision;
}

/** Versions whose failure was told, so that an hourly run does not tell it every hour. */
const told = new WeakMap<Store, Set<string>>();

/** Collects what production says while it classifies, and asks the candidate afterwards. */
export class Shadow {
  private readonly spoken: Spoken[] = [];

  constructor(
    private readonly ctx: StepContext,
    private readonly budgetId: Id,
    private readonly production: string | undefined,
    private readonly allowed: ReadonlySet<Id>,
  ) {}

  /** Take note of a decision; those that no model made are left. */
  see(example: Example, decision: Decision): void {
    if (this.production === undefined || this.spoken.length >= MOST_A_RUN) return;
    if (decision.top.length > 0 && (decision.path === "model" || decision.path === "abstain"))
      this.spoken.push({ example, decision });
  }

  /**
   * Ask the candidate about what was seen, and store both guesses. Never throws.
   * @returns how many outcomes are new
   */
  async record(): Promise<number> {
    const { ctx, budgetId, production } = this;
    if (production === undefined || this.spoken.length === 0) return 0;
    let version: string | undefined;
    try {
      version = await resolveAlias(ctx.store, modelName(budgetId), "candidate");
      if (version === undefined || version === production) return 0;
      return await this.ask(version, production);
    } catch (error) {
      const known = told.get(ctx.store) ?? new Set<string>();
      told.set(ctx.store, known);
      const name = `${budgetId}@${version ?? ""}`;
      if (!known.has(name)) {
        known.add(name);
        const { message } = toTallyError(error);
        ctx.log(
          "warn",
          `The candidate ${version ?? ""} cannot be compared on live payments: ${message} Payments are classified all the same.`,
        );
      }
      return 0;
    }
  }

  private async ask(version: string, production: string): Promise<number> {
    const { ctx, budgetId, allowed } = this;
    const candidate = await liveModel(ctx.store, budgetId, version);
    if (!candidate) return 0;
    const outcomes: ShadowOutcome[] = [];
    for (const { example, decision } of this.spoken) {
      if (ctx.signal.aborted) break;
      if (turnDue()) await takeTurn();
      const second = decide(candidate.model, example, { allowed });
      if (second.top.length === 0) continue;
      outcomes.push({
        id: `${example.id}|${budgetId}|${version}|${production}`,
        paymentId: example.id,
        budgetId,
        date: example.date,
        version,
        against: production,
        at: ctx.now(),
        candidate: guessOf(second),
        production: guessOf(decision),
      });
    }
    // Whose label is known may have been learned by the one and not by the other: that is no fair question. Looked up
    // after the candidate has spoken, so that nothing it can have learned is missed.
    const known = await labelsKnown(ctx.store, budgetId, outcomes);
    const fair = outcomes.filter(({ paymentId }) => !known.has(paymentId));
    const collection = ctx.store.collection(shadows);
    let inserted = 0;
    for (let start = 0; start < fair.length; start += PAGE)
      inserted += (await collection.insertMissing(fair.slice(start, start + PAGE))).inserted;
    if (inserted > 0) await trim(ctx.store, budgetId, version);
    return inserted;
  }
}

function guessOf({ path, top }: Decision): ShadowOutcome["candidate"] {
  const { categoryId, confidence } = top[0]!;
  return { categoryId, confidence, answered: path === "model" };
}

/**
 * What people have said by now of these payments: in the budget, else in review.
 * @returns payment id -> category
 */
export async function labelsKnown(
  store: Store,
  budgetId: Id,
  of: readonly { paymentId: Id; date: CalendarDate }[],
): Promise<Map<Id, Id>> {
  const found = new Map<Id, Id>();
  if (of.length === 0) return found;
  const wanted = new Set(of.map(({ paymentId }) => paymentId));
  const ids = [...wanted].map((paymentId) => queueId(paymentId, budgetId));
  for (let start = 0; start < ids.length; start += PAGE)
    for (const review of await store.collection(reviews).getMany(ids.slice(start, start + PAGE)))
      found.set(review.paymentId, review.chosenCategoryId);
  const first = of.reduce((least, { date }) => (date < least ? date : least), of[0]!.date);
  // A transaction that a person entered may stand some days before its payment.
  const from = daysBefore(`${first}T00:00:00.000Z`, 31).slice(0, 10);
  for await (const { id, label } of labelsOf(store, budgetId, from)) if (wanted.has(id)) found.set(id, label);
  return found;
}

/** Remove outcomes of a version beyond the newest 5,000. */
async function trim(store: Store, budgetId: Id, version: string): Promise<void> {
  const collection = store.collection(shadows);
  const range = { index: "byVersion", equals: [budgetId, version] };
  const surplus = (await collection.count(range)) - MOST_A_VERSION;
  if (surplus <= 0) return;
  const { items } = await collection.find({ ...range, limit: surplus });
  await collection.deleteMany(items.map(({ id }) => id));
}

/**
 * Remove the shadow outcomes of a budget that are older than 90 days.
 * @returns how many
 */
export async function retainShadows(store: Store, budgetId: Id, now: string): Promise<number> {
  const collection = store.collection(shadows);
  let removed = 0;
  for (;;) {
    const { items } = await collection.find({
      index: "byBudget",
      equals: [budgetId],
      to: daysBefore(now, REFERENCE_DAYS),
      limit: PAGE,
    });
    if (items.length === 0) return removed;
    removed += await collection.deleteMany(items.map(({ id }) => id));
  }
}
