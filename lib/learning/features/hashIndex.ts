/**
 * From a 32-bit hash to a small integer: open addressing with linear probing, key and value side by side so that a
 * look-up costs one cache line. Grows by doubling at a load of 0.6. Key 0 is not allowed ({@link mix} never gives it).
 */
export class HashIndex {
  size = 0;
  private table: Int32Array;
  private mask: number;

  constructor(capacity = 1024) {
    let slots = 16;
    while (slots * 0.6 < capacity) slots *= 2;
    this.table = new Int32Array(slots * 2);
    this.mask = slots - 1;
  }

  /** The value of a key, or -1. */
  get(key: number): number {
    const table = this.table;
    const wanted = key | 0;
    let at = (key & this.mask) << 1;
    for (;;) {
      const found = table[at]!;
      if (found === wanted) return table[at + 1]!;
      if (found === 0) return -1;
      at = (at + 2) & ((this.mask << 1) | 1);
    }
  }

  /** {@link get} for the keys from one place to another: one loop over one table, without a call for each. */
  getAll(keys: Uint32Array, from: number, to: number, into: Int32Array): void {
    const table = this.table;
    const slots = this.mask;
    const wrap = (slots << 1) | 1;
    for (let i = from; i < to; i++) {
      const wanted = keys[i]! | 0;
      let at = (wanted & slots) << 1;
      let found = table[at]!;
      while (found !== wanted && found !== 0) {
        at = (at + 2) & wrap;
        found = table[at]!;
      }
      into[i] = found === 0 ? -1 : table[at + 1]!;
    }
  }

  /** Set the value of a key, new or not. */
  set(key: number, value: number): void {
    if (this.size + 1 > (this.mask + 1) * 0.6) this.grow();
    const at = this.slot(key | 0);
    if (this.table[at] === 0) {
      this.table[at] = key | 0;
      this.size++;
    }
    this.table[at + 1] = value;
  }

  /** All keys and values, ordered by key, so that equal contents give equal bytes whatever their history. */
  entries(): { keys: Uint32Array; values: Int32Array } {
    const keys = new Uint32Array(this.size);
    let n = 0;
    for (let at = 0; at < this.table.length; at += 2) if (this.table[at] !== 0) keys[n++] = this.table[at]!;
    keys.sort();
    const values = new Int32Array(this.size);
    for (let i = 0; i < n; i++) values[i] = this.get(keys[i]!);
    return { keys, values };
  }

  private slot(key: number): number {
    let at = (key & this.mask) << 1;
    while (this.table[at] !== 0 && this.table[at] !== key) at = (at + 2) & ((this.mask << 1) | 1);
    return at;
  }

  private grow(): void {
    const old = this.table;
    this.table = new Int32Array(old.length * 2);
    this.mask = this.mask * 2 + 1;
    for (let i = 0; i < old.length; i += 2) {
      if (old[i] === 0) continue;
      const at = this.slot(old[i]!);
      this.table[at] = old[i]!;
      this.table[at + 1] = old[i + 1]!;
    }
  }
}
