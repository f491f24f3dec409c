import { randomBytes } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { toTallyError, TallyError } from "../lib/values";

/** A Node-RED user directory that knows Tallyflow: made at first start, never overwritten afterwards. */

const PACKAGE = "@tallyflow/node-red-tallyflow";

/** The folder of this package: the checkout, or where npm put it. */
export const PACKAGE_ROOT = path.resolve(__dirname, "../..");

/** A node of a flow file. */
export interface FlowNode {
  id: string;
  type: string;
  z?: string;
  [property: string]: unknown;
}

/** Nodes of the dashboard: without its package Node-RED would start no flow at all. */
const DASHBOARD = "@flowfuse/node-red-dashboard";
const isDashboardNode = (node: FlowNode): boolean => node.type.startsWith("ui-");

/**
 * The shipped tabs as one flow file: the files of `flows/` in the order of their names.
 * @param options.dashboard whether the nodes of the dashboard are among them; when absent, whether it is installed
 * @throws Error when two nodes have the same id: a fault in the shipped files
 */
export function shippedFlows(
  options: { folder?: string; dashboard?: boolean; userDir?: string } = {},
): FlowNode[] {
  const folder = options.folder ?? path.join(PACKAGE_ROOT, "flows");
  const all = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => JSON.parse(readFileSync(path.join(folder, name), "utf8")) as FlowNode[]);
  const ids = new Set<string>();
  for (const { id } of all) {
    if (ids.has(id)) throw new Error(`Two nodes of the shipped flows have the id ${id}.`);
    ids.add(id);
  }
  return (options.dashboard ?? hasDashboard(options.userDir)) ? all : withoutDashboard(all);
}

/**
 * The file of Node-RED's program.
 * @throws TallyError DEPENDENCY_MISSING when Node-RED is not installed
 */
export function findNodeRed(): string {
  for (const base of [PACKAGE_ROOT, process.cwd(), path.dirname(process.execPath) + "/../lib"]) {
    try {
      return createRequire(path.join(base, "x.js")).resolve("node-red/red.js");
    } catch {
      // Looked for in the next place.
    }
  }
  throw new TallyError(
    "DEPENDENCY_MISSING",
    "Node-RED is not installed. Install it beside Tallyflow: npm install node-red",
  );
}

/** Would Node-RED find the dashboard's package from this user directory, or beside itself? */
function hasDashboard(userDir: string | undefined): boolean {
  const bases = [...(userDir ? [userDir] : [])];
  try {
    bases.push(path.dirname(findNodeRed()));
  } catch (error) {
    if (toTallyError(error).code !== "DEPENDENCY_MISSING") throw error;
  }
  return bases.some((folder) => {
    try {
      createRequire(path.join(folder, "x.js")).resolve(`${DASHBOARD}/package.json`);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "MODULE_NOT_FOUND") return false;
      // It is there, and does not show its package.json to others.
      if (code === "ERR_PACKAGE_PATH_NOT_EXPORTED") return true;
      throw error;
    }
  });
}

/** The same flows, with the dashboard's nodes and the wires to them left out. */
function withoutDashboard(nodes: readonly FlowNode[]): FlowNode[] {
  const gone = new Set(nodes.filter(isDashboardNode).map((node) => node.id));
  const kept = (ids: readonly string[]) => ids.filter((id) => !gone.has(id));
  return nodes
    .filter((node) => !gone.has(node.id))
    .map((node) => ({
      ...node,
      ...(Array.isArray(node["wires"]) ? { wires: (node["wires"] as string[][]).map(kept) } : {}),
      ...(node.type === "group" ? { nodes: kept(node["nodes"] as string[]) } : {}),
    }));
}

/**
 * Make a user directory, or complete one: flows only where there is no flow file yet, a credential secret of its own,
 * and a link to this package where Node-RED would not find it by itself.
 * @returns whether the flows were composed now
 */
export function prepareUserDir(
  folder: string,
  flows: () => readonly FlowNode[] = () => shippedFlows({ userDir: folder }),
): { fresh: boolean; credentialSecret: string } {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const secretFile = path.join(folder, ".credential-secret");
  if (!existsSync(secretFile)) writeFileSync(secretFile, randomBytes(32).toString("hex"), { mode: 0o600 });
  const flowFile = path.join(folder, "flows.json");
  const fresh = !existsSync(flowFile);
  if (fresh) writeFileSync(flowFile, JSON.stringify(flows(), null, 2) + "\n");
  const manifest = path.join(folder, "package.json");
  if (!existsSync(manifest)) {
    writeFileSync(
      manifest,
      JSON.stringify({ name: "node-red-user-directory", private: true, version: "0.0.1" }, null, 2) + "\n",
    );
  }
  linkPackage(folder);
  return { fresh, credentialSecret: readFileSync(secretFile, "utf8").trim() };
}

/** Node-RED looks into node_modules of the user directory and of the folders above itself. */
function linkPackage(folder: string): void {
  const beside = path.dirname(path.dirname(PACKAGE_ROOT));
  if (path.basename(beside) === "node_modules" && existsSync(path.join(beside, "node-red"))) return;
  const link = path.join(folder, "node_modules", PACKAGE);
  mkdirSync(path.dirname(link), { recursive: true });
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) {
    if (existsSync(link) && realpathSync(link) === realpathSync(PACKAGE_ROOT)) return;
    // A link that an earlier checkout made, which has moved since.
    if (readlinkSync(link) !== PACKAGE_ROOT) unlinkSync(link);
  }
  if (!existsSync(link)) symlinkSync(PACKAGE_ROOT, link, "dir");
}
