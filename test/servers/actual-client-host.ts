/** The process behind `actual-client.ts`. */
import { createRequire } from "node:module";
import path from "node:path";
import type { BudgetSpec, CreatedBudget } from "./actual-client";

interface Api {
  init(config: unknown): Promise<Lib>;
  shutdown(): Promise<void>;
  runImport(name: string, work: () => Promise<void>): Promise<void>;
  downloadBudget(syncId: string, options?: { password: string }): Promise<void>;
  sync(): Promise<void>;
  createAccount(account: unknown, balance?: number): Promise<string>;
  createCategoryGroup(group: unknown): Promise<string>;
  createCategory(category: unknown): Promise<string>;
  getCategoryGroups(): Promise<{ id: string; name: string }[]>;
  closeAccount(id: string): Promise<void>;
  [name: string]: (...args: never[]) => Promise<unknown>;
}

interface Lib {
  send(name: string, args?: unknown): Promise<unknown>;
  db: { all(text: string, parameters: unknown[]): Promise<unknown[]> };
}

const api = createRequire(path.join(process.argv[2]!, "_.js"))("@actual-app/api") as Api;
let lib: Lib;

const operations: Record<string, (...args: never[]) => Promise<unknown>> = {
  async init(config: unknown) {
    lib = await api.init(config);
  },
  send: (name: string, args: unknown) => lib.send(name, args),
  call: (name: string, ...args: never[]) => api[name]!(...args),
  sql: (text: string, parameters: unknown[]) => lib.db.all(text, parameters),
  open: (syncId: string, password?: string) =>
    api.downloadBudget(syncId, password ? { password } : undefined),
  sync: () => api.sync(),
  shutdown: () => api.shutdown(),
  createBudget,
};

async function createBudget(spec: BudgetSpec): Promise<CreatedBudget> {
  const accounts: Record<string, string> = {};
  const categories: Record<string, string> = {};
  await api.runImport(spec.name, async () => {
    for (const { name, offBudget = false, balance = 0 } of spec.accounts) {
      accounts[name] = await api.createAccount({ name, offbudget: offBudget }, balance);
    }
    const groups = new Map((await api.getCategoryGroups()).map((group) => [group.name, group.id]));
    for (const [group, names] of Object.entries(spec.categories)) {
      const group_id = groups.get(group) ?? (await api.createCategoryGroup({ name: group }));
      for (const name of names) {
        categories[name] = await api.createCategory({ name, group_id, is_income: group === "Income" });
      }
    }
  });
  for (const { name, closed } of spec.accounts) if (closed) await api.closeAccount(accounts[name]!);
  const prefs = (await lib.send("load-prefs")) as { id: string; cloudFileId?: string; groupId?: string };
  if (prefs.groupId) await api.sync();
  return {
    syncId: prefs.groupId ?? "",
    fileId: prefs.cloudFileId ?? "",
    localId: prefs.id,
    accounts,
    categories,
  };
}

let turn: Promise<void> = Promise.resolve();
process.on("message", ({ id, operation, args }: { id: number; operation: string; args: never[] }) => {
  turn = turn.then(async () => {
    try {
      process.send?.({ id, result: (await operations[operation]!(...args)) ?? null });
    } catch (thrown) {
      process.send?.({ id, error: thrown instanceof Error ? thrown.message : JSON.stringify(thrown) });
    }
  });
});
// Actual writes the settings file of a budget in its own time: let it finish.
process.on("disconnect", () => setTimeout(() => process.exit(0), 2000).unref());
