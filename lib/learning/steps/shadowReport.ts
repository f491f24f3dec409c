import type { StepContext } from "../../runs";
import {
  models,
  modelVersions,
  shadows,
  type ModelVersion,
  type ShadowOutcome,
  type Store,
} from "../../store";
import type { Id } from "../../values";
import type { Outcome } from "../calibration";
import { gate, MIN_ROWS, type GateResult } from "../gate";
import { modelName, promote, wasRolledBack } from "../registry";
import { labelsKnown } from "./shadow";

/** How a version and the one in production did on the same live payments. */
export interface ShadowReport {
  version: string;
  against: string;
  /** Live payments that both spoke about before anybody else did; at most the newest 5,000. */
  payments: number;
  /** On so many their best guess was the same. */
  agreed: number;
  /** How many each was sure enough to answer, and how many both were. */
  answered: { candidate: number; production: number; both: number };
  /** Of the payments that people have given a category since: whose best guess was right. */
  labelled: {
    payments: number;
    candidateRight: number;
    productionRight: number;
    /** Only the one, only the other: what the comparison rests on. */
    onlyCandidate: number;
    onlyProduction: number;
    /** 95 % interval of the difference of their accuracies, by paired bootstrap; absent below 20 payments. */
    interval?: { low: number; high: number };
  };
}

/** A report with what the gate makes of it. */
interface Judged {
  report: ShadowReport;
  candidate: Outcome[];
  production: Outcome[];
}

/**
 * The shadow reports of a version, one for each version that was in production meanwhile, the largest first.
 * People confirm suggestions more easily than they correct them: labels lean to the version in production.
 */
export async function shadowReports(store: Store, budgetId: Id, version: string): Promise<ShadowReport[]> {
  return (await judged(store, budgetId, version)).map(({ report }) => report);
}

async function judged(store: Store, budgetId: Id, version: string): Promise<Judged[]> {
  const outcomes: ShadowOutcome[] = [];
  for await (const outcome of store
    .collection(shadows)
    .scan({ index: "byVersion", equals: [budgetId, version] }))
    outcomes.push(outcome);
  const labels = await labelsKnown(store, budgetId, outcomes);
  const rivals = new Map<string, ShadowOutcome[]>();
  for (const outcome of outcomes)
    rivals.set(outcome.against, [...(rivals.get(outcome.against) ?? []), outcome]);
  return [...rivals]
    .map(([against, own]) => reportOf(version, against, own, labels))
    .sort((a, b) => b.report.payments - a.report.payments);
}

function reportOf(
  version: string,
  against: string,
  outcomes: readonly ShadowOutcome[],
  labels: ReadonlyMap<Id, Id>,
): Judged {
  const candidate: Outcome[] = [];
  const production: Outcome[] = [];
  for (const outcome of outcomes) {
    const label = labels.get(outcome.paymentId);
    if (label === undefined) continue;
    candidate.push({ ...outcomeOf(outcome.candidate), label });
    production.push({ ...outcomeOf(outcome.production), label });
  }
  const right = (outcome: Outcome) => outcome.predicted === outcome.label;
  const count = (test: (outcome: ShadowOutcome) => boolean) => outcomes.filter(test).length;
  const interval = candidate.length < MIN_ROWS ? undefined : gate(candidate, production, []).interval;
  return {
    candidate,
    production,
    report: {
      version,
      against,
      payments: outcomes.length,
      agreed: count((one) => one.candidate.categoryId === one.production.categoryId),
      answered: {
        candidate: count((one) => one.candidate.answered),
        production: count((one) => one.production.answered),
        both: count((one) => one.candidate.answered && one.production.answered),
      },
      labelled: {
        payments: candidate.length,
        candidateRight: candidate.filter(right).length,
        productionRight: production.filter(right).length,
        onlyCandidate: candidate.filter((one, i) => right(one) && !right(production[i]!)).length,
        onlyProduction: production.filter((one, i) => right(one) && !right(candidate[i]!)).length,
        ...(interval && { interval }),
      },
    },
  };
}

function outcomeOf({ categoryId, confidence }: ShadowOutcome["candidate"]): Omit<Outcome, "label"> {
  return { predicted: categoryId, confidence };
}

/**
 * Put the candidate into production when its gate had too few payments to compare on and its shadow has enough by now:
 * at least 20 labelled payments against the version that is in production, judged as the gate judges.
 *
 * @returns the gate's words when it was promoted
 * @throws TallyError STORE_*
 */
export async function promoteByShadow(ctx: StepContext, budgetId: Id): Promise<GateResult | undefined> {
  const { store } = ctx;
  const name = modelName(budgetId);
  const model = await store.collection(models).get(name);
  const { candidate, production } = model?.aliases ?? {};
  if (!candidate || !production || candidate === production || wasRolledBack(model, candidate)) return;
  const versions = store.collection(modelVersions);
  const [challenger, incumbent] = [
    await versions.get(`${name}@${candidate}`),
    await versions.get(`${name}@${production}`),
  ];
  if (!challenger || !incumbent || challenger.asOf || verdictOf(challenger) !== "nothing-to-compare") return;
  const found = (await judged(store, budgetId, candidate)).find(
    ({ report }) => report.against === production,
  );
  if (!found || found.report.labelled.payments < MIN_ROWS) return;
  const before = new Set(incumbent.trainedOn.categories);
  const added = challenger.trainedOn.categories.filter((category) => !before.has(category));
  const result = gate(found.candidate, found.production, added);
  if (!result.promote) return;
  const reason = `By its shadow on live payments. ${result.reason}`;
  await promote(store, name, candidate, ctx.now(), reason);
  ctx.log("info", `Model ${candidate} is in production. ${reason}`);
  await ctx.emit("model.promoted", name, { version: candidate, estimator: challenger.estimator, reason });
  return { ...result, reason };
}

/** What the gate said of a version when it was trained. */
function verdictOf({ metrics }: ModelVersion): string | undefined {
  return (metrics as { gate?: { verdict?: string } }).gate?.verdict;
}
