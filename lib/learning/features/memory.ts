import { HashIndex } from "./hashIndex";

/** How many of the last labels are kept for a key. */
export const DEPTH = 5;
/** Words of a slot: how many labels were ever seen, the last ones, newest first, and the day of the newest. */
const STRIDE = DEPTH + 2;
/** Keys that are restored between two pauses: about a millisecond of work. */
const PAUSE_KEYS = 4_096;
/** Where in a slot the day of the newest label stands, as days since 1970. */
export const DAY = DEPTH + 1;

/**
 * The last labels seen for each key (a hash of, say, account and text): what the household did before in the same
 * place. Read into features before the label of an example is known, written after.
 */
export class LabelMemory {
  /** Slots of a count and five labels; labels are numbers of categories. */
  slots: Uint16Array;
  private used = 0;
  private readonly index: HashIndex;

  constructor(capacity = 512) {
    this.slots = new Uint16Array(capacity * STRIDE);
    this.index = new HashIndex(capacity);
  }

  get size(): number {
    return this.used;
  }

  /** Where the slot of a key begins in `slots`, or -1 when nothing was seen under it. */
  find(key: number): number {
    const slot = this.index.get(key);
    return slot < 0 ? -1 : slot * STRIDE;
  }

  /** Put a label of a day (since 1970) in front of the others of its key; the sixth is forgotten. */
  push(key: number, label: number, day: number): void {
    let slot = this.index.get(key);
    if (slot < 0) {
      slot = this.used++;
      this.index.set(key, slot);
      if (this.used * STRIDE > this.slots.length) {
        const slots = new Uint16Array(this.slots.length * 2);
        slots.set(this.slots);
        this.slots = slots;
      }
    }
    const at = slot * STRIDE;
    const slots = this.slots;
    for (let i = at + DEPTH; i > at + 1; i--) slots[i] = slots[i - 1]!;
    slots[at + 1] = label;
    slots[at + DAY] = Math.max(0, Math.min(0xffff, day));
    if (slots[at]! < 0xffff) slots[at] = slots[at]! + 1;
  }

  serialise(): { keys: Uint32Array; slots: Uint16Array } {
    const { keys, values } = this.index.entries();
    const slots = new Uint16Array(keys.length * STRIDE);
    for (let i = 0; i < keys.length; i++) {
      const at = values[i]! * STRIDE;
      slots.set(this.slots.subarray(at, at + STRIDE), i * STRIDE);
    }
    return { keys, slots };
  }

  /** As it was serialised; pauses between keys. */
  static *restore(keys: Uint32Array, slots: Uint16Array): Generator<void, LabelMemory> {
    const memory = new LabelMemory(Math.max(16, keys.length));
    memory.slots = new Uint16Array(Math.max(16, keys.length) * STRIDE);
    memory.slots.set(slots);
    memory.used = keys.length;
    for (let i = 0; i < keys.length; i++) {
      if (i % PAUSE_KEYS === 0) yield;
      memory.index.set(keys[i]!, i);
    }
    return memory;
  }
}
