import type { Id } from "../../values";
import { FeatureExtractor } from "../features";
import { softmax, toProbabilities, type Example, type Scores } from "../types";
import { CategoryIndex } from "./categoryIndex";
import { strongest, type EstimatorState, type Parameters, type Term } from "./port";
import { OnlineEstimator } from "./online";
import { register } from "./registry";
import { ENTRY, HEAD, SparseRows } from "./sparseRows";

/**
 * Complement naive Bayes (Rennie, Shih, Teevan, Karger 2003, "Tackling the Poor Assumptions of Naive Bayes Text
 * Classifiers"): a category is likely when the terms are unlikely in all the others, which copes with categories of
 * very different size. Counts only, so it is online by nature.
 *
 * Parameters: `alpha` the smoothing added to each count.
 */
const NAME = "complement-naive-bayes";
const DEFAULTS = { alpha: 0.3 };
/** Row that holds the totals: per category the sum of all its counts. */
const TOTALS = 0xffffffff;

class ComplementNaiveBayes extends OnlineEstimator {
  readonly name = NAME;
  private readonly extractor = new FeatureExtractor();

  constructor(
    readonly parameters: Parameters,
    index: CategoryIndex,
    /**
     * Entries of a category, its count, and what the term says for it: a logarithm, kept until a count of the row changes,
     * when the first of the row becomes NaN.
     */
    private readonly rows: SparseRows,
  ) {
    super(index);
  }

  update(example: Example, label: Id): void {
    const vector = this.extractor.extract(example, undefined);
    const category = this.index.add(label);
    let sum = 0;
    for (let i = 0; i < vector.size; i++) {
      if (this.count(vector.hashes[i]!, category, vector.values[i]!)) sum += vector.values[i]!;
    }
    this.count(TOTALS, category, sum);
  }

  predict(example: Example): Scores {
    const vector = this.extractor.extract(example, undefined);
    const n = this.index.ids.length;
    const scores = new Float64Array(n);
    if (n > 1) {
      const { ints, floats } = this.rows;
      const alpha = this.parameters["alpha"]!;
      const totals = this.totals();
      let length = 0;
      for (let i = 0; i < vector.size; i++) {
        const row = this.rows.find(vector.hashes[i]!);
        if (row < 0) continue;
        const value = vector.values[i]!;
        length += value;
        if (Number.isNaN(floats[row + HEAD + 2])) this.weigh(row);
        const end = row + HEAD + ints[row]! * ENTRY;
        for (let e = row + HEAD; e < end; e += ENTRY) scores[ints[e]!]! += value * floats[e + 2]!;
      }
      // The normaliser of the complement: the same for all terms of a category.
      const sum = totals.reduce((a, b) => a + b, 0);
      for (let c = 0; c < n; c++)
        scores[c]! += length * Math.log((sum - totals[c]! + alpha * this.rows.size) / sum);
      // Terms are far from independent; dividing by the root of the length keeps the probabilities from 0 and 1.
      const spread = Math.sqrt(Math.max(1, length));
      for (let c = 0; c < n; c++) scores[c]! /= spread;
    }
    softmax(scores);
    return { categories: this.index.snapshot(), probabilities: toProbabilities(scores) };
  }

  explain(example: Example, category: Id, limit: number): Term[] {
    const wanted = this.index.get(category);
    const vector = this.extractor.extract(example, undefined, true);
    const { ints, floats } = this.rows;
    const alpha = this.parameters["alpha"]!;
    const terms: Term[] = [];
    for (let i = 0; i < vector.size; i++) {
      const row = this.rows.find(vector.hashes[i]!);
      if (row < 0) continue;
      const end = row + HEAD + ints[row]! * ENTRY;
      let all = 0;
      let own = 0;
      for (let e = row + HEAD; e < end; e += ENTRY) {
        all += floats[e + 1]!;
        if (ints[e] === wanted) own = floats[e + 1]!;
      }
      if (own > 0)
        terms.push({ term: vector.names[i]!, weight: Math.log((all + alpha) / (all - own + alpha)) });
    }
    return strongest(terms, limit);
  }

  serialise(): EstimatorState {
    const { hashes, counts, categories, a } = this.rows.serialise();
    return {
      meta: { categories: this.index.ids.slice(), parameters: { ...this.parameters } },
      arrays: { hashes, counts, entryCategories: categories, a },
    };
  }

  /** How much likelier the term of a row is with each category than elsewhere, as a logarithm. */
  private weigh(row: number): void {
    const { ints, floats } = this.rows;
    const alpha = this.parameters["alpha"]!;
    const end = row + HEAD + ints[row]! * ENTRY;
    let all = 0;
    for (let e = row + HEAD; e < end; e += ENTRY) all += floats[e + 1]!;
    const anywhere = Math.log(all + alpha);
    for (let e = row + HEAD; e < end; e += ENTRY)
      floats[e + 2] = anywhere - Math.log(Math.max(0, all - floats[e + 1]!) + alpha);
  }

  private totals(): Float64Array {
    const totals = new Float64Array(this.index.ids.length);
    const row = this.rows.find(TOTALS);
    const { ints, floats } = this.rows;
    for (let e = row + HEAD; e < row + HEAD + ints[row]! * ENTRY; e += ENTRY)
      totals[ints[e]!] = floats[e + 1]!;
    return totals;
  }

  /** @returns false when the table is full and the term is new */
  private count(hash: number, category: number, value: number): boolean {
    const row = this.rows.open(hash);
    if (row < 0) return false;
    const { ints, floats } = this.rows;
    const end = row + HEAD + ints[row]! * ENTRY;
    for (let e = row + HEAD; e < end; e += ENTRY) {
      if (ints[e] !== category) continue;
      floats[e + 1]! += value;
      floats[row + HEAD + 2] = NaN;
      return true;
    }
    const moved = this.rows.add(hash, row, category, value, 0);
    this.rows.floats[moved + HEAD + 2] = NaN;
    return true;
  }
}

register({
  name: NAME,
  defaults: DEFAULTS,
  create: (parameters) =>
    new ComplementNaiveBayes({ ...DEFAULTS, ...parameters }, new CategoryIndex(), new SparseRows()),
  *restore({ meta, arrays }) {
    const { categories, parameters } = meta as { categories: Id[]; parameters: Parameters };
    const rows = yield* SparseRows.restore({
      hashes: arrays["hashes"] as Uint32Array,
      counts: arrays["counts"] as Uint16Array,
      categories: arrays["entryCategories"] as Uint16Array,
      a: arrays["a"] as Float32Array,
      b: new Float32Array(arrays["a"]!.length).fill(NaN),
    });
    return new ComplementNaiveBayes(parameters, new CategoryIndex(categories), rows);
  },
});
