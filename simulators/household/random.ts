/** A seeded source of chance: the same seed gives the same row of numbers on every machine. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;

  constructor(seed: number | string) {
    // FNV-1a over the seed's text, continued for each of the three words of state.
    const text = String(seed);
    let hash = 0x811c9dc5;
    const word = (salt: string) => {
      for (const char of text + salt) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193) >>> 0;
      return hash;
    };
    this.#a = word("a");
    this.#b = word("b");
    this.#c = word("c");
    for (let warm = 0; warm < 15; warm++) this.next();
  }

  /** A number from 0 (inclusive) to 1 (exclusive). Source: Chris Doty-Humphrey's sfc32, PractRand. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return (sum >>> 0) / 4294967296;
  }

  /** A whole number from `from` to `to`, both inclusive. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** True with the probability `p`. */
  chance(p: number): boolean {
    return this.next() < p;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)]!;
  }

  /** One of the items, in proportion to its weight. */
  weighted<T>(items: readonly T[], weight: (item: T) => number): T {
    let left = this.next() * items.reduce((sum, item) => sum + weight(item), 0);
    for (const item of items) {
      left -= weight(item);
      if (left < 0) return item;
    }
    return items[items.length - 1]!;
  }

  /** Digits, the first one not zero. */
  digits(count: number): string {
    let text = String(this.int(1, 9));
    while (text.length < count) text += String(this.int(0, 9));
    return text;
  }

  /** Whole cents between two bounds, small ones more often than large ones. */
  cents(from: number, to: number): number {
    return Math.round(from + (to - from) * this.next() ** 1.7);
  }

  /** How often something happens that happens `mean` times on average (Knuth's method for a Poisson number). */
  poisson(mean: number): number {
    let left = mean;
    let count = 0;
    while (left > 0) {
      const limit = Math.exp(-Math.min(left, 30));
      left -= 30;
      let product = this.next();
      while (product > limit) {
        count++;
        product *= this.next();
      }
    }
    return count;
  }
}
