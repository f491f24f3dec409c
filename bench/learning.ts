import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { SMALL, SMALL_ENV } from "../cli/node-red";
import {
  accuracy,
  cleanText,
  competingEstimators,
  createEstimator,
  decide,
  NETWORK,
  evaluateModel,
  expectedCalibrationError,
  macroF1,
  outcomeOf,
  parseColumnMap,
  readLabelledCsv,
  tensorFlow,
  trainModel,
  type Estimator,
  type LabelledExample,
} from "../lib/learning";
import { fillLabelled } from "./support/labelled-store";
import { toTallyError } from "../lib/values";
import { learningPeers } from "./support/learning-peers";
import type { LiveFigures } from "./support/train-live";
import { rounded, type Bench, type BenchResult } from "./result";

/** Figures of one learner on one set; what was not measured is absent, and `skipped` says why. */
export interface LearningFigures {
  accuracy?: number;
  macroF1?: number;
  /** Share answered at the model's own threshold, and how much of it was right. */
  coverage?: number;
  precisionAtThreshold?: number;
  /** Share that could be answered at 95 % with the threshold known afterwards. */
  coverageAtTarget?: number;
  ece?: number;
  trainSeconds?: number;
  predictionsPerSecond?: number;
  /** 99th percentile of a single classification. */
  p99Ms?: number;
  skipped?: string;
}

/** The sets, each with what its columns mean; the same defaults serve all. */
const SETS: Readonly<Record<string, { file: string; map: string }>> = {
  birmingham: {
    file: "birmingham_2014_2017.csv",
    map: "text=merchant,label=category,date=date,amount=amount_gbp,account=card,context=cost_centre+directorate",
  },
  gla: { file: "gla_2008_2013.csv", map: "text=Vendor,label=AccountDescription,date=Date,amount=Amount" },
  wvu: {
    file: "wvu_2017_2021.csv",
    map: "text=Supplier,label=Category,date=Approved Date,amount=Amount,description=Description,type=Type",
  },
};

const root = path.resolve(__dirname, "../..");
const LARGEST = "birmingham";
const LIVE_LIMIT_MS = 10 * 60_000;
const LIVE_NOTE =
  "A stall's cpuMs is CPU time of the main thread within it, and queuedMs the time in which it was ready and other threads had the cores; what is left of wallMs it was blocked. `while` is what the step was at.";
/** Categories with fewer training rows are left out, for all learners alike. */
const FEWEST = 50;

export const bench: Bench = {
  summary: "categories of payments learned and predicted, beside other learners on the same split",
  options: `
  --sets LIST      of ${Object.keys(SETS).join(",")} (all)
  --no-peers       only what runs in this process
  --live           no figures of categories: the largest set trained by the train step out of a store, and how the event
                   loop of the main thread fares meanwhile
  --rows N         only the first N rows of each set (all)
`,
  run: async (args, say) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        sets: { type: "string", default: Object.keys(SETS).join(",") },
        "no-peers": { type: "boolean", default: false },
        live: { type: "boolean", default: false },
        rows: { type: "string", default: "Infinity" },
      },
    });
    const result: BenchResult = {
      name: "learning",
      ours: {},
      peers: {},
      ratios: {},
      notes: [
        `The first 80 % by date are learned, the rest is predicted; categories with at least ${FEWEST} training rows. Fixed: nothing is revealed. Online: each label is revealed after its prediction.`,
      ],
    };
    for (const name of values.live ? [LARGEST] : values.sets.split(",")) {
      const set = SETS[name];
      if (!set) throw new Error(`--sets takes ${Object.keys(SETS).join(", ")}, not ${name}.`);
      const shared = process.env["TALLYFLOW_SHARED"] ?? path.join(root, "..", "shared");
      const file = path.join(shared, "data/payments", set.file);
      if (!existsSync(file)) {
        result.notes!.push(`${name}: skipped, ${file} is not there.`);
        continue;
      }
      const { train, test } = split(
        readLabelledCsv(file, parseColumnMap(set.map)).rows.slice(0, Number(values.rows)),
      );
      say(`${name}: ${train.length} rows to learn, ${test.length} to predict`);
      if (values.live) {
        result.ours[`${name}, through the train step`] = await live(train);
        result.notes = [LIVE_NOTE];
        continue;
      }
      const ours = own(train, test);
      const others = {
        ...simple(train, test),
        ...alone(train, test, say),
        ...(values["no-peers"] ? {} : learningPeers(train, test, say)),
      };
      result.ours[name] = { train: train.length, test: test.length, ...ours };
      result.peers[name] = others;
      Object.assign(result.ratios, ratiosOf(name, ours.fixed, others));
    }
    result.notes!.push(networkNote());
    return result;
  },
};

/** The two backends differ in time, hardly in answers: which one it was belongs to the figures. */
function networkNote(): string {
  try {
    const { kind, note } = tensorFlow();
    return note ?? `The network ran on the ${kind} backend of TensorFlow.js.`;
  } catch (error) {
    return toTallyError(error).message;
  }
}

