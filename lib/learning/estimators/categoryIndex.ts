import type { Id } from "../../values";

/** Categories as small numbers, in the order in which they were first seen; numbers never change. */
export class CategoryIndex {
  readonly ids: Id[] = [];
  private readonly numbers = new Map<Id, number>();
  private known: readonly Id[] = [];

  constructor(ids: readonly Id[] = []) {
    for (const id of ids) this.add(id);
  }

  /** The number of a category, given out when it is new. */
  add(id: Id): number {
    const known = this.numbers.get(id);
    if (known !== undefined) return known;
    const number = this.ids.length;
    this.ids.push(id);
    this.numbers.set(id, number);
    return number;
  }

  /** The ids as they are now; the same array until there are more. */
  snapshot(): readonly Id[] {
    if (this.known.length !== this.ids.length) this.known = this.ids.slice();
    return this.known;
  }

  /** The number of a category, or -1. */
  get(id: Id): number {
    return this.numbers.get(id) ?? -1;
  }
}
