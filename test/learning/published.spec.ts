import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { learningPython } from "../../bench/support/learning-peers";
import {
  accuracy,
  createEstimator,
  estimatorKind,
  macroF1,
  outcomeOf,
  WORDS,
  parseColumnMap,
  readLabelledCsv,
  type Estimator,
  type LabelledExample,
} from "../../lib/learning";
import {
  FeatureExtractor,
  LabelMemory,
  WordExtractor,
  type FeatureVector,
} from "../../lib/learning/features";
import { sharedPath, skipWithout } from "../support/shared";

const SCRIPT = path.resolve(__dirname, "../../../bench/peers/estimators.py");
const ORDERS = "data/payments/wvu_2017_2021.csv";
/** Rows of {@link ORDERS} from which on a slice is learned and the next predicted. */
const STARTS = [0, 2_000, 4_000, 6_000];
const CARDS = "data/payments/birmingham_2014_2017.csv";

/** Feature rows as lists of columns and values. */
interface Rows {
  columns: number[][];
  values: number[][];
  labels: string[];
}
interface Scored {
  accuracy: number;
  logLoss: number;
}

/** Hashes as columns from 0 on, the same for both parts. */
class Columns {
  private readonly known = new Map<number, number>();

  of(hash: number): number {
    let column = this.known.get(hash);
    if (column === undefined) this.known.set(hash, (column = this.known.size));
    return column;
  }
}

/** The rows that an estimator makes of examples. */
function featureRows(
  rows: readonly LabelledExample[],
  columns: Columns,
  extract: (row: LabelledExample) => FeatureVector,
): Rows {
  const found: Rows = { columns: [], values: [], labels: rows.map(({ label }) => label) };
  for (const row of rows) {
    const { hashes, values, size } = extract(row);
    found.columns.push(Array.from(hashes.subarray(0, size), (hash) => columns.of(hash)));
    found.values.push(Array.from(values.subarray(0, size)));
  }
  return found;
}

/** With what memory holds before each label of the training rows, and before all of the others. */
function remembering(train: readonly LabelledExample[]): (row: LabelledExample) => FeatureVector {
  const extractor = new FeatureExtractor();
  const memory = new LabelMemory();
  const learned = new Set(train);
  const numbers = new Map<string, number>();
  return (row) => {
    const vector = extractor.extract(row, memory);
    if (learned.has(row)) {
      if (!numbers.has(row.label)) numbers.set(row.label, numbers.size);
      for (const key of extractor.keys)
        if (key !== 0) memory.push(key, numbers.get(row.label)!, extractor.day);
    }
    return vector;
  };
}

function logLoss(estimator: Estimator, rows: readonly LabelledExample[]): number {
  const losses = rows.map((row) => {
    const { categories, probabilities } = estimator.predict(row);
    return -Math.log(Math.max(1e-4, probabilities[categories.indexOf(row.label)] ?? 0));
  });
  return losses.reduce((a, b) => a + b, 0) / losses.length;
}

