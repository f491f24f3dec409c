import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FlowNode } from "../../cli/user-dir";
import { npm } from "../servers/install";
import { startTestNodeRed, type TestNodeRed } from "../support/node-red";

/** What `npm publish` would send, installed as a user does: into an empty user directory of Node-RED. */

const ROOT = path.resolve(__dirname, "../../..");
interface Manifest {
  name: string;
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  "node-red": { nodes: Record<string, string> };
}
const manifest = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as Manifest;

describe("the packed package in a clean user directory", function () {
  this.timeout(10 * 60_000);
  const userDir = mkdtempSync(path.join(tmpdir(), "tallyflow-packed-"));
  const installed = path.join(userDir, "node_modules", ...manifest.name.split("/"));
  let server: TestNodeRed | undefined;

  before(async () => {
    writeFileSync(path.join(userDir, "package.json"), JSON.stringify({ name: "user-dir", private: true }));
    const packed = await npm(ROOT, ["pack", "--json", "--ignore-scripts", "--pack-destination", userDir]);
    assert.equal(packed.failed, undefined);
    const tarball = readdirSync(userDir).find((name) => name.endsWith(".tgz"));
    assert.ok(tarball);
    const dashboard = "@flowfuse/node-red-dashboard";
    const wanted = [`./${tarball}`, `${dashboard}@${manifest.devDependencies[dashboard]}`];
    const { failed } = await npm(userDir, ["install", ...wanted]);
    assert.equal(failed, undefined);
  });
  after(async () => {
    await server?.stop();
    rmSync(userDir, { recursive: true, force: true });
  });

  /** The installed command, run where Node-RED is found. */
  const tallyflow = (...args: string[]) => {
    const command = path.join(userDir, "node_modules/.bin/tallyflow");
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^TALLYFLOW_/.test(name)));
    return spawnSync(process.execPath, [command, ...args], { cwd: ROOT, env, encoding: "utf8" });
  };

  it("brings at most eight packages, and nothing that is built at install", () => {
    assert.ok(Object.keys(manifest.dependencies).length <= 8);
    const native = readdirSync(installed, { recursive: true, encoding: "utf8" })
      .concat(
        Object.keys(manifest.dependencies).flatMap((name) =>
          filesOf(path.join(userDir, "node_modules", name)),
        ),
      )
      .filter((file) => /(binding\.gyp|\.node)$/.test(file));
    assert.deepEqual(native, []);
    assert.equal(existsSync(path.join(installed, "dist/test")), false);
  });

  it("is loaded by Node-RED, every node of it", async () => {
    const flows = readdirSync(path.join(installed, "flows"))
      .filter((name) => name.endsWith(".json"))
      .flatMap((name) => JSON.parse(readFileSync(path.join(installed, "flows", name), "utf8")) as FlowNode[]);
    writeFileSync(path.join(userDir, "flows.json"), JSON.stringify(flows));
    server = await startTestNodeRed({ userDir });
    const answer = await fetch(`${server.url}/nodes`, { headers: { accept: "application/json" } });
    const sets = (await answer.json()) as {
      module: string;
      version: string;
      types: string[];
      enabled: boolean;
      err?: string;
    }[];
    const own = sets.filter(({ module }) => module === manifest.name);
    assert.deepEqual(
      own.filter((set) => set.err || !set.enabled || set.version !== manifest.version),
      [],
    );
    assert.deepEqual(
      own.flatMap(({ types }) => types).sort(),
      Object.keys(manifest["node-red"].nodes).sort(),
    );
    assert.doesNotMatch(server.log(), /missing types|\[error\]/);
    assert.equal((await fetch(`${server.url}/tallyflow/health`)).status, 200);
  });

  it("offers its examples in the import dialogue", async () => {
    const answer = await fetch(`${server!.url}/library/examples/flows/${manifest.name}`);
    const listed = (await answer.json()) as { fn?: string }[];
    assert.deepEqual(
      listed.map((entry) => entry.fn?.replace(/\.json$/, "")).sort(),
      readdirSync(path.join(ROOT, "examples"))
        .map((name) => name.replace(/\.json$/, ""))
        .sort(),
    );
  });

  it("reads a statement by its command", () => {
    const file = path.join(userDir, "bank.csv");
    writeFileSync(file, "Date,Amount,Name\n2024-01-02,-3.50,Café\n");
    const { status, stdout, stderr } = tallyflow("parse", file, "--json");
    assert.equal(status, 0, stderr);
    const { format, accounts } = JSON.parse(stdout) as { format: string; accounts: { payments: object[] }[] };
    assert.equal(format, "csv");
    assert.equal(accounts[0]?.payments.length, 1);
  });

  it("runs the demo by its command", () => {
    const { status, stdout, stderr } = tallyflow("demo", "--json", "--no-limits", "--scale", "0.05");
    assert.equal(status, 0, stderr);
    const result = JSON.parse(stdout) as Record<string, number>;
    assert.ok(result["synced"]! > 50);
    assert.deepEqual(
      [result["lost"], result["doubled"], result["dead"], result["secondPassWrites"]],
      [0, 0, 0, 0],
    );
  });
});

function filesOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : [];
}
