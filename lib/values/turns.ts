import { setImmediate as nextTurn } from "node:timers/promises";

/** How long work goes on before others have their turn, in milliseconds. */
const SPAN_MS = 6;

/**
 * Lets the event loop turn during long work on the main thread:
 * `for (...) { if (turns.due) await turns.take(); ... }`. By the clock and not by a count, since a row may cost much
 * or little. Asking costs well under a microsecond, so that it can stand in the innermost loop.
 */
export class Turns {
  #since = performance.now();

  /** Has the work gone on for long enough? */
  get due(): boolean {
    return performance.now() - this.#since >= SPAN_MS;
  }

  /** Let the others have their turn. */
  async take(): Promise<void> {
    await nextTurn();
    this.#since = performance.now();
  }
}

/** `items.map(change)`, with turns for others in between. */
export async function mapInTurns<T, R>(items: readonly T[], change: (item: T) => R): Promise<R[]> {
  const turns = new Turns();
  const changed: R[] = [];
  for (const item of items) {
    if (turns.due) await turns.take();
    changed.push(change(item));
  }
  return changed;
}

/** Run work that pauses by `yield` to its end, with turns for others at its pauses. */
export async function runInTurns<R>(work: Iterator<void, R>): Promise<R> {
  const turns = new Turns();
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (turns.due) await turns.take();
  }
}
