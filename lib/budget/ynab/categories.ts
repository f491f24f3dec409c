import type { YnabApi } from "./api";
import { groupState } from "./cursor";
import { isInternal } from "./map";
import type { WireCategory, WireGroup } from "./wire";

const FRESH_MS = 60_000;

function isAssignable(group: WireGroup, category: WireCategory): boolean {
  const isGone = category.deleted || group.deleted || category.hidden || group.hidden;
  return !isGone && !isInternal(group, category);
}

/**
 * Which categories of the plan a transaction may be given, read at most once a minute and then as a delta: one call
 * for many bulks. Left out are deleted and hidden ones, and those that YNAB keeps for itself.
 */
export class CategoryBook {
  private readonly live = new Set<string>();
  private readonly groups = new Map<string, string>();
  private knowledge: number | undefined;
  private readAt = -Infinity;

  constructor(
    private readonly api: YnabApi,
    private readonly plan: string,
    private readonly now: () => number,
  ) {}

  /** Can it be given? Asks YNAB when what is known is older than a minute, or when told. */
  async has(id: string, options: { afresh?: boolean; signal?: AbortSignal } = {}): Promise<boolean> {
    if (options.afresh || this.now() - this.readAt > FRESH_MS) await this.read(options.signal);
    return this.live.has(id);
  }

  private async read(signal?: AbortSignal): Promise<void> {
    const data = await this.api.call<{ category_groups: WireGroup[]; server_knowledge: number }>(
      "categories",
      {
        ids: { plan_id: this.plan },
        query: { last_knowledge_of_server: this.knowledge },
        ...(signal ? { signal } : {}),
      },
    );
    if (this.knowledge !== undefined && data.server_knowledge < this.knowledge) {
      // The plan is not the one it was (restored, started afresh): a delta says nothing about it.
      this.knowledge = undefined;
      return this.read(signal);
    }
    const known = data.category_groups.every((group) => this.groups.get(group.id) === groupState(group));
    if (this.knowledge !== undefined && !known) {
      // A group that was hidden or shown changes all of its categories, which the delta does not list.
      this.knowledge = undefined;
      return this.read(signal);
    }
    if (this.knowledge === undefined) this.live.clear();
    for (const group of data.category_groups) {
      this.groups.set(group.id, groupState(group));
      for (const category of group.categories) {
        if (isAssignable(group, category)) this.live.add(category.id);
        else this.live.delete(category.id);
      }
    }
    this.knowledge = data.server_knowledge;
    this.readAt = this.now();
  }
}
