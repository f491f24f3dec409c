import type { YnabApi } from "./api";
import type { WireAccount } from "./wire";

/** The plan's accounts and the payees that stand for transfers to them, read when first needed or not found. */
export class AccountBook {
  private known: Map<string, WireAccount> | undefined;

  constructor(
    private readonly api: YnabApi,
    private readonly plan: string,
  ) {}

  /** The account, or undefined when the plan has none of this id. */
  async get(id: string, signal?: AbortSignal): Promise<WireAccount | undefined> {
    const known = this.known?.get(id);
    if (known) return known;
    const data = await this.api.call<{ accounts: WireAccount[] }>("accounts", {
      ids: { plan_id: this.plan },
      ...(signal ? { signal } : {}),
    });
    this.known = new Map(data.accounts.map((account) => [account.id, account]));
    return this.known.get(id);
  }

  /** Missing ones are asked for once, not once each. */
  async getAll(ids: Iterable<string>, signal?: AbortSignal): Promise<Map<string, WireAccount>> {
    const found = new Map<string, WireAccount>();
    let asked = false;
    for (const id of new Set(ids)) {
      if (asked && !this.known?.has(id)) continue;
      asked ||= !this.known?.has(id);
      const account = await this.get(id, signal);
      if (account) found.set(id, account);
    }
    return found;
  }
}
