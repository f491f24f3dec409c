import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { Node, NodeAPI } from "node-red";
import { defineProvider, nodeSchema } from "../../nodes/runtime";
import type { MemoryBudget } from "../support/memory-budget";

/** What the specs use of node-red-node-test-helper, which has no types of its own. */
interface Helper {
  readonly _events: NodeJS.EventEmitter;
  init(runtimePath: string): void;
  settings(settings: object): void;
  startServer(done: (error?: unknown) => void): void;
  stopServer(): Promise<void>;
  load(types: readonly unknown[], flow: readonly object[], credentials: object): Promise<void>;
  unload(): Promise<void>;
  clearFlows(): Promise<void>;
  setFlows(flow: readonly object[], type: "full" | "nodes" | "flows"): Promise<void>;
  getNode(id: string): unknown;
  readonly _httpAdmin: RequestListener;
  request(): {
    get(path: string): Promise<{ status: number; body: unknown }>;
    post(path: string): Promise<{ status: number; body: unknown }>;
  };
}
// eslint-disable-next-line @typescript-eslint/no-require-imports -- CommonJS without types
const helper = require("node-red-node-test-helper") as Helper;

/** What the specs of nodes share: a Node-RED runtime in this process, and a folder for its data. */

helper.init(require.resolve("node-red"));

const setFlows = helper.setFlows.bind(helper);
/** The helper's own waits a third of a second for what it deployed, which a busy machine does not keep. */
helper.setFlows = async (flow, type) => {
  const started = once(helper._events, "flows:started");
  try {
    await setFlows(flow, type);
  } catch (error) {
    if (!String(error).includes("timeout waiting event")) throw error;
  }
  await started;
};

/** A tally-budget whose budget is the one in memory, as it is when a node asks for it. */
export function memoryBudgetType(
  budget: () => MemoryBudget,
  settings?: () => object,
): (RED: NodeAPI) => void {
  return (RED) => {
    const connection = defineProvider({
      schema: nodeSchema("tally-budget", "config", {}),
      open: budget,
      test: () => Promise.resolve("works"),
      ...(settings ? { settings } : {}),
    });
    RED.nodes.registerType("tally-budget", connection(RED));
  };
}

export interface Flow {
  nodes: Record<string, unknown>[];
  types: ((RED: NodeAPI) => void)[];
  credentials?: Record<string, Record<string, string>>;
}

export interface Received {
  payload?: unknown;
  tally?: Record<string, unknown> & { error?: Record<string, unknown> };
  error?: { message: string; code?: string; source?: { id: string } };
  [key: string]: unknown;
}

/** Give each test its own user directory and an empty runtime afterwards. */
export function runtime(): { dir: () => string } {
  let dir = "";
  beforeEach((done) => {
    dir = mkdtempSync(path.join(tmpdir(), "tallyflow-nodes-"));
    helper.settings({ userDir: dir, nodeCloseTimeout: 3_000 });
    helper.startServer(done);
  });
  afterEach(async () => {
    await helper.unload();
    await helper.stopServer();
    rmSync(dir, { recursive: true, force: true });
  });
  return { dir: () => dir };
}

/** Serve the admin routes of the loaded nodes while a test asks them with a client of its own. */
export async function withAdmin(work: (url: string) => Promise<void>): Promise<void> {
  // Looked up by request: loading a flow makes a new app.
  const server = createServer((request, response) => helper._httpAdmin(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

export async function load(flow: Flow): Promise<object[]> {
  const tab = { id: "tab", type: "tab", label: "Test" };
  const nodes = flow.nodes.map((node) =>
    String(node["type"]).startsWith("tally-") && CONFIG.has(String(node["type"]))
      ? node
      : { z: "tab", ...node },
  );
  const complete = [tab, ...nodes];
  await helper.load(flow.types, complete, flow.credentials ?? {});
  return complete;
}

const CONFIG = new Set(["tally-store", "tally-bank", "tally-budget"]);

export function node(id: string): Node {
  return helper.getNode(id) as unknown as Node;
}

/** Send a message to a node and wait for what arrives at another. */
export async function ask(from: string, to: string, msg: Record<string, unknown>): Promise<Received> {
  const arrived = arrival(to);
  node(from).receive(msg as never);
  return arrived;
}

/** The next message that arrives at a node. */
export function arrival(id: string): Promise<Received> {
  return new Promise((resolve) => {
    node(id).once("input" as never, ((msg: Received) => resolve(msg)) as never);
  });
}

/** All status objects a node sets from now on. */
export function statuses(id: string): { fill?: string; text?: string }[] {
  const found: { fill?: string; text?: string }[] = [];
  node(id).on(
    "call:status" as never,
    ((call: { firstArg: { fill?: string; text?: string } }) => found.push(call.firstArg)) as never,
  );
  return found;
}

export { helper };
