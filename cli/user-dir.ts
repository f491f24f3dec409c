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
import path from "node:path";

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

/**
 * The shipped tabs as one flow file: the files of `flows/` in the order of their names.
 * @throws Error when two nodes have the same id: a fault in the shipped files
 */
export function shippedFlows(folder = path.join(PACKAGE_ROOT, "flows")): FlowNode[] {
  const nodes = readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .flatMap((name) => JSON.parse(readFileSync(path.join(folder, name), "utf8")) as FlowNode[]);
  const ids = new Set<string>();
  for (const { id } of nodes) {
    if (ids.has(id)) throw new Error(`Two nodes of the shipped flows have the id ${id}.`);
    ids.add(id);
  }
  return nodes;
}

/**
 * Make a user directory, or complete one: flows only where there is no flow file yet, a credential secret of its own,
 * and a link to this package where Node-RED would not find it by itself.
 * @returns whether the flows were composed now
 */
export function prepareUserDir(
  folder: string,
  flows: () => readonly FlowNode[] = shippedFlows,
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
  if (path.basename(path.dirname(path.dirname(PACKAGE_ROOT))) === "node_modules") return;
  const link = path.join(folder, "node_modules", PACKAGE);
  mkdirSync(path.dirname(link), { recursive: true });
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) {
    if (existsSync(link) && realpathSync(link) === realpathSync(PACKAGE_ROOT)) return;
    // A link that an earlier checkout made, which has moved since.
    if (readlinkSync(link) !== PACKAGE_ROOT) unlinkSync(link);
  }
  if (!existsSync(link)) symlinkSync(PACKAGE_ROOT, link, "dir");
}
