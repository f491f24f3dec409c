import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  cleanText,
  decide,
  evaluateModel,
  readLabelledCsv,
  trainModel,
  type LabelledExample,
} from "../lib/learning";
import { pythonWith } from "./support/python";

/** One line of the comparison; what a peer does not measure is absent. */
export interface LearningRow {
  name: string;
  accuracy?: number;
  macroF1?: number;
  coverage?: number;
  precisionAtThreshold?: number;
  coverageAtTarget?: number;
  ece?: number;
  trainSeconds?: number;
  predictionsPerSecond?: number;
  p99Ms?: number;
  skipped?: string;
}

/** How long one peer may take. */
const PEER_MS = 600_000;

const root = path.resolve(__dirname, "../..");

/**
 * Categories of card payments: the first 80 % by date against the rest, categories with at least 50 training rows,
 * beside peers on the same split in the same run. Skips, saying so, where the data or a peer is absent.
 */
export async function run(): Promise<{ data: string; train: number; test: number; rows: LearningRow[] }> {
  const shared = process.env["TALLYFLOW_SHARED"] ?? path.join(root, "..", "shared");
  const file = path.join(shared, "data/payments/birmingham_2014_2017.csv");
  if (!existsSync(file)) {
    return { data: file, train: 0, test: 0, rows: [{ name: "all", skipped: "the data is not there" }] };
  }
  const { rows } = readLabelledCsv(file, {
    text: ["merchant"],
    label: ["category"],
    date: ["date"],
    amount: ["amount_gbp"],
    account: ["card"],
    context: ["cost_centre", "directorate"],
  });
  const cut = Math.floor(rows.length * 0.8);
  const support = new Map<string, number>();
  for (const { label } of rows.slice(0, cut)) support.set(label, (support.get(label) ?? 0) + 1);
  const frequent = ({ label }: LabelledExample) => (support.get(label) ?? 0) >= 50;
  const train = rows.slice(0, cut).filter(frequent);
  const test = rows.slice(cut).filter(frequent);
  return {
    data: file,
    train: train.length,
    test: test.length,
    rows: [...own(train, test), ...simple(train, test), ...peers(train, test)],
  };
}

function own(train: readonly LabelledExample[], test: readonly LabelledExample[]): LearningRow[] {
  const began = performance.now();
  const { model } = trainModel(train);
  const trainSeconds = (performance.now() - began) / 1000;
  const single = test.map((row) => {
    const from = performance.now();
    decide(model, row);
    return performance.now() - from;
  });
  const p99Ms = single.sort((a, b) => a - b)[Math.floor(single.length * 0.99)]!;
  const fixed = { ...evaluateModel(model, test, false), trainSeconds, p99Ms };
  const online = evaluateModel(model, test, true);
  return [
    { name: "tallyflow, fixed", ...fixed },
    { name: "tallyflow, online", ...online },
  ];
}

function simple(train: readonly LabelledExample[], test: readonly LabelledExample[]): LearningRow[] {
  const counts = new Map<string, Map<string, number>>();
  const all = new Map<string, number>();
  for (const { text, label } of train) {
    const key = cleanText(text).full;
    const own = counts.get(key) ?? new Map<string, number>();
    counts.set(key, own.set(label, (own.get(label) ?? 0) + 1));
    all.set(label, (all.get(label) ?? 0) + 1);
  }
  const most = (of: Map<string, number>) =>
    [...of].reduce((best, next) => (next[1] > best[1] ? next : best))[0];
  const majority = most(all);
  const share = (predict: (row: LabelledExample) => string) =>
    test.filter((row) => predict(row) === row.label).length / test.length;
  return [
    { name: "majority", accuracy: share(() => majority) },
    {
      name: "dictionary of seen texts",
      accuracy: share(({ text }) => most(counts.get(cleanText(text).full) ?? new Map([[majority, 1]]))),
    },
  ];
}

/** Peers in Python, in a virtual environment of their own that is kept in a cache folder. */
function peers(train: readonly LabelledExample[], test: readonly LabelledExample[]): LearningRow[] {
  const names = ["fastText", "complement naive Bayes", "TF-IDF + linear SVM"];
  const python = pythonWith("venv", ["scikit-learn", "fasttext-wheel"]);
  if (!python) return names.map((name) => ({ name, skipped: "python3 with venv is not there" }));
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-bench-"));
  try {
    const plain = (rows: readonly LabelledExample[]) =>
      JSON.stringify(
        rows.map((row) => [`${row.text} ${row.context?.map((c) => `| ${c}`).join(" ") ?? ""}`, row.label]),
      );
    writeFileSync(path.join(folder, "train.json"), plain(train));
    writeFileSync(path.join(folder, "test.json"), plain(test));
    const script = path.join(root, "bench/peers/learning.py");
    return names.map((name): LearningRow => {
      const ran = spawnSync(python, [script, folder, name], { encoding: "utf8", timeout: PEER_MS });
      if (ran.signal) return { name, skipped: `not done after ${PEER_MS / 60_000} minutes` };
      if (ran.status !== 0) return { name, skipped: ran.stderr.trim().split("\n").at(-1) ?? "failed" };
      return JSON.parse(ran.stdout) as LearningRow;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (require.main === module) {
  run().then(
    (result) => console.log(JSON.stringify(result, null, 1)),
    (error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
}
