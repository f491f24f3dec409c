/**
 * Things that are opened once and shared by all who name the same key: stores by their file or address, providers by
 * their config node. The last lease that is given back closes the thing.
 */

export interface Lease<T> {
  readonly value: T;
  /** Give it back; resolves once the thing is closed when this was the last lease. A second call does nothing. */
  release(): Promise<void>;
}

interface Entry<T> {
  users: number;
  opened: Promise<T>;
}

export class SharedPool<T> {
  private readonly entries = new Map<string, Entry<T>>();
  private readonly closing = new Map<string, Promise<void>>();

  /** @param close how a thing is closed when nobody uses it any more */
  constructor(private readonly close: (value: T) => Promise<void>) {}

  /**
   * Lease the thing of this key, opening it when nobody has it open. While the one before is still being closed, the
   * opening waits for that.
   * @throws whatever `open` throws; the next call tries again
   */
  async acquire(key: string, open: () => Promise<T>): Promise<Lease<T>> {
    let entry = this.entries.get(key);
    if (!entry) {
      entry = { users: 0, opened: (this.closing.get(key) ?? Promise.resolve()).then(open) };
      this.entries.set(key, entry);
    }
    const held = entry;
    held.users++;
    let value: T;
    try {
      value = await held.opened;
    } catch (error) {
      if (this.entries.get(key) === held) this.entries.delete(key);
      throw error;
    }
    let released: Promise<void> | undefined;
    return { value, release: () => (released ??= this.giveBack(key, held, value)) };
  }

  /** The things that are open now. */
  async open(): Promise<T[]> {
    const settled = await Promise.allSettled([...this.entries.values()].map((entry) => entry.opened));
    return settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  }

  private async giveBack(key: string, entry: Entry<T>, value: T): Promise<void> {
    if (--entry.users > 0) return;
    this.entries.delete(key);
    const closed = this.close(value).finally(() => this.closing.delete(key));
    // Whoever opens next must not fail because the closing did; the one who closes is told.
    this.closing.set(
      key,
      closed.catch(() => undefined),
    );
    await closed;
  }
}
