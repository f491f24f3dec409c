import type { NodeAPI } from "node-red";
import type { RunState } from "../../lib/store";
import { TallyError, toTallyError, type ErrorCode } from "../../lib/values";
import { storeOf, type ListingNode, type TestableNode } from "./config-nodes";
import { openStores } from "./stores";

type RequestHandler = ReturnType<NodeAPI["auth"]["needsPermission"]>;
export type Request = Parameters<RequestHandler>[0];
type Response = Parameters<RequestHandler>[1];

/** Routes of the editor and of scripts, all under `/tallyflow`, each with a permission. */

const READ = "tallyflow.read";
const WRITE = "tallyflow.write";
/** A health check that is asked more often answers what it found last: it cannot be used to load the store. */
const HEALTH_TTL_MS = 5_000;
const HEALTH_LIMIT_MS = 3_000;

const STATUS: Partial<Record<ErrorCode, number>> = {
  CONFIG_INVALID: 400,
  NOT_FOUND: 404,
  STORE_UNAVAILABLE: 503,
  STATEMENT_UNREADABLE: 422,
  RATE_LIMITED: 429,
  AUTH_FAILED: 502,
  AUTH_EXPIRED: 502,
  PROVIDER_UNAVAILABLE: 502,
};

const registered = new WeakSet<object>();

/** Add the routes, once for each admin app. Without an admin app (`httpAdminRoot: false`) only health is there. */
export function registerRoutes(RED: NodeAPI): void {
  const admin = RED.httpAdmin as NodeAPI["httpAdmin"] | null;
  const app = admin ?? RED.httpNode;
  if (registered.has(app)) return;
  registered.add(app);
  // No permission, by intent: Docker's and Kubernetes' health checks have no login. It answers one word from a short
  // cache, tells nothing about data, versions or addresses, and takes no input.
  app.get("/tallyflow/health", guarded(health()));
  if (!admin) return;
  const read = RED.auth.needsPermission(READ);
  const write = RED.auth.needsPermission(WRITE);
  admin.get("/tallyflow/runs", read, guarded(listRuns(RED)));
  admin.get("/tallyflow/runs/:id", read, guarded(oneRun(RED)));
  admin.post("/tallyflow/test/:id", write, guarded(testConnection(RED)));
  // Asks the bank or the budget, and so uses up their rate limits: for those who may change something.
  admin.get("/tallyflow/list/:id/:name", write, guarded(list(RED)));
}

/** What a node adds its routes with. */
interface Routes {
  admin: NodeAPI["httpAdmin"];
  read: RequestHandler;
  write: RequestHandler;
}

const added = new WeakMap<object, Set<string>>();

/** Add routes of a node, once for each admin app, and none where there is no admin app. */
export function addRoutes(RED: NodeAPI, owner: string, add: (routes: Routes) => void): void {
  const admin = RED.httpAdmin as NodeAPI["httpAdmin"] | null;
  if (!admin) return;
  const owners = added.get(admin) ?? new Set<string>();
  added.set(admin, owners);
  if (owners.has(owner)) return;
  owners.add(owner);
  add({ admin, read: RED.auth.needsPermission(READ), write: RED.auth.needsPermission(WRITE) });
}

/** A handler whose failure becomes an answer with code and message, never a rejection. */
export function guarded(
  handler: (request: Request, response: Response) => Promise<void> | void,
): RequestHandler {
  return (request, response) => {
    const answered = (async () => handler(request, response))();
    answered.catch((thrown: unknown) => {
      const error = toTallyError(thrown);
      if (response.headersSent) response.end();
      else response.status(STATUS[error.code] ?? 500).json(error.toJSON());
    });
  };
}

function health() {
  let known: { at: number; state: Promise<boolean> } | undefined;
  return async (_request: Request, response: Response): Promise<void> => {
    const now = Date.now();
    if (!known || now - known.at > HEALTH_TTL_MS) known = { at: now, state: storesAnswer() };
    const healthy = await known.state;
    response.status(healthy ? 200 : 503).json({ status: healthy ? "ok" : "failing" });
  };
}

/** Do all open stores answer in time? A store that nobody has opened yet is not asked. */
async function storesAnswer(): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), HEALTH_LIMIT_MS)));
  const asked = openStores().then(async (stores) => {
    const pings = await Promise.allSettled(stores.map(({ store }) => store.ping()));
    return pings.every((ping) => ping.status === "fulfilled");
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

function listRuns(RED: NodeAPI) {
  return async (request: Request, response: Response): Promise<void> => {
    const text = (name: string) => {
      const value = request.query[name];
      return typeof value === "string" && value !== "" ? value : undefined;
    };
    const limit = Number(text("limit") ?? 50);
    if (!Number.isInteger(limit) || limit < 1 || limit > 500)
      throw new TallyError("CONFIG_INVALID", "limit must be a whole number from 1 to 500.");
    const [after, job, state] = [text("after"), text("job"), text("state")];
    const lease = await storeOf(RED, text("store")).lease();
    try {
      response.json(
        await lease.value.ledger.list({
          limit,
          ...(after ? { after } : {}),
          ...(job ? { job } : {}),
          ...(state ? { state: state as RunState } : {}),
        }),
      );
    } finally {
      await lease.release();
    }
  };
}

function oneRun(RED: NodeAPI) {
  return async (request: Request, response: Response): Promise<void> => {
    const { store } = request.query;
    const lease = await storeOf(RED, typeof store === "string" ? store : undefined).lease();
    try {
      response.json(await lease.value.ledger.get(String(request.params["id"])));
    } finally {
      await lease.release();
    }
  };
}

/** What there is to choose from behind a deployed connection: accounts, plans. */
function list(RED: NodeAPI) {
  return async (request: Request, response: Response): Promise<void> => {
    const node = RED.nodes.getNode(String(request.params["id"])) as ListingNode | null | undefined;
    if (!node || typeof node.list !== "function")
      throw new TallyError("NOT_FOUND", "This node is not deployed yet. Deploy first.");
    response.json({ items: await node.list(String(request.params["name"])) });
  };
}

/** The deployed connection is tested, never one that the request describes: a stored secret goes to no new address. */
function testConnection(RED: NodeAPI) {
  return async (request: Request, response: Response): Promise<void> => {
    const node = RED.nodes.getNode(String(request.params["id"])) as TestableNode | null | undefined;
    if (!node || typeof node.testConnection !== "function")
      throw new TallyError("NOT_FOUND", "This node is not deployed yet. Deploy first, then test.");
    response.json({ message: await node.testConnection() });
  };
}
