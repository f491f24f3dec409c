import { dayNumber, type Id } from "../../../values";
import { FeatureExtractor, LabelMemory, MEMORY_KEYS } from "../../features";
import { seededRandom } from "../../random";
import type { Example, LabelledExample, Scores } from "../../types";
import { CategoryIndex } from "../categoryIndex";
import { strongest, type EstimatorState, type FitOptions, type Parameters, type Term } from "../port";
import { OnlineEstimator } from "../online";
import { register } from "../registry";
import { tensorFlow } from "./backend";
import { Embeddings, type WeightedRows } from "./embeddings";
import { Layers, type Batch } from "./layers";
import { recall, SIGNS, STATES, type Recalled } from "./recall";

/** Its name, for those that ask for it: it competes only then. */
export const NETWORK = "tfjs-network";

/**
 * Embeddings of hashed features, summed, with a hidden layer and a gated memory above them (see {@link Layers}), trained
 * by AdaGrad in small batches in the order of time. Sums of embeddings as in fastText (Joulin, Grave, Bojanowski, Mikolov
 * 2017, "Bag of Tricks for Efficient Text Classification").
 *
 * Parameters: `width` of an embedding, `hidden` and `gate` units; `buckets` that features share, a power of two; `batch`
 * examples of a step; `window` examples taken in at once, of which the first are learned `passes` times; `rate`,
 * `denseRate` and `gateRate` step sizes of the embeddings, of the layers above, and of what weighs memory; `floor` added
 * to the sum of squared gradients before the root; `scale` of a sum of embeddings; `seed` of the first weights and of the
 * order in which the first window is learned again.
 */
const DEFAULTS = {
  width: 48,
  hidden: 32,
  gate: 16,
  buckets: 1 << 17,
  batch: 16,
  window: 2_048,
  passes: 2,
  rate: 0.1,
  denseRate: 0.05,
  gateRate: 0.05,
  floor: 0.01,
  scale: 0.2,
  seed: 1,
};

/** An example as the network takes it in, kept while its window is learned. */
interface Prepared extends WeightedRows {
  recalled: Recalled;
  wanted: number;
}

class Network extends OnlineEstimator {
  readonly name = NETWORK;
  private readonly extractor = new FeatureExtractor();

  constructor(
    readonly parameters: Parameters,
    index: CategoryIndex,
    private readonly embeddings: Embeddings,
    private readonly memory: LabelMemory,
    private readonly layers: Layers,
  ) {
    super(index);
  }

  override fit(examples: readonly LabelledExample[], options?: FitOptions): void {
    const { window, passes, batch, seed } = this.parameters as typeof DEFAULTS;
    for (let from = 0; from < examples.length; from += window) {
      const to = Math.min(examples.length, from + window);
      const prepared: Prepared[] = [];
      for (let i = from; i < to; i++) prepared.push(this.take(examples[i]!, examples[i]!.label));
      this.layers.grow(this.index.ids.length);
      // Where there is little to go by, it is looked at twice; later that would only be learned by heart.
      const rounds = from === 0 ? passes : 1;
      for (let pass = 0; pass < rounds; pass++) {
        if (pass > 0) shuffle(prepared, seededRandom(seed + from + pass));
        for (let at = 0; at < prepared.length; at += batch) {
          options?.signal?.throwIfAborted();
          this.step(prepared.slice(at, at + batch));
        }
        options?.progress?.(from + ((to - from) * (pass + 1)) / rounds, examples.length);
      }
    }
  }

  predict(example: Example): Scores {
    const n = this.index.ids.length;
    const probabilities =
      n === 0 ? new Float32Array() : this.layers.predict(this.batchOf([this.prepare(example, false)]));
    return { categories: this.index.snapshot(), probabilities };
  }

  update(example: Example, label: Id): void {
    const prepared = this.take(example, label);
    this.layers.grow(this.index.ids.length);
    this.step([prepared]);
  }

  explain(example: Example, category: Id, limit: number): Term[] {
    const wanted = this.index.get(category);
    if (wanted < 0) return [];
    const prepared = this.prepare(example, false, true);
    const { names } = this.extractor.vector;
    const { bag, signs } = this.layers.slopes(this.batchOf([prepared]), wanted);
    const terms: Term[] = [];
    prepared.rows.forEach((row, i) => {
      if (row >= 0)
        terms.push({ term: names[i]!, weight: prepared.values[i]! * this.embeddings.dot(row, bag) });
    });
    const remembered = new Float32Array(MEMORY_KEYS.length);
    const { categories, signs: places, values } = prepared.recalled;
    categories.forEach((of, i) => {
      if (of === wanted) remembered[places[i]! >> 1]! += values[i]! * signs[places[i]!]!;
    });
    remembered.forEach((weight, k) => terms.push({ term: `seen before for ${MEMORY_KEYS[k]!}`, weight }));
    return strongest(terms, limit);
  }

