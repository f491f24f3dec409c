import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { shippedFlows, PACKAGE_ROOT } from "../../cli/user-dir";
import { oldestNodeRed } from "../servers/node-red-4";
import { startTestNodeRed, type TestNodeRed } from "../support/node-red";

const MAIN_TAB = "tally-tab-main";

describe("Node-RED 4.1", function () {
  this.timeout(20 * 60_000);
  let server: TestNodeRed | undefined;
  before(async function () {
    const found = await oldestNodeRed();
    if ("unavailable" in found) {
      console.warn(`Skipped: ${found.unavailable}`);
      this.skip();
    }
    server = await startTestNodeRed({ red: found.red });
  });
  after(() => server?.stop());

  const get = async <T>(route: string): Promise<T> => {
    const answer = await fetch(server!.url + route, { headers: { accept: "application/json" } });
    assert.equal(answer.status, 200, route);
    return (await answer.json()) as T;
  };

  it("is what runs", async () => {
    const { version } = await get<{ version: string }>("/settings");
    assert.match(version, /^4\.1\./);
  });

  it("loads every node type of the package", async () => {
    const manifest = JSON.parse(readFileSync(path.join(PACKAGE_ROOT, "package.json"), "utf8")) as {
      name: string;
      "node-red": { nodes: Record<string, string> };
    };
    const sets = await get<{ module: string; types: string[]; enabled: boolean; err?: string }[]>("/nodes");
    const own = sets.filter(({ module }) => module === manifest.name);
    assert.deepEqual(
      own.filter((set) => set.err || !set.enabled),
      [],
    );
    assert.deepEqual(
      own.flatMap(({ types }) => types).sort(),
      Object.keys(manifest["node-red"].nodes).sort(),
    );
  });

  it("deploys the shipped main tab without a complaint", async () => {
    // The dashboard is not installed beside this Node-RED.
    const shipped = shippedFlows({ dashboard: false });
    const flows = shipped.filter((node) => node.id === MAIN_TAB || node.z === MAIN_TAB || !node.z);
    const wanted = flows.filter((node) => node.type !== "tab" || node.id === MAIN_TAB);
    const answer = await fetch(`${server!.url}/flows`, {
      method: "POST",
      headers: { "content-type": "application/json", "Node-RED-Deployment-Type": "full" },
      body: JSON.stringify(wanted),
    });
    assert.equal(answer.status, 204);
    assert.deepEqual(await get("/flows"), wanted);
    assert.equal((await get<{ state: string }>("/flows/state")).state, "start");
    assert.doesNotMatch(server!.log(), /\[error\]|Waiting for missing types/);
  });
});
