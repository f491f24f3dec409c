import type { Node, NodeAPI, NodeStatus } from "node-red";
import type { TallyError } from "../../lib/values";

/** A node's status: short, translated, at most four changes a second, and gone once it no longer says anything. */

/** Between two changes while work is going on. */
const THROTTLE_MS = 250;
/** A result older than this is history: it is in the run ledger and no longer beside the node. */
export const STALE_MS = 10 * 60_000;

/** Counts that are kept in the ledger and say nothing beside a node. */
const QUIET = new Set([
  "accounts",
  "calls",
  "unchanged",
  "unmatchedPayments",
  "unmatchedTransactions",
  "seen",
  "conflicts",
]);
/** Of a whole run (`<step>.<count>`) these are what a person wants to know. */
const OF_A_RUN = ["queue-sync.synced", "queue-sync.review", "queue-sync.dead"];

export class StatusLine {
  private throttle: NodeJS.Timeout | undefined;
  private stale: NodeJS.Timeout | undefined;
  private pending: NodeStatus | undefined;

  constructor(
    private readonly RED: NodeAPI,
    private readonly node: Node,
    private readonly staleMs = STALE_MS,
  ) {}

  /** `done` of `total` (0 when unknown), and how many messages wait behind this one. */
  running(progress?: { done: number; total: number; what?: string | undefined }, waiting = 0): void {
    const parts: string[] = [];
    if (!progress) parts.push(this.RED._("status.running"));
    else if (progress.total > 0)
      parts.push(
        this.RED._("status.progress", { done: String(progress.done), total: String(progress.total) }),
      );
    else parts.push(this.RED._("status.count", { done: String(progress.done) }));
    if (progress?.what) parts.push(progress.what);
    if (waiting > 0) parts.push(this.RED._("status.waiting", { n: String(waiting) }));
    this.throttled({ fill: "blue", shape: "dot", text: parts.join(" · ") });
  }

  /**
   * A step is done; its first two counts that are not zero and say something.
   * @param remarks what a person should see before the counts; they stay until the next message
   */
  done(counts: Readonly<Record<string, number>>, remarks: readonly string[] = []): void {
    const shown = Object.entries(counts)
      .filter(
        ([name, value]) =>
          value !== 0 && !QUIET.has(name) && (!name.includes(".") || OF_A_RUN.includes(name)),
      )
      .slice(0, 2)
      .map(([name, value]) => `${value} ${this.countName(name)}`);
    const text = shown.length ? shown.join(", ") : this.RED._("status.nothing");
    if (remarks.length > 0) {
      this.now({ fill: "yellow", shape: "dot", text: [...remarks, text].join(" · ") });
      return;
    }
    this.now({ fill: "green", shape: "dot", text });
    this.stale = setTimeout(() => this.now({}), this.staleMs);
    this.stale.unref();
  }

  /** A step failed: stays until the next message, since a person should see it. */
  failed(error: TallyError): void {
    this.now({
      fill: "red",
      shape: "ring",
      text: `${error.code}: ${error.message.length > 60 ? `${error.message.slice(0, 59)}…` : error.message}`,
    });
  }

  /** Any other short text, as translated by the caller; none clears. */
  show(status: NodeStatus): void {
    this.now(status);
  }

  /** Clear, and stop all timers. */
  close(): void {
    this.now({});
  }

  private countName(name: string): string {
    const key = `counts.${name.slice(name.indexOf(".") + 1)}`;
    const text = this.RED._(key);
    // Without an entry in the catalogue i18next answers with the key.
    return text.endsWith(key) ? name : text;
  }

  private now(status: NodeStatus): void {
    clearTimeout(this.throttle);
    clearTimeout(this.stale);
    this.throttle = undefined;
    this.pending = undefined;
    this.node.status(status);
  }

  private throttled(status: NodeStatus): void {
    clearTimeout(this.stale);
    if (this.throttle) {
      this.pending = status;
      return;
    }
    this.node.status(status);
    this.throttle = setTimeout(() => {
      this.throttle = undefined;
      if (this.pending) {
        const next = this.pending;
        this.pending = undefined;
        this.throttled(next);
      }
    }, THROTTLE_MS);
    this.throttle.unref();
  }
}
