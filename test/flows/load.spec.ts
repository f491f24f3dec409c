import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startNodeRed, type NodeRed } from "../../cli/node-red";
import { prepareUserDir, shippedFlows, type FlowNode } from "../../cli/user-dir";
import type { Run } from "../../lib/store";
import { flowFiles } from "./support";

/** Examples that need no connection: their buttons are pressed. */
const ALONE = ["history", "review", "schedule", "store", "summary", "view"];

describe("flows and examples in Node-RED", function () {
  this.timeout(180_000);
  let folder: string;
  let nodeRed: NodeRed | undefined;
  let log = "";
  const examples = flowFiles("examples");
  // Tabs, examples and all: what one brings must not disturb another. What a debug node gets goes to the log.
  const all = [...shippedFlows({ dashboard: true }), ...[...examples.values()].flat()].map(
    (node): FlowNode => (node.type === "debug" ? { ...node, console: true } : node),
  );

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-flows-"));
    nodeRed = await startNodeRed({
      userDir: folder,
      port: 0,
      flows: () => all,
      output: (text) => (log += text),
    });
  });
  after(async () => {
    await nodeRed?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("starts all of them with no type missing and no error", async () => {
    const { rev: _rev, ...state } = await nodeRed!.get<{ state: string; rev?: string }>("/flows/state");
    assert.deepEqual(state, { state: "start" });
    assert.doesNotMatch(log, /missing|\[error\]|Unknown context|Invalid/i, log);
  });

  for (const name of ALONE) {
    it(`runs the example "${name}" without a connection`, async () => {
      const nodes = examples.get(name)!;
      for (const button of nodes.filter((node) => node.type === "inject")) {
        const before = log.length;
        const pressed = await fetch(`${nodeRed!.url}/inject/${button.id}`, { method: "POST" });
        assert.equal(pressed.status, 200);
        await until(
          () => /\[debug:(result|[\w-]+)\]/.test(log.slice(before)),
          () => log.slice(before),
        );
        assert.doesNotMatch(log.slice(before), /\[debug:failure\]|\[error\]/);
      }
    });
  }

  it("says what is missing when an example has no connection, in place of working on", async () => {
    const button = examples.get("queue-sync")!.find((node) => node.type === "inject")!;
    const before = log.length;
    await fetch(`${nodeRed!.url}/inject/${button.id}`, { method: "POST" });
    await until(
      () => log.slice(before).includes("CONFIG_INVALID"),
      () => log.slice(before),
    );
  });

  it("puts a failure of the main job into the ledger and into the failures of the operations tab", async () => {
    const before = log.length;
    const { run } = await nodeRed!.runJob("tally-job-bank-to-budget", "bank-to-budget", 60_000);
    assert.equal(run.state, "Failed");
    await until(
      () => /\[debug:failures\]/.test(log.slice(before)),
      () => log.slice(before),
    );
    assert.match(log.slice(before), /bank-to-budget: /);
  });

  it("ends the runs of the examples", async () => {
    const { items } = await nodeRed!.get<{ items: Run[] }>("/tallyflow/runs?job=example&limit=10");
    assert.ok(items.length >= 2);
    for (const run of items) assert.equal(run.state, "Completed", run.error?.message);
  });
});

describe("a user directory", () => {
  it("is composed once and never overwritten", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-user-"));
    try {
      const first = prepareUserDir(folder);
      assert.equal(first.fresh, true);
      const file = path.join(folder, "flows.json");
      const nodes = JSON.parse(readFileSync(file, "utf8")) as FlowNode[];
      assert.ok(nodes.some((node) => node.id === "tally-job-bank-to-budget"));
      const edited = JSON.stringify([...nodes.slice(1), { id: "mine", type: "comment", name: "my own" }]);
      writeFileSync(file, edited);
      const second = prepareUserDir(folder);
      assert.deepEqual(second, { fresh: false, credentialSecret: first.credentialSecret });
      assert.equal(readFileSync(file, "utf8"), edited);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it("refuses shipped files in which two nodes have one id", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-double-"));
    try {
      for (const name of ["a.json", "b.json"])
        writeFileSync(path.join(folder, name), JSON.stringify([{ id: "one", type: "comment" }]));
      assert.throws(() => shippedFlows({ folder }), /id one/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function until(holds: () => boolean, state: () => string): Promise<void> {
  for (let left = 300; left > 0; left--) {
    if (holds()) return;
    await delay(100);
  }
  assert.fail(`It did not happen within 30 s. The log since:\n${state()}`);
}