function split(rows: readonly LabelledExample[]): { train: LabelledExample[]; test: LabelledExample[] } {
  const cut = Math.floor(rows.length * 0.8);
  const support = new Map<string, number>();
  for (const { label } of rows.slice(0, cut)) support.set(label, (support.get(label) ?? 0) + 1);
  const frequent = ({ label }: LabelledExample) => (support.get(label) ?? 0) >= FEWEST;
  return { train: rows.slice(0, cut).filter(frequent), test: rows.slice(cut).filter(frequent) };
}

/** In a process of its own, which holds nothing but what the step needs, with the flags of `tallyflow start`. */
async function live(train: readonly LabelledExample[]): Promise<LiveFigures> {
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-bench-"));
  try {
    const file = path.join(folder, "tallyflow.db");
    await fillLabelled(file, train);
    const script = path.join(__dirname, "support/train-live.js");
    const ran = spawnSync(process.execPath, [...SMALL, script, file], {
      encoding: "utf8",
      env: { ...process.env, ...SMALL_ENV },
      timeout: LIVE_LIMIT_MS,
    });
    if (ran.status !== 0) throw new Error(`Training did not end well: ${ran.stderr || String(ran.signal)}`);
    return JSON.parse(ran.stdout) as LiveFigures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function own(
  train: readonly LabelledExample[],
  test: readonly LabelledExample[],
): { fixed: LearningFigures; online: LearningFigures } {
  const began = performance.now();
  const { model } = trainModel(train);
  const trainSeconds = (performance.now() - began) / 1000;
  const single = test.map((row) => {
    const from = performance.now();
    decide(model, row);
    return performance.now() - from;
  });
  const p99Ms = percentile99(single);
  // The fixed one first: online, the model goes on learning.
  const fixed = { ...evaluateModel(model, test, false), trainSeconds, p99Ms };
  return { fixed, online: evaluateModel(model, test, true) };
}

function percentile99(times: number[]): number {
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)]!;
}

/** What needs no learner at all. */
function simple(
  train: readonly LabelledExample[],
  test: readonly LabelledExample[],
): Record<string, LearningFigures> {
  const counts = new Map<string, Map<string, number>>();
  const all = new Map<string, number>();
  for (const { text, label } of train) {
    const key = cleanText(text).whole;
    const of = counts.get(key) ?? new Map<string, number>();
    counts.set(key, of.set(label, (of.get(label) ?? 0) + 1));
    all.set(label, (all.get(label) ?? 0) + 1);
  }
  const most = (of: Map<string, number>) =>
    [...of].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
  const majority = most(all);
  const share = (predict: (row: LabelledExample) => string): LearningFigures => ({
    accuracy: test.filter((row) => predict(row) === row.label).length / test.length,
  });
  return {
    majority: share(() => majority),
    "dictionary of seen texts": share(({ text }) =>
      most(counts.get(cleanText(text).whole) ?? new Map([[majority, 1]])),
    ),
  };
}

/** Each estimator by itself, without competition, calibration and threshold. */
function alone(
  train: readonly LabelledExample[],
  test: readonly LabelledExample[],
  say: (text: string) => void,
): Record<string, LearningFigures> {
  const found: Record<string, LearningFigures> = {};
  for (const name of [...competingEstimators(), NETWORK]) {
    say(`  ${name} alone`);
    let estimator: Estimator;
    try {
      estimator = createEstimator(name);
    } catch (error) {
      found[`${name} alone`] = { skipped: toTallyError(error).message };
      continue;
    }
    const began = performance.now();
    estimator.fit(train);
    const trainSeconds = (performance.now() - began) / 1000;
    for (const online of [false, true]) {
      const single: number[] = [];
      const outcomes = test.map((row) => {
        const from = performance.now();
        const scores = online ? estimator.reveal(row, row.label) : estimator.predict(row);
        single.push(performance.now() - from);
        return outcomeOf(scores, row.label);
      });
      found[`${name} alone, ${online ? "online" : "fixed"}`] = {
        accuracy: accuracy(outcomes),
        macroF1: macroF1(outcomes),
        ece: expectedCalibrationError(outcomes),
        // Online it is the time of an answer and of learning the label.
        p99Ms: percentile99(single),
        ...(online ? {} : { trainSeconds }),
      };
    }
  }
  return found;
}

function ratiosOf(
  set: string,
  ours: LearningFigures,
  others: Readonly<Record<string, LearningFigures>>,
): Record<string, number> {
  const ratios: Record<string, number> = {};
  for (const [name, peer] of Object.entries(others)) {
    if (name.includes(" alone, ")) continue;
    if (peer.accuracy)
      ratios[`${set}: accuracy of ours, fixed / ${name}`] = rounded(ours.accuracy! / peer.accuracy);
    if (peer.trainSeconds)
      ratios[`${set}: training time of ours / ${name}`] = rounded(ours.trainSeconds! / peer.trainSeconds);
  }
  return ratios;
}