  serialise(): EstimatorState {
    const embeddings = this.embeddings.serialise();
    const memory = this.memory.serialise();
    return {
      meta: { categories: this.index.ids.slice(), parameters: { ...this.parameters } },
      arrays: {
        buckets: embeddings.buckets,
        vectors: embeddings.vectors,
        squares: embeddings.squares,
        memoryKeys: memory.keys,
        memorySlots: memory.slots,
        ...this.layers.serialise(),
      },
    };
  }

  private take(example: Example, label: Id): Prepared {
    const prepared = this.prepare(example, true);
    prepared.wanted = this.index.add(label);
    const day = dayNumber(example.date);
    for (const key of this.extractor.keys) if (key !== 0) this.memory.push(key, prepared.wanted, day);
    return prepared;
  }

  private prepare(example: Example, open: boolean, named = false): Prepared {
    const { size, hashes, values } = this.extractor.extract(example, undefined, named);
    const rows = new Int32Array(size);
    this.embeddings.locate(hashes, size, rows, open);
    return {
      rows,
      values: values.subarray(0, size).map((value) => value * this.parameters["scale"]!),
      recalled: recall(this.extractor.keys, this.memory, dayNumber(example.date)),
      wanted: -1,
    };
  }

  private step(prepared: readonly Prepared[]): void {
    const { rate, denseRate, gateRate, floor } = this.parameters as typeof DEFAULTS;
    const { width } = this.embeddings;
    const wanted = Int32Array.from(prepared, (one) => one.wanted);
    const gradients = this.layers.learn(this.batchOf(prepared), wanted, { denseRate, gateRate, floor });
    prepared.forEach((one, i) => this.embeddings.descend(one, gradients, i * width, rate, floor));
  }

  private batchOf(prepared: readonly Prepared[]): Batch {
    const size = prepared.length;
    const categories = this.index.ids.length;
    const { width } = this.embeddings;
    const bags = new Float32Array(size * width);
    const recalled = new Float32Array(size * categories * SIGNS);
    const states = new Float32Array(size * STATES);
    prepared.forEach((one, i) => {
      this.embeddings.sum(one, bags, i * width);
      const { categories: of, signs, values } = one.recalled;
      for (let j = 0; j < of.length; j++)
        recalled[(i * categories + of[j]!) * SIGNS + signs[j]!] = values[j]!;
      states.set(one.recalled.states, i * STATES);
    });
    return { size, categories, bags, recalled, states };
  }
}

function shuffle(rows: Prepared[], random: () => number): void {
  for (let i = rows.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [rows[i], rows[j]] = [rows[j]!, rows[i]!];
  }
}

function shapeOf(parameters: Parameters) {
  return {
    width: parameters["width"]!,
    hidden: parameters["hidden"]!,
    gate: parameters["gate"]!,
    signs: SIGNS,
    states: STATES,
  };
}

register({
  name: NETWORK,
  defaults: DEFAULTS,
  onRequest: true,
  note: () => tensorFlow().note,
  create(given) {
    const parameters = { ...DEFAULTS, ...given };
    return new Network(
      parameters,
      new CategoryIndex(),
      Embeddings.empty(parameters.width, parameters.buckets),
      new LabelMemory(),
      new Layers(tensorFlow().tf, shapeOf(parameters), parameters.seed),
    );
  },
  *restore({ meta, arrays }) {
    const { categories, parameters } = meta as { categories: Id[]; parameters: Parameters };
    const embeddings = yield* Embeddings.restore(parameters["width"]!, parameters["buckets"]!, {
      buckets: arrays["buckets"] as Uint32Array,
      vectors: arrays["vectors"] as Float32Array,
      squares: arrays["squares"] as Float32Array,
    });
    const memory = yield* LabelMemory.restore(
      arrays["memoryKeys"] as Uint32Array,
      arrays["memorySlots"] as Uint16Array,
    );
    const layers = new Layers(
      tensorFlow().tf,
      shapeOf(parameters),
      parameters["seed"]!,
      arrays as Record<string, Float32Array>,
    );
    return new Network(parameters, new CategoryIndex(categories), embeddings, memory, layers);
  },
});
