import { DAY, DEPTH, MEMORY_KEYS, withRoom } from "../features";

const KEYS = MEMORY_KEYS.length;
/** Days since the newest label of a key up to which it is of an age; what is older has the last age. */
const AGES = [7, 31, 92] as const;
const SHAPES = DEPTH * DEPTH * DEPTH * (AGES.length + 1);
const SETS = 1 << KEYS;
const SIZE = KEYS * SHAPES + 2 * SETS;

/**
 * How much a category counts that memory holds for an example, whichever category it is: by the key it is held under,
 * its place among the last labels, how often and among how many it stands there, and how old the newest is; and by the
 * set of keys that hold it first, and of those that hold it at all. As the weights are shared by all categories, some
 * dozens of labels are enough to learn them, where the sparse features need some for each category.
 *
 * Source: the conditional logit model, in which alternatives have features with common weights (McFadden 1974,
 * "Conditional Logit Analysis of Qualitative Choice Behavior"); trained by AdaGrad like the rest.
 */
export class HabitWeights {
  private categories = new Int32Array(64);
  private places = new Int32Array(64);
  private size = 0;
  /** Which keys hold a category first, and which hold it at all, of what was looked at last. */
  private readonly first = new KeySets();
  private readonly any = new KeySets();

  constructor(
    private readonly weights: Float32Array = new Float32Array(SIZE),
    private readonly squares: Float32Array = new Float32Array(SIZE),
  ) {}

  /**
   * Find what memory holds for an example on a day; {@link addTo} and {@link descend} speak of it.
   * @param found for each key where its labels begin in `slots`, or -1
   */
  look(found: Int32Array, slots: Uint16Array, day: number): void {
    this.size = 0;
    this.first.clear();
    this.any.clear();
    for (let k = 0; k < KEYS; k++) if (found[k]! >= 0) this.lookAt(k, slots, found[k]!, day);
    const { first, any } = this;
    for (let i = 0; i < first.size; i++)
      this.put(first.categories[i]!, KEYS * SHAPES + first.setOf(first.categories[i]!));
    for (let i = 0; i < any.size; i++)
      this.put(any.categories[i]!, KEYS * SHAPES + SETS + any.setOf(any.categories[i]!));
  }

  private lookAt(k: number, slots: Uint16Array, at: number, day: number): void {
    const n = Math.min(DEPTH, slots[at]!);
    const age = ageOf(day - slots[at + DAY]!);
    if (alike(slots, at, n)) return this.putAll(k, slots[at + 1]!, n, age);
    for (let i = 1; i <= n; i++) {
      const category = slots[at + i]!;
      let count = 0;
      let known = false;
      for (let j = 1; j <= n; j++) {
        if (slots[at + j] !== category) continue;
        if (j < i) known = true;
        count++;
      }
      if (known) continue;
      const shape = ((i - 1) * DEPTH + (count - 1)) * DEPTH + (n - 1);
      this.put(category, k * SHAPES + shape * (AGES.length + 1) + age);
      if (i === 1) this.first.add(category, k);
      this.any.add(category, k);
    }
  }

  /** As {@link lookAt} for labels that are all of one category, which most are. */
  private putAll(k: number, category: number, n: number, age: number): void {
    const shape = (n - 1) * DEPTH + (n - 1);
    this.put(category, k * SHAPES + shape * (AGES.length + 1) + age);
    this.first.add(category, k);
    this.any.add(category, k);
  }

  /** Add to the score of each category what its habits weigh. */
  addTo(scores: Float64Array): void {
    for (let i = 0; i < this.size; i++) {
      const category = this.categories[i]!;
      scores[category] = scores[category]! + this.weights[this.places[i]!]!;
    }
  }

  /** One step down the gradients, one for each category, of what was looked at last. */
  descend(gradients: Float64Array, rate: number, floor: number): void {
    for (let i = 0; i < this.size; i++) {
      const g = gradients[this.categories[i]!]!;
      const place = this.places[i]!;
      const squares = this.squares[place]! + g * g;
      this.squares[place] = squares;
      this.weights[place]! -= (rate * g) / Math.sqrt(squares + floor);
    }
  }

  /** What each key says for a category, of what was looked at last: number of the key -> weight. */
  *byKey(category: number): Iterable<[key: number, weight: number]> {
    for (let i = 0; i < this.size; i++) {
      const place = this.places[i]!;
      if (this.categories[i] === category && place < KEYS * SHAPES)
        yield [Math.floor(place / SHAPES), this.weights[place]!];
    }
  }

  serialise(): { weights: Float32Array; squares: Float32Array } {
    return { weights: this.weights.slice(), squares: this.squares.slice() };
  }

  private put(category: number, place: number): void {
    this.categories = withRoom(this.categories, this.size + 1);
    this.places = withRoom(this.places, this.size + 1);
    this.categories[this.size] = category;
    this.places[this.size++] = place;
  }
}

/** Are the labels of a slot all of one category? */
function alike(slots: Uint16Array, at: number, n: number): boolean {
  for (let i = 2; i <= n; i++) if (slots[at + i] !== slots[at + 1]) return false;
  return true;
}

/** Sets of keys by category, of few categories among many, emptied for each example. */
class KeySets {
  /** The categories that have a set, in the order in which they got it. */
  categories = new Int32Array(64);
  size = 0;
  private sets = new Int32Array(64);

  clear(): void {
    for (let i = 0; i < this.size; i++) this.sets[this.categories[i]!] = 0;
    this.size = 0;
  }

  add(category: number, key: number): void {
    this.sets = withRoom(this.sets, category + 1);
    if (this.sets[category] === 0) {
      this.categories = withRoom(this.categories, this.size + 1);
      this.categories[this.size++] = category;
    }
    this.sets[category]! |= 1 << key;
  }

  setOf(category: number): number {
    return this.sets[category]!;
  }
}

function ageOf(days: number): number {
  let age = 0;
  while (age < AGES.length && days > AGES[age]!) age++;
  return age;
}
