import { dayNumber, type Id } from "../../values";
import { FeatureExtractor } from "../features";
import type { Example, Scores } from "../types";
import { CategoryIndex } from "./categoryIndex";
import { strongest, type EstimatorState, type Parameters, type Term } from "./port";
import { OnlineEstimator } from "./online";
import { register } from "./registry";
import { ENTRY, HEAD, SparseRows } from "./sparseRows";

/**
 * Counterparty memory: what this counterparty was before, recent labels counting for more. Counts fade with a
 * half-life; narrow keys (this account at this counterparty) fall back on wider ones (first word, everything) by
 * interpolation, each level weighing as much as it has seen (Witten, Bell 1991, "The zero-frequency problem").
 *
 * Parameters: `halfLifeDays`; `backOff` the weight of the wider level, in labels.
 */
const NAME = "counterparty-memory";
const DEFAULTS = { halfLifeDays: 180, backOff: 0.5 };
const ALL = 1;
/** Positions of the extractor's memory keys, widest first. */
const LEVELS = [5, 2, 6, 1, 0] as const;
const LEVEL_NAMES = [
  "first word",
  "name",
  "counterparty account",
  "context and name",
  "own account and name",
];

/** Of older labels what is left is worked out each time. */
const MOST_DAYS = 10_000;

class CounterpartyMemory extends OnlineEstimator {
  readonly name = NAME;
  private readonly extractor = new FeatureExtractor();
  /** By days. */
  private readonly fading: number[] = [];
  private readonly scratch: number[] = [];

  constructor(
    readonly parameters: Parameters,
    index: CategoryIndex,
    /** Entries of a category, its faded count, and the day number of the last label. */
    private readonly rows: SparseRows,
  ) {
    super(index);
  }

  update(example: Example, label: Id): void {
    const category = this.index.add(label);
    const day = dayNumber(example.date);
    const keys = this.extractor.memoryKeys(example);
    this.count(ALL, category, day);
    for (const level of LEVELS) if (keys[level] !== 0) this.count(keys[level]!, category, day);
  }

  predict(example: Example): Scores {
    const n = this.index.ids.length;
    const probabilities = new Float32Array(n).fill(1 / Math.max(1, n));
    const day = dayNumber(example.date);
    const keys = this.extractor.memoryKeys(example);
    this.interpolate(ALL, day, probabilities);
    for (const level of LEVELS) if (keys[level] !== 0) this.interpolate(keys[level]!, day, probabilities);
    return { categories: this.index.snapshot(), probabilities };
  }

  explain(example: Example, category: Id, limit: number): Term[] {
    const wanted = this.index.get(category);
    const day = dayNumber(example.date);
    const keys = this.extractor.memoryKeys(example);
    const terms: Term[] = [];
    LEVELS.forEach((level, i) => {
      const row = keys[level] === 0 ? -1 : this.rows.find(keys[level]!);
      if (row < 0) return;
      for (let e = row + HEAD; e < row + HEAD + this.rows.ints[row]! * ENTRY; e += ENTRY) {
        if (this.rows.ints[e] === wanted)
          terms.push({ term: `seen before: ${LEVEL_NAMES[i]!}`, weight: this.faded(e, day) });
      }
    });
    return strongest(terms, limit);
  }

  serialise(): EstimatorState {
    const { hashes, counts, categories, a, b } = this.rows.serialise();
    return {
      meta: { categories: this.index.ids.slice(), parameters: { ...this.parameters } },
      arrays: { hashes, counts, entryCategories: categories, a, b },
    };
  }

  private faded(entry: number, day: number): number {
    const age = Math.max(0, day - this.rows.floats[entry + 2]!);
    return this.rows.floats[entry + 1]! * this.left(age);
  }

  /** What is left of a label after so many days, worked out once for each number of them. */
  private left(days: number): number {
    const known = this.fading[days];
    if (known !== undefined) return known;
    const left = 2 ** (-days / this.parameters["halfLifeDays"]!);
    if (days < MOST_DAYS)
      for (let n = this.fading.length; n <= days; n++)
        this.fading.push(2 ** (-n / this.parameters["halfLifeDays"]!));
    return left;
  }

  private interpolate(key: number, day: number, probabilities: Float32Array): void {
    const row = this.rows.find(key);
    if (row < 0) return;
    const end = row + HEAD + this.rows.ints[row]! * ENTRY;
    const faded = this.scratch;
    let total = 0;
    let n = 0;
    for (let e = row + HEAD; e < end; e += ENTRY) total += faded[n++] = this.faded(e, day);
    const wider = this.parameters["backOff"]! * this.rows.ints[row]!;
    const scale = 1 / (total + wider);
    for (let c = 0; c < probabilities.length; c++) probabilities[c]! *= wider * scale;
    n = 0;
    for (let e = row + HEAD; e < end; e += ENTRY) probabilities[this.rows.ints[e]!]! += faded[n++]! * scale;
  }

  private count(key: number, category: number, day: number): void {
    const row = this.rows.open(key);
    if (row < 0) return;
    const end = row + HEAD + this.rows.ints[row]! * ENTRY;
    for (let e = row + HEAD; e < end; e += ENTRY) {
      if (this.rows.ints[e] !== category) continue;
      this.rows.floats[e + 1] = this.faded(e, day) + 1;
      this.rows.floats[e + 2] = Math.max(day, this.rows.floats[e + 2]!);
      return;
    }
    this.rows.add(key, row, category, 1, day);
  }
}

register({
  name: NAME,
  defaults: DEFAULTS,
  create: (parameters) =>
    new CounterpartyMemory({ ...DEFAULTS, ...parameters }, new CategoryIndex(), new SparseRows()),
  *restore({ meta, arrays }) {
    const { categories, parameters } = meta as { categories: Id[]; parameters: Parameters };
    const rows = yield* SparseRows.restore({
      hashes: arrays["hashes"] as Uint32Array,
      counts: arrays["counts"] as Uint16Array,
      categories: arrays["entryCategories"] as Uint16Array,
      a: arrays["a"] as Float32Array,
      b: arrays["b"] as Float32Array,
    });
    return new CounterpartyMemory(parameters, new CategoryIndex(categories), rows);
  },
});
