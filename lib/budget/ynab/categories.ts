import type { YnabApi } from "./api";
import type { WireGroup } from "./wire";

const FRESH_MS = 60_000;

/** Which categories stand in the plan, read at most once a minute and then as a delta: one call for many bulks. */
export class CategoryBook {
  private readonly live = new Set<string>();
  private knowledge: number | undefined;
  private readAt = -Infinity;

  constructor(
    private readonly api: YnabApi,
    private readonly plan: string,
    private readonly now: () => number,
  ) {}

  /** Is the category there? Asks YNAB when what is known is older than a minute, or when told. */
  async has(id: string, options: { afresh?: boolean; signal?: AbortSignal } = {}): Promise<boolean> {
    if (options.afresh || this.now() - this.readAt > FRESH_MS) await this.read(options.signal);
    return this.live.has(id);
  }

  private async read(signal?: AbortSignal): Promise<void> {
    const data = await this.api.call<{ category_groups: WireGroup[]; server_knowledge: number }>({
      method: "GET",
      path: `/plans/${this.plan}/categories`,
      query: { last_knowledge_of_server: this.knowledge },
      ...(signal ? { signal } : {}),
    });
    if (this.knowledge !== undefined && data.server_knowledge < this.knowledge) {
      // The plan is not the one it was (restored, started afresh): a delta says nothing about it.
      this.knowledge = undefined;
      return this.read(signal);
    }
    if (this.knowledge === undefined) this.live.clear();
    for (const group of data.category_groups) {
      for (const category of group.categories) {
        if (category.deleted || group.deleted) this.live.delete(category.id);
        else this.live.add(category.id);
      }
    }
    this.knowledge = data.server_knowledge;
    this.readAt = this.now();
  }
}
