import type { Tensor, TensorFlow } from "./tensors";
import { Weights } from "./weights";

/** Examples that go through the layers together. */
export interface Batch {
  size: number;
  categories: number;
  /** Sums of embeddings: size by width. */
  bags: Float32Array;
  /** What memory holds for each category: size by categories by signs. */
  recalled: Float32Array;
  /** How settled and old memory is: size by states. */
  states: Float32Array;
}

/** Numbers of columns. */
export interface Shape {
  width: number;
  hidden: number;
  signs: number;
  states: number;
  gate: number;
}

export interface Rates {
  denseRate: number;
  gateRate: number;
  floor: number;
}

const NAMES = [
  "hidden",
  "hiddenBias",
  "outBag",
  "outHidden",
  "outBias",
  "gateStates",
  "gateHidden",
  "gateBias",
  "signs",
  "signsBias",
] as const;
type Named<T> = Record<(typeof NAMES)[number], T>;

/**
 * The layers above the embeddings. What the payment says: the bag and a hidden layer of it, both straight to the
 * categories. What was there before: how much each sign of memory counts is the answer of a small gate that sees how
 * settled and old memory is, and what the payment says; its weights are shared by all categories. The first is learned
 * on its own loss, the second on the loss of the sum, so that the first stands where nobody labels any more.
 *
 * Weights are plain arrays and become tensors for one call only: nothing is held by a backend, nothing can leak, and
 * what one backend learned another goes on with.
 */
export class Layers {
  private readonly weights: Named<Weights>;

  constructor(
    private readonly tf: TensorFlow,
    private readonly shape: Shape,
    seed: number,
    stored?: Readonly<Record<string, Float32Array>>,
  ) {
    const { width, hidden, signs, states, gate } = shape;
    const made = (name: keyof Named<Weights>, rows: number, columns: number, reach = 0) =>
      new Weights(columns, reach, seed + NAMES.indexOf(name) * 65_536, rows, {
        values: stored?.[name],
        squares: stored?.[`${name}Squares`],
      });
    this.weights = {
      hidden: made("hidden", hidden, width, Math.sqrt(3 / width)),
      hiddenBias: made("hiddenBias", 1, hidden),
      outBag: made("outBag", 0, width, Math.sqrt(3 / width)),
      outHidden: made("outHidden", 0, hidden, Math.sqrt(3 / hidden)),
      outBias: made("outBias", 0, 1),
      gateStates: made("gateStates", gate, states, Math.sqrt(3 / states)),
      gateHidden: made("gateHidden", gate, hidden),
      gateBias: made("gateBias", 1, gate),
      signs: made("signs", signs, gate, 0.1),
      signsBias: made("signsBias", 1, signs),
    };
  }

  /** Make room for categories; each starts from its own part of the seed, whenever it comes. */
  grow(categories: number): void {
    this.weights.outBag.grow(categories);
    this.weights.outHidden.grow(categories);
    this.weights.outBias.grow(categories);
  }

  /** Probabilities, size by categories. */
  predict(batch: Batch): Float32Array {
    const { tf } = this;
    return tidied(tf, () => {
      const t = this.tensors();
      const inputs = this.inputs(batch);
      const { hidden, scores } = said(tf, inputs.bags, t);
      return tf.softmax(tf.add(scores, remembered(tf, inputs, hidden, t).scores)).dataSync();
    });
  }

  /**
   * One step down the summed cross entropy, written out by the chain rule.
   * @param wanted for each row of the batch the number of its category
   * @returns the gradient of the loss by the bags, size by width
   */
  learn(batch: Batch, wanted: Int32Array, rates: Rates): Float32Array {
    const { tf } = this;
    const hot = new Float32Array(batch.size * batch.categories);
    for (let i = 0; i < batch.size; i++) hot[i * batch.categories + wanted[i]!] = 1;
    const { byBags, gradients } = tidied(tf, () => {
      const t = this.tensors();
      const { bags, recalled, states } = this.inputs(batch);
      const target = tf.tensor2d(hot, [batch.size, batch.categories]);
      const down = (rows: Tensor) => tf.sum(rows, 0, true);
      const by = (error: Tensor, input: Tensor) => tf.matMul(error, input, true);

      const { hidden, scores } = said(tf, bags, t);
      const error = tf.sub(tf.softmax(scores), target);
      const hiddenError = tf.mul(tf.matMul(error, t.outHidden), tf.step(hidden));
      const bagError = tf.add(tf.matMul(error, t.outBag), tf.matMul(hiddenError, t.hidden));

      const { gate, scores: more } = remembered(tf, { recalled, states }, hidden, t);
      const sumError = tf.sub(tf.softmax(tf.add(scores, more)), target);
      const { size, categories } = batch;
      const signsError = tf.reshape(tf.matMul(recalled, tf.reshape(sumError, [size, categories, 1]), true), [
        size,
        this.shape.signs,
      ]);
      const gateError = tf.mul(tf.matMul(signsError, t.signs), tf.step(gate));
      const gradients: Named<Tensor> = {
        hidden: by(hiddenError, bags),
        hiddenBias: down(hiddenError),
        outBag: by(error, bags),
        outHidden: by(error, hidden),
        outBias: down(error),
        gateStates: by(gateError, states),
        gateHidden: by(gateError, hidden),
        gateBias: down(gateError),
        signs: by(signsError, gate),
        signsBias: down(signsError),
      };
      return {
        byBags: bagError.dataSync(),
        gradients: NAMES.map((name) => gradients[name].dataSync()),
      };
    });
    NAMES.forEach((name, i) => {
      const rate = name.startsWith("gate") || name.startsWith("signs") ? rates.gateRate : rates.denseRate;
      this.weights[name].descend(gradients[i]!, rate, rates.floor);
    });
    return byBags;
  }

