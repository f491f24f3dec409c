import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { PACKAGE_ROOT, shippedFlows, type FlowNode } from "../../cli/user-dir";
import { FIRST_JOB } from "../../cli/shipped";
import { resolveOptions, type NodeSchema } from "../../nodes/runtime";
import { boxOf, flowFiles, ownTypes, wires, type Box } from "./support";

const files = [
  ...[...flowFiles("flows")].map(([name, nodes]) => ({ name: `flows/${name}`, nodes })),
  ...[...flowFiles("examples")].map(([name, nodes]) => ({ name: `examples/${name}`, nodes })),
];
const shipped = shippedFlows({ dashboard: true });
const isPlaced = (node: FlowNode) => typeof node["x"] === "number" && node.type !== "group";
const REFERENCES: Record<string, string> = {
  store: "tally-store",
  bank: "tally-bank",
  budget: "tally-budget",
  group: "ui-group",
  page: "ui-page",
  ui: "ui-base",
  theme: "ui-theme",
};

describe("flows and examples as files", () => {
  it("give every node an id of its own", () => {
    const all = files.flatMap(({ nodes }) => nodes.map((node) => node.id));
    assert.equal(new Set(all).size, all.length);
  });

  for (const { name, nodes } of files) {
    // A shipped tab may point at the connections and, by links, at other tabs; an example stands alone.
    const world = name.startsWith("flows/") ? shipped : nodes;
    const byId = new Map(world.map((node) => [node.id, node]));

    describe(name, () => {
      it("ends every wire at a node of the same tab", () => {
        for (const { from, to } of wires(nodes))
          assert.equal(byId.get(to)?.z, from.z, `${from.id} is wired to ${to}`);
      });

      it("links to nodes that link back", () => {
        for (const node of nodes.filter((one) => one.type === "link in" || one.type === "link out")) {
          const links = node["links"] as string[];
          assert.ok(links.length > 0, `${node.id} has no link`);
          for (const other of links)
            assert.ok((byId.get(other)?.["links"] as string[]).includes(node.id), `${node.id} and ${other}`);
        }
      });

      it("points at config nodes that exist", () => {
        for (const node of nodes)
          for (const [field, type] of Object.entries(REFERENCES)) {
            const id = node[field];
            if (typeof id === "string" && id !== "")
              assert.equal(byId.get(id)?.type, type, `${node.id}.${field}`);
          }
      });

      it("holds options that its nodes accept, and no other fields", () => {
        for (const node of nodes.filter((one) => one.type.startsWith("tally-"))) {
          const folder = node.type.slice("tally-".length);
          const file = path.join(PACKAGE_ROOT, "dist/nodes", folder, "schema.js");
          const { schema } = createRequire(__filename)(file) as { schema: NodeSchema };
          resolveOptions(schema, { config: node, env: {} });
          const fields = schema.fields.filter((field) => field.kind !== "secret").map((field) => field.name);
          const own = ["id", "type", "name", "z", "g", "x", "y", "wires"];
          assert.deepEqual(
            Object.keys(node)
              .filter((key) => !own.includes(key))
              .sort(),
            [...fields].sort(),
            node.id,
          );
        }
      });

      it("keeps groups around their nodes", () => {
        for (const group of nodes.filter((one) => one.type === "group")) {
          assert.ok(group["name"], `${group.id} has no name`);
          const box = {
            left: Number(group["x"]),
            right: Number(group["x"]) + Number(group["w"]),
            top: Number(group["y"]),
            bottom: Number(group["y"]) + Number(group["h"]),
          };
          for (const id of group["nodes"] as string[]) {
            const node = byId.get(id);
            assert.ok(node && node["g"] === group.id && node.z === group.z, `${id} in ${group.id}`);
            const inner = boxOf(node);
            assert.ok(inner.left >= box.left && inner.right <= box.right, `${id} is beside ${group.id}`);
            assert.ok(
              inner.top >= box.top && inner.bottom <= box.bottom,
              `${id} is above or below ${group.id}`,
            );
          }
        }
        for (const node of nodes.filter((one) => one["g"]))
          assert.ok((byId.get(String(node["g"]))?.["nodes"] as string[]).includes(node.id), node.id);
      });

      it("puts no node upon another, each on the grid", () => {
        const placed = nodes.filter(isPlaced);
        for (const [at, one] of placed.entries()) {
          assert.equal(Number(one["y"]) % 20, 0, `${one.id} is off the grid`);
          assert.equal(Number(one["x"]) % 10, 0, `${one.id} is off the grid`);
          for (const other of placed.slice(at + 1))
            assert.ok(!overlap(boxOf(one), boxOf(other)), `${one.id} and ${other.id} overlap`);
        }
        const groups = nodes.filter((one) => one.type === "group").map((group) => groupBox(group));
        for (const [at, one] of groups.entries())
          for (const other of groups.slice(at + 1)) assert.ok(!overlap(one, other), "two groups overlap");
      });

      it("draws wires from left to right, and none across another", () => {
        const lines = wires(nodes).map(({ from, to }) => {
          const [a, b] = [boxOf(from), boxOf(byId.get(to)!)];
          assert.ok(b.left >= a.right, `${from.id} to ${to} goes backwards`);
          return {
            ends: [from.id, to],
            from: [a.right, Number(from["y"])],
            to: [b.left, Number(byId.get(to)!["y"])],
          };
        });
        for (const [at, one] of lines.entries())
          for (const other of lines.slice(at + 1)) {
            if (one.ends[0] === other.ends[0] || one.ends[1] === other.ends[1]) continue;
            assert.ok(
              !cross(one.from as Point, one.to as Point, other.from as Point, other.to as Point),
              `${one.ends.join(" to ")} crosses ${other.ends.join(" to ")}`,
            );
          }
      });

      it("explains itself: text of the tab, comments with text, a catch for what fails", () => {
        const tabs = nodes.filter((one) => one.type === "tab");
        for (const tab of tabs) {
          assert.ok(String(tab["info"]).length > 20, `${tab.id} has no info`);
          assert.ok(nodes.some((one) => one.type === "catch" && one.z === tab.id && one["scope"] === null));
        }
        const comments = nodes.filter((one) => one.type === "comment");
        if (tabs.length > 0) assert.ok(comments.length > 0);
        for (const comment of comments) assert.ok(String(comment["info"]).length > 20, comment.id);
      });

      it("holds no secret, no path of a machine and no address", () => {
        const [folder, file] = name.split("/") as [string, string];
        const text = readFileSync(path.join(PACKAGE_ROOT, folder, `${file}.json`), "utf8");
        assert.doesNotMatch(text, /"credentials"|"(token|apiKey|password|uri)"\s*:/);
        assert.doesNotMatch(
          text,
          /\/(home|root|Users|work|tmp)\/|[A-Z]:\\\\|https?:\/\/|localhost|127\.0\.0\.1/,
        );
      });

      it("never gives the dashboard HTML that others wrote", () => {
        for (const node of nodes.filter((one) => one.type.startsWith("ui-"))) {
          assert.doesNotMatch(
            String(node["format"] ?? ""),
            /v-html|innerHTML|insertAdjacentHTML|eval\(/,
            node.id,
          );
          if (node.type === "ui-notification") assert.equal(node["raw"], false);
          assert.ok(
            !["ui-markdown", "ui-text", "ui-table"].includes(node.type),
            `${node.id} may render HTML`,
          );
        }
      });
    });
  }

  it("have an example for every node of the package", () => {
    assert.deepEqual(
      [...flowFiles("examples").keys()].sort(),
      ownTypes()
        .map((type) => type.slice("tally-".length))
        .sort(),
    );
    for (const [name, nodes] of flowFiles("examples"))
      assert.ok(
        nodes.some((node) => node.type === `tally-${name}`),
        name,
      );
  });

  it("have the job that commands start", () => {
    const schedule = shipped.find((node) => node.id === FIRST_JOB.schedule);
    assert.equal(schedule?.type, "tally-schedule");
    assert.equal(schedule?.["job"], FIRST_JOB.job);
  });

  it("are whole without the dashboard too", () => {
    const nodes = shippedFlows({ dashboard: false });
    const byId = new Map(nodes.map((node) => [node.id, node]));
    assert.deepEqual(
      nodes.filter((node) => node.type.startsWith("ui-")),
      [],
    );
    for (const { from, to } of wires(nodes)) assert.ok(byId.has(to), `${from.id} is wired to ${to}`);
    for (const group of nodes.filter((node) => node.type === "group"))
      for (const id of group["nodes"] as string[]) assert.ok(byId.has(id), `${id} in ${group.id}`);
    assert.ok(byId.has("tally-ops-debug"), "failures still arrive somewhere");
  });
});

type Point = [number, number];

function groupBox(group: FlowNode): Box {
  const [x, y] = [Number(group["x"]), Number(group["y"])];
  return { left: x, right: x + Number(group["w"]), top: y, bottom: y + Number(group["h"]) };
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** Do two lines cross between their ends? By the signs of the areas of the triangles they make. */
function cross(a: Point, b: Point, c: Point, d: Point): boolean {
  const side = (p: Point, q: Point, r: Point) =>
    Math.sign((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]));
  return side(a, b, c) * side(a, b, d) < 0 && side(c, d, a) * side(c, d, b) < 0;
}
