import { DAY, DEPTH, MEMORY_KEYS, type LabelMemory } from "../../features";

const KEYS = MEMORY_KEYS.length;
/** For each key: is this category its last one, and its share of the last ones. */
export const SIGNS = 2 * KEYS;
/** For each key: is anything held, how old is it, how many labels, how many that differ. */
export const STATES = 4 * KEYS;

/** What memory holds for one example: the signs that are not 0, and the states of the keys. */
export interface Recalled {
  categories: number[];
  signs: number[];
  values: number[];
  states: Float32Array;
}

/** Look up the keys of an example on a day. */
export function recall(keys: Uint32Array, memory: LabelMemory, day: number): Recalled {
  const found: Recalled = { categories: [], signs: [], values: [], states: new Float32Array(STATES) };
  const put = (category: number, sign: number, value: number) => {
    found.categories.push(category);
    found.signs.push(sign);
    found.values.push(value);
  };
  const { slots } = memory;
  for (let k = 0; k < KEYS; k++) {
    const at = keys[k] === 0 ? -1 : memory.find(keys[k]!);
    if (at < 0) continue;
    const n = Math.min(DEPTH, slots[at]!);
    put(slots[at + 1]!, 2 * k, 1);
    const counts = new Map<number, number>();
    for (let i = 1; i <= n; i++) counts.set(slots[at + i]!, (counts.get(slots[at + i]!) ?? 0) + 1);
    for (const [category, count] of counts) put(category, 2 * k + 1, count / n);
    const days = Math.max(0, day - slots[at + DAY]!);
    found.states.set([1, Math.log1p(days) / 6, n / DEPTH, counts.size / n], 4 * k);
  }
  return found;
}