describe("learning: beside published implementations", function () {
  this.timeout(900_000);
  let orders: LabelledExample[];
  let ask: <T>(what: "bayes" | "logistic", data: object) => T;
  let folder: string | undefined;

  before(function () {
    const file = sharedPath(ORDERS);
    if (!file) skipWithout(this, ORDERS);
    const python = learningPython();
    const has = python && spawnSync(python, ["-c", "import sklearn; print(sklearn.__version__)"]);
    if (!has || has.status !== 0) {
      console.log(
        `      skipped: no Python with scikit-learn. Install python3 with venv and let pip reach PyPI${python ? `, and remove ${path.resolve(python, "../..")}, to which it could not be installed` : ""}.`,
      );
      this.skip();
    }
    const map = "text=Supplier,label=Category,date=Approved Date,amount=Amount,description=Description";
    const { rows } = readLabelledCsv(file, parseColumnMap(map));
    orders = rows;
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-published-"));
    const given = path.join(folder, "given.json");
    ask = (what, data) => {
      writeFileSync(given, JSON.stringify(data));
      const ran = spawnSync(python!, [SCRIPT, what, given], {
        encoding: "utf8",
        maxBuffer: 1 << 28,
        env: { ...process.env, OPENBLAS_NUM_THREADS: "1" },
      });
      assert.equal(ran.status, 0, ran.stderr);
      return JSON.parse(ran.stdout) as never;
    };
  });
  after(() => folder && rmSync(folder, { recursive: true, force: true }));

  it("complement naive Bayes gives scikit-learn's probabilities on the same features", () => {
    const [train, test] = [orders.slice(0, 2_000), orders.slice(2_000, 2_500)];
    const name = "complement-naive-bayes";
    const estimator = createEstimator(name);
    estimator.fit(train);
    const columns = new Columns();
    const extractor = new FeatureExtractor();
    const extract = (row: LabelledExample) => extractor.extract(row, undefined);
    const theirs = ask<{ classes: string[]; logs: number[][] }>("bayes", {
      train: featureRows(train, columns, extract),
      test: featureRows(test, columns, extract),
      alpha: estimatorKind(name).defaults["alpha"],
    });
    let agreed = 0;
    let farthest = 0;
    test.forEach((row, i) => {
      const { categories, probabilities } = estimator.predict(row);
      const logs = theirs.logs[i]!;
      const first = theirs.classes[logs.indexOf(Math.max(...logs))];
      if (categories[probabilities.indexOf(Math.max(...probabilities))] === first) agreed++;
      theirs.classes.forEach((category, c) => {
        const own = Math.log(probabilities[categories.indexOf(category)]!);
        farthest = Math.max(farthest, Math.abs(own - logs[c]!));
      });
    });
    assert.ok(agreed >= test.length - 1, `${agreed} of ${test.length}`);
    assert.ok(farthest < 1e-4, `log-probabilities differ by ${farthest}`);
  });

  const words = new WordExtractor();
  type Reading = (train: readonly LabelledExample[]) => (row: LabelledExample) => FeatureVector;
  const kinds: { name: string; parameters: Record<string, number>; reading: Reading }[] = [
    // Its words are looked at by themselves.
    { name: "sparse-logistic", parameters: { words: 0 }, reading: remembering },
    { name: WORDS, parameters: {}, reading: () => (row) => words.extract(row) },
  ];
  for (const { name, parameters, reading } of kinds)
    it(`${name} is no worse than scikit-learn's logistic regressions on the same features`, () => {
      const sums: Record<string, Scored> = {};
      const add = (whose: string, { accuracy, logLoss }: Scored) => {
        const sum = (sums[whose] ??= { accuracy: 0, logLoss: 0 });
        sum.accuracy += accuracy / STARTS.length;
        sum.logLoss += logLoss / STARTS.length;
      };
      // Four moments: which of them is better at one of them is chance.
      for (const from of STARTS) {
        const [train, test] = [orders.slice(from, from + 600), orders.slice(from + 600, from + 1_000)];
        const estimator = createEstimator(name, parameters);
        estimator.fit(train);
        const outcomes = test.map((row) => outcomeOf(estimator.predict(row), row.label));
        add("ours", { accuracy: accuracy(outcomes), logLoss: logLoss(estimator, test) });
        const columns = new Columns();
        const extract = reading(train);
        const theirs = ask<Record<string, Scored>>("logistic", {
          train: featureRows(train, columns, extract),
          test: featureRows(test, columns, extract),
        });
        for (const [whose, scored] of Object.entries(theirs)) add(whose, scored);
      }
      const { ours, ...others } = sums;
      assert.equal(Object.keys(others).length, 2);
      // One standard error of the difference on 1,600 rows is a point.
      for (const { accuracy, logLoss } of Object.values(others)) {
        assert.ok(ours!.accuracy > accuracy - 0.01, JSON.stringify(sums));
        assert.ok(ours!.logLoss < logLoss * 1.05, JSON.stringify(sums));
      }
    });
});

describe("learning: counterparty memory beside its published figure", function () {
  this.timeout(120_000);

  it("is as right, told each label after its prediction, as a decayed memory was: .755, macro F1 .590", function () {
    const file = sharedPath(CARDS);
    if (!file) skipWithout(this, CARDS);
    const map =
      "text=merchant,label=category,date=date,amount=amount_gbp,account=card,context=cost_centre+directorate";
    const { rows } = readLabelledCsv(file, parseColumnMap(map));
    const cut = Math.floor(rows.length * 0.8);
    const support = new Map<string, number>();
    for (const { label } of rows.slice(0, cut)) support.set(label, (support.get(label) ?? 0) + 1);
    const frequent = ({ label }: LabelledExample) => (support.get(label) ?? 0) >= 50;
    const estimator = createEstimator("counterparty-memory");
    estimator.fit(rows.slice(0, cut).filter(frequent));
    const outcomes = rows
      .slice(cut)
      .filter(frequent)
      .map((row) => outcomeOf(estimator.reveal(row, row.label), row.label));
    // Two standard errors of a share on as many rows.
    const noise = 2 * Math.sqrt((0.755 * 0.245) / outcomes.length);
    assert.ok(accuracy(outcomes) > 0.755 - noise, `${accuracy(outcomes)}`);
    assert.ok(macroF1(outcomes) > 0.59 - noise, `${macroF1(outcomes)}`);
  });
});
