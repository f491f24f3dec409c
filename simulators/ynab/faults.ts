import { FaultList, type FaultKind, type FaultTarget } from "../twin-server";

/** What goes wrong on request: the twin's faults, and its rate limit. */

export type Fault = FaultKind &
  Omit<FaultTarget, "path" | "pattern" | "skip"> & {
    /** Only requests whose path (with /v1 and the query) matches this regular expression. */
    path?: string;
    /** Let this many matching requests pass first. */
    after?: number;
  };

export class Faults {
  private readonly list = new FaultList<FaultKind & FaultTarget>();

  set({ path, after, ...fault }: Fault): void {
    this.list.add({
      ...fault,
      ...(path === undefined ? {} : { pattern: path }),
      ...(after === undefined ? {} : { skip: after }),
    });
  }

  clear(): void {
    this.list.clear();
  }

  /** The fault that hits this request, used up once. */
  take(method: string, path: string): FaultKind | undefined {
    return this.list.take({ method, path });
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
