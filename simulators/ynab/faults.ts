/** What goes wrong on request: the twin's faults, and its rate limit. */

export type FaultKind =
  /** The request is refused with this status before anything is done. */
  | { kind: "status"; status: 400 | 401 | 403 | 413 | 429 | 500 | 502 | 503; retryAfter?: number }
  /** The request is carried out, and the answer is cut in the middle of its JSON. */
  | { kind: "malformed" }
  /** The answer waits this long. */
  | { kind: "slow"; ms: number }
  /** The connection is cut before anything is done. */
  | { kind: "reset" }
  /** The request is carried out, and the connection is cut before the answer. */
  | { kind: "drop-after-commit" }
  /** The request is carried out, and a 5xx is answered. */
  | { kind: "fail-after-commit"; status: 500 | 502 | 503 };

export type Fault = FaultKind & {
  /** How many requests it hits; 1 when absent. */
  times?: number;
  /** Only requests of this method. */
  method?: string;
  /** Only requests whose path (with /v1) matches this pattern. */
  path?: string;
  /** Let this many matching requests pass first. */
  after?: number;
};

export class Faults {
  private pending: { fault: Fault; skip: number; left: number }[] = [];

  set(fault: Fault): void {
    this.pending.push({ fault, skip: fault.after ?? 0, left: fault.times ?? 1 });
  }

  clear(): void {
    this.pending = [];
  }

  /** The fault that hits this request, used up once. */
  take(method: string, path: string): Fault | undefined {
    for (const entry of this.pending) {
      const { fault } = entry;
      if (fault.method && fault.method !== method) continue;
      if (fault.path && !new RegExp(fault.path).test(path)) continue;
      if (entry.skip > 0) {
        entry.skip -= 1;
        continue;
      }
      entry.left -= 1;
      if (entry.left <= 0) this.pending = this.pending.filter((other) => other !== entry);
      return fault;
    }
    return undefined;
  }
}

/** YNAB's limit: so many requests in any hour for one token. */
export class HourlyLimit {
  private times: number[] = [];

  constructor(
    readonly limit: number,
    private readonly now: () => number,
  ) {}

  /** Count a request; false when the limit is used up (such a request does not count). */
  take(): boolean {
    const since = this.now() - 3_600_000;
    this.times = this.times.filter((at) => at > since);
    if (this.times.length >= this.limit) return false;
    this.times.push(this.now());
    return true;
  }

  get used(): number {
    return this.times.length;
  }

  reset(): void {
    this.times = [];
  }
}
