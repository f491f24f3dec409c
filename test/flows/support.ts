import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { PACKAGE_ROOT, type FlowNode } from "../../cli/user-dir";

/** What the specs of the shipped flows and of the examples share. */

/** The files of a folder of flows, by name without extension. */
export function flowFiles(folder: "flows" | "examples"): Map<string, FlowNode[]> {
  const where = path.join(PACKAGE_ROOT, folder);
  return new Map(
    readdirSync(where)
      .sort()
      .map((name) => [
        path.basename(name, ".json"),
        JSON.parse(readFileSync(path.join(where, name), "utf8")) as FlowNode[],
      ]),
  );
}

/** The node types of this package. */
export function ownTypes(): string[] {
  const manifest = JSON.parse(readFileSync(path.join(PACKAGE_ROOT, "package.json"), "utf8")) as {
    "node-red": { nodes: Record<string, string> };
  };
  return Object.keys(manifest["node-red"].nodes);
}

/** All wires of nodes: from which, to which. */
export function wires(nodes: readonly FlowNode[]): { from: FlowNode; to: string }[] {
  return nodes.flatMap((from) => ((from["wires"] ?? []) as string[][]).flat().map((to) => ({ from, to })));
}

export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** Where the editor draws a node: 30 px high, as wide as its label needs in steps of 20 px, at least 100 px; a link may show none. */
export function boxOf(node: FlowNode): Box {
  const label = String(node["name"] || node["label"] || node.type.replace(/^tally-/, ""));
  const width = node["l"] === false ? 30 : Math.max(100, 20 * Math.ceil((label.length * 6.4 + 50) / 20));
  const [x, y] = [Number(node["x"]), Number(node["y"])];
  return { left: x - width / 2, right: x + width / 2, top: y - 15, bottom: y + 15 };
}
