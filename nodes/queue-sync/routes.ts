import type { NodeAPI } from "node-red";
import type { BudgetProvider } from "../../lib/budget";
import { listBatches, requeue, requeueSelection, undoBatch } from "../../lib/queue";
import { batches, type Store } from "../../lib/store";
import { TallyError, toTallyError, type Id } from "../../lib/values";
import { addRoutes, guarded, storeOf, type BudgetNode, type Lease, type Request } from "../runtime";

/** What a person does with the queue: look at the batches, undo one, send items on their way again. */
export function registerQueueRoutes(RED: NodeAPI): void {
  addRoutes(RED, "tally-queue-sync", ({ admin, read, write }) => {
    admin.get(
      "/tallyflow/queue/batches",
      read,
      guarded(async (request, response) => {
        const [budgetId, after] = [text(request, "budgetId"), text(request, "after")];
        const limit = Number(text(request, "limit") ?? 50);
        if (!Number.isInteger(limit) || limit < 1 || limit > 200)
          throw new TallyError("CONFIG_INVALID", "limit must be a whole number from 1 to 200.");
        const page = { limit, ...(budgetId ? { budgetId } : {}), ...(after ? { after } : {}) };
        response.json(await withStore(RED, request, (store) => listBatches(store, page)));
      }),
    );
    admin.post(
      "/tallyflow/queue/batches/:id/undo",
      write,
      guarded(async (request, response) => {
        const id = String(request.params["id"]);
        response.json(await withStore(RED, request, (store) => undo(RED, store, id)));
      }),
    );
    admin.post(
      "/tallyflow/queue/requeue",
      write,
      guarded(async (request, response) => {
        const selection = requeueSelection(request.body);
        response.json(await withStore(RED, request, (store) => requeue(store, selection)));
      }),
    );
  });
}

async function undo(RED: NodeAPI, store: Store, id: Id): ReturnType<typeof undoBatch> {
  const batch = await store.collection(batches).get(id);
  if (!batch) throw new TallyError("NOT_FOUND", `There is no batch ${id.slice(0, 60)}.`);
  const budget = await budgetOf(RED, store, batch.budgetId);
  try {
    return await undoBatch(store, budget.value, id);
  } finally {
    await budget.release();
  }
}

async function withStore<T>(RED: NodeAPI, request: Request, work: (store: Store) => Promise<T>): Promise<T> {
  const lease = await storeOf(RED, text(request, "store")).lease();
  try {
    return await work(lease.value.store);
  } finally {
    await lease.release();
  }
}

/**
 * The deployed connection to a budget.
 * @throws TallyError NOT_FOUND when no tally-budget node is connected to it, or what kept one from being asked
 */
async function budgetOf(RED: NodeAPI, store: Store, budgetId: Id): Promise<Lease<BudgetProvider>> {
  const nodes: BudgetNode[] = [];
  RED.nodes.eachNode((definition) => {
    if (definition.type !== "tally-budget") return;
    const node = RED.nodes.getNode(definition.id) as BudgetNode | null | undefined;
    if (node) nodes.push(node);
  });
  let problem: TallyError | undefined;
  for (const node of nodes) {
    let lease: Lease<BudgetProvider>;
    try {
      lease = await node.lease(store);
    } catch (thrown) {
      problem = toTallyError(thrown);
      continue;
    }
    if (lease.value.budgetId === budgetId) return lease;
    await lease.release();
  }
  throw (
    problem ??
    new TallyError("NOT_FOUND", `No deployed tally-budget node is connected to the budget ${budgetId}.`)
  );
}

function text(request: Request, name: string): string | undefined {
  const value = request.query[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}
