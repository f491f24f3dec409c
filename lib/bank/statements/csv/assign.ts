import { EMPTY, type ColumnFacts } from "./columns";
import type { Layout } from "./layout";
import { meaningsOf, type Role } from "./words";

/** Words and content brought together: each column is given to one role. */
export class Assignment {
  readonly used = new Set<number>();
  private readonly named = new Set<number>();

  constructor(
    private readonly header: readonly string[],
    private readonly facts: readonly ColumnFacts[],
  ) {}

  /** The best free column for a role by its words, among those whose content fits. */
  take(role: Role, fits: (facts: ColumnFacts) => boolean, least = 0): number | undefined {
    const column = this.find(role, fits, least);
    if (column !== undefined) {
      this.used.add(column);
      this.named.add(column);
    }
    return column;
  }

  find(role: Role, fits: (facts: ColumnFacts) => boolean, least = 0): number | undefined {
    let best: { column: number; weight: number } | undefined;
    this.header.forEach((cell, column) => {
      if (this.used.has(column)) return;
      const facts = this.facts[column] ?? EMPTY;
      for (const meaning of meaningsOf(cell)) {
        if (meaning.role !== role || meaning.weight < least || !fits(facts)) continue;
        if (!best || meaning.weight > best.weight) best = { column, weight: meaning.weight };
      }
    });
    return best?.column;
  }

  /** All free columns of a role, in the order of the file. */
  takeAll(role: Role, fits: (facts: ColumnFacts) => boolean): number[] {
    const found: number[] = [];
    for (;;) {
      const column = this.take(role, fits);
      if (column === undefined) return found.sort((a, b) => a - b);
      found.push(column);
    }
  }

  free(fits: (facts: ColumnFacts) => boolean): ColumnFacts[] {
    return this.facts.filter((column) => !this.used.has(column.index) && fits(column));
  }

  fact(column: number): ColumnFacts | undefined {
    return this.facts[column];
  }

  /** Does the word say that fees are off already? */
  isNet(column: number): boolean {
    return /\bnet(?:to)?\b|after fees|total/i.test(this.header[column] ?? "");
  }

  /** Is another free column named by the role? */
  hasOther(role: Role, column: number): boolean {
    return this.header.some(
      (_cell, other) => other !== column && !this.used.has(other) && this.means(other, role),
    );
  }

  means(column: number, role: Role): boolean {
    return meaningsOf(this.header[column] ?? "").some((meaning) => meaning.role === role);
  }

  isNamed(column: number | undefined): boolean {
    return column !== undefined && this.named.has(column);
  }

  confidence(layout: Layout): number {
    let score = 0.35;
    if (this.isNamed(layout.date)) score += 0.2;
    if (this.isNamed(layout.amount ?? layout.amountOut ?? layout.amountIn)) score += 0.25;
    if (layout.description.some((column) => this.isNamed(column)) || this.isNamed(layout.counterparty))
      score += 0.1;
    if (this.isNamed(layout.balanceAfter)) score += 0.05;
    return Math.min(0.95, score);
  }
}

export const isDate = (column: ColumnFacts) => column.filled > 0 && column.dates >= column.filled * 0.5;
export const isMoney = (column: ColumnFacts) =>
  column.filled > 0 && column.amounts >= column.filled * 0.6 && column.longDigits < column.filled * 0.5;
export const isMoneyOrBlank = (column: ColumnFacts) => column.filled === 0 || isMoney(column);
export const anything = () => true;
export const isFilled = (column: ColumnFacts) => column.filled > 0;
export const isText = (column: ColumnFacts) => column.filled > 0 && !isDate(column);

/** The first free column whose content fits, whatever its words. */
export function takeFree(pick: Assignment, fits: (facts: ColumnFacts) => boolean): number | undefined {
  const column = pick.free(fits)[0]?.index;
  if (column !== undefined) pick.used.add(column);
  return column;
}
