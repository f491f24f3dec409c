import type { Instant } from "../../lib/values";

/** The twin's time: real time from where it was set, moved on and shifted. All in milliseconds since the epoch. */
export class Clock {
  readonly #started = Date.now();
  readonly #base: number;
  #furthest = -Infinity;

  constructor(
    now: Instant | undefined,
    public offset: number,
  ) {
    this.#base = now === undefined ? this.#started : Date.parse(now);
    if (Number.isNaN(this.#base)) throw new Error(`${now} is not an instant`);
  }

  /** What the bank's clock says. */
  now(): number {
    return this.#base + (Date.now() - this.#started) + this.offset;
  }

  /** The latest it has ever said: what could be seen stays seen when the clock is put back. */
  reached(): number {
    return (this.#furthest = Math.max(this.#furthest, this.now()));
  }

  /** Forward, or back. */
  shift(by: number): Instant {
    this.reached();
    this.offset += by;
    return new Date(this.now()).toISOString();
  }
}
