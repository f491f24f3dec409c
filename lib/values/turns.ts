/** How long work goes on before others have their turn, in milliseconds. */
const SPAN_MS = 6;

/** When the event loop of this thread last turned for work that gave way. */
let turnedAt = performance.now();
const waiting: (() => void)[] = [];

/** One of those who wait goes on; the next one goes on when the event loop has turned once more. */
function turn(): void {
  turnedAt = performance.now();
  waiting.shift()!();
  if (waiting.length > 0) setImmediate(turn);
}

/**
 * Has work gone on for long enough? Long work on the main thread lets the event loop turn:
 * `for (...) { if (turnDue()) await takeTurn(); ... }`. By the clock and not by a count, since a row may cost much or
 * little. All work of a thread shares one span: of several long works at once, each turn of the event loop bears one.
 * Asking costs well under a microsecond, so that it can stand in the innermost loop.
 */
export function turnDue(): boolean {
  return performance.now() - turnedAt >= SPAN_MS;
}

/** Let the others have their turn; whoever asked first goes on first. */
export function takeTurn(): Promise<void> {
  return new Promise((goOn) => {
    waiting.push(goOn);
    if (waiting.length === 1) setImmediate(turn);
  });
}

/** `items.map(change)`, with turns for others in between. */
export async function mapInTurns<T, R>(items: readonly T[], change: (item: T) => R): Promise<R[]> {
  const changed: R[] = [];
  for (const item of items) {
    if (turnDue()) await takeTurn();
    changed.push(change(item));
  }
  return changed;
}

/** Run work that pauses by `yield` to its end, with turns for others at its pauses. */
export async function runInTurns<R>(work: Iterator<void, R>): Promise<R> {
  for (;;) {
    if (turnDue()) await takeTurn();
    const step = work.next();
    if (step.done) return step.value;
  }
}

/** Run work that pauses by `yield` to its end, without a pause. */
export function runAtOnce<R>(work: Iterator<void, R>): R {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