  /**
   * How fast the score of a category rises above the mean of all with each number of the bag of a batch of one; and
   * what each sign of memory weighs.
   */
  slopes(batch: Batch, category: number): { bag: Float32Array; signs: Float32Array } {
    const { tf } = this;
    const picked = new Float32Array(batch.categories).fill(-1 / batch.categories);
    picked[category] = picked[category]! + 1;
    return tidied(tf, () => {
      const t = this.tensors();
      const inputs = this.inputs(batch);
      const { hidden } = said(tf, inputs.bags, t);
      const pick = tf.tensor2d(picked, [1, batch.categories]);
      const byHidden = tf.mul(tf.matMul(pick, t.outHidden), tf.step(hidden));
      return {
        bag: tf.add(tf.matMul(pick, t.outBag), tf.matMul(byHidden, t.hidden)).dataSync(),
        signs: remembered(tf, inputs, hidden, t).weights.dataSync(),
      };
    });
  }

  serialise(): Record<string, Float32Array> {
    const arrays: Record<string, Float32Array> = {};
    for (const name of NAMES) {
      arrays[name] = this.weights[name].values.slice();
      arrays[`${name}Squares`] = this.weights[name].squares.slice();
    }
    return arrays;
  }

  private tensors(): Named<Tensor> {
    const tensors: Partial<Named<Tensor>> = {};
    for (const name of NAMES) {
      const { values, columns } = this.weights[name];
      tensors[name] = this.tf.tensor2d(values, [values.length / columns, columns]);
    }
    const all = tensors as Named<Tensor>;
    return { ...all, outBias: this.tf.reshape(all.outBias, [1, -1]) };
  }

  private inputs({
    size,
    categories,
    bags,
    recalled,
    states,
  }: Batch): Record<"bags" | "recalled" | "states", Tensor> {
    const { tf, shape } = this;
    return {
      bags: tf.tensor2d(bags, [size, shape.width]),
      recalled: tf.tensor3d(recalled, [size, categories, shape.signs]),
      states: tf.tensor2d(states, [size, shape.states]),
    };
  }
}

/** What the payment itself says. */
function said(tf: TensorFlow, bags: Tensor, t: Named<Tensor>): { hidden: Tensor; scores: Tensor } {
  const hidden = tf.relu(tf.add(tf.matMul(bags, t.hidden, false, true), t.hiddenBias));
  const straight = tf.add(tf.matMul(bags, t.outBag, false, true), t.outBias);
  return { hidden, scores: tf.add(straight, tf.matMul(hidden, t.outHidden, false, true)) };
}

/** What memory adds to it. */
function remembered(
  tf: TensorFlow,
  { recalled, states }: { recalled: Tensor; states: Tensor },
  hidden: Tensor,
  t: Named<Tensor>,
): { gate: Tensor; weights: Tensor; scores: Tensor } {
  const seen = tf.add(
    tf.matMul(states, t.gateStates, false, true),
    tf.matMul(hidden, t.gateHidden, false, true),
  );
  const gate = tf.relu(tf.add(seen, t.gateBias));
  const weights = tf.add(tf.matMul(gate, t.signs, false, true), t.signsBias);
  const [size, categories, signs] = recalled.shape as [number, number, number];
  const scores = tf.matMul(recalled, tf.reshape(weights, [size, signs, 1]));
  return { gate, weights, scores: tf.reshape(scores, [size, categories]) };
}

/** As `tidy`, which looks for tensors in all numbers of what it hands back; here nothing is handed back through it. */
function tidied<T>(tf: TensorFlow, work: () => T): T {
  let found: { is: T } | undefined;
  tf.tidy(() => {
    found = { is: work() };
  });
  return found!.is;
}
