import type { Classification, ClassificationPath } from "../../store";
import type { Id } from "../../values";
import type { TrainedModel } from "../model";
import type { Example } from "../types";
import { matchRule, type UserRule } from "./rules";

/** What the cascade decides for one payment. */
export interface Decision {
  path: ClassificationPath;
  /** Absent for transfers and when it abstained. */
  categoryId?: Id;
  /** Probability that the best guess is right, 0 to 1; for an abstention too. */
  confidence: number;
  /** The three most likely categories, best first; empty for transfers. */
  top: { categoryId: Id; confidence: number }[];
}

/** A payment that gives back what an earlier one of a known category took. */
export interface Refund {
  /** The earlier payment. */
  paymentId: Id;
  categoryId: Id;
  confidence: number;
  /** Amount, party and date of the earlier payment, for people. */
  text: string;
}

export interface CascadeOptions {
  /** Categories that exist; no other is ever suggested. All that the model knows when absent. */
  allowed?: ReadonlySet<Id>;
  rules?: readonly UserRule[];
  /** The payment is one side of a transfer between own accounts. */
  transfer?: boolean;
  refund?: Refund;
}

export type Explained = Decision & Pick<Classification, "reason" | "explanation">;

/** Transfer, then the user's rules, then what it refunds, then the model, and below its threshold nothing. */
export function decide(
  model: TrainedModel | undefined,
  example: Example,
  options: CascadeOptions = {},
): Decision {
  if (options.transfer) return { path: "transfer", confidence: 1, top: [] };
  const rule = matchRule(options.rules ?? [], example);
  if (rule && (options.allowed?.has(rule.categoryId) ?? true)) {
    return {
      path: "rule",
      categoryId: rule.categoryId,
      confidence: 1,
      top: [{ categoryId: rule.categoryId, confidence: 1 }],
    };
  }
  const { refund } = options;
  if (refund && (options.allowed?.has(refund.categoryId) ?? true)) {
    const { categoryId, confidence } = refund;
    return { path: "refund", categoryId, confidence, top: [{ categoryId, confidence }] };
  }
  if (!model) return { path: "abstain", confidence: 0, top: [] };
  const scored = model.score(example, options.allowed);
  if (scored.best < 0) return { path: "abstain", confidence: 0, top: [] };
  const top = topOf(scored.categories, scored.probabilities, scored.best, scored.confidence);
  if (scored.confidence < scored.threshold) return { path: "abstain", confidence: scored.confidence, top };
  return { path: "model", categoryId: top[0]!.categoryId, confidence: scored.confidence, top };
}

/** The decision with the reason for people and what it rests on. */
export function explain(
  model: TrainedModel | undefined,
  example: Example,
  decision: Decision,
  options: CascadeOptions & { nameOf?(category: Id): string } = {},
): Explained {
  const nameOf = options.nameOf ?? ((category: Id) => category);
  const guess = decision.categoryId ?? decision.top[0]?.categoryId;
  const known = model && !["transfer", "rule", "refund"].includes(decision.path);
  const nearest = known
    ? model.nearest(example).filter((past) => options.allowed?.has(past.categoryId) ?? true)
    : [];
  const terms = known && guess !== undefined ? model.terms(example, guess) : [];
  return { ...decision, explanation: { nearest, terms }, reason: reason() };

  function reason(): string {
    const sure = `${Math.round(decision.confidence * 100)} % sure`;
    switch (decision.path) {
      case "transfer":
        return "A transfer between your own accounts has no category.";
      case "rule": {
        const rule = matchRule(options.rules ?? [], example);
        return `Your rule ${rule?.name ? `"${rule.name}"` : "for such payments"} says ${nameOf(guess!)}.`;
      }
      case "refund":
        return `Refund of ${options.refund!.text}, which is ${nameOf(guess!)}.`;
      case "model":
        return `Most likely ${nameOf(guess!)} (${sure})${because()}.`;
      case "abstain":
        if (!model) return "Nothing has been learned yet: no model is trained.";
        if (guess === undefined)
          return model.estimator.categories.some((category) => options.allowed?.has(category) ?? true)
            ? "No payment like this one has a category yet: please decide."
            : "The model knows no category that still exists in the budget.";
        return `Perhaps ${nameOf(guess)}${like()}, but only ${sure}: please decide.`;
    }
  }

  function like(): string {
    const same = nearest.find((past) => past.categoryId === guess);
    return same ? `, like "${same.text}" before` : "";
  }

  function because(): string {
    return like() || (terms[0] ? `, mostly by ${terms[0].term}` : "");
  }
}

/** The best three; the first with its calibrated confidence, the others with their share of what is left. */
function topOf(
  categories: readonly Id[],
  probabilities: Float32Array,
  best: number,
  confidence: number,
): Decision["top"] {
  let second = -1;
  let third = -1;
  let most = 0;
  let more = 0;
  for (let c = 0; c < probabilities.length; c++) {
    const p = probabilities[c]!;
    if (p <= more || c === best) continue;
    if (p > most) {
      third = second;
      more = most;
      second = c;
      most = p;
    } else {
      third = c;
      more = p;
    }
  }
  const order = [best, second, third].filter((c) => c >= 0);
  const rest = 1 - probabilities[best]!;
  return order.map((c, place) => ({
    categoryId: categories[c]!,
    confidence:
      place === 0
        ? confidence
        : Math.min(confidence, rest > 0 ? ((1 - confidence) * probabilities[c]!) / rest : 0),
  }));
}
