import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(__dirname, "../../..");
const cruiser = path.join(root, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");

/** The rules of .dependency-cruiser.cjs on a small project: what is forbidden is caught, what is allowed is not. */
describe("layer rules", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-layers-"));
    cpSync(path.join(root, ".dependency-cruiser.cjs"), path.join(folder, ".dependency-cruiser.cjs"));
    writeFileSync(path.join(folder, "tsconfig.json"), '{"compilerOptions":{"module":"nodenext"}}');
    writeFileSync(path.join(folder, "package.json"), "{}");
    symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"), "dir");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Names of the rules that these files break. */
  function broken(files: Record<string, string>): string[] {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    const args = [cruiser, "lib", "nodes", "--config", ".dependency-cruiser.cjs", "--output-type", "json"];
    const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
    assert.ok(stdout, stderr);
    const { summary } = JSON.parse(stdout) as { summary: { violations: { rule: { name: string } }[] } };
    return [...new Set(summary.violations.map((violation) => violation.rule.name))].sort();
  }

  const base = {
    "lib/values/index.ts": "export const one = 1;",
    "lib/store/index.ts": 'export { one } from "../values/index";',
    "lib/queue/index.ts": 'export * from "../store/index"; export * from "./inner";',
    "lib/queue/inner.ts": "export const inner = 1;",
    "lib/matching/index.ts": 'import { inner } from "../queue/index"; export const matched = inner;',
    "nodes/runtime/index.ts": 'export { one } from "../../lib/values/index";',
    "nodes/match/index.ts":
      'import { matched } from "../../lib/matching/index"; import "../runtime/index"; export = matched;',
  };

  it("let imports run downwards", () => assert.deepEqual(broken(base), []));

  const cases: Record<string, [Record<string, string>, string]> = {
    "Node-RED in lib": [
      { "lib/queue/inner.ts": 'import "node-red"; export const inner = 1;' },
      "lib-knows-no-node-red",
    ],
    "a node in lib": [
      { "lib/queue/inner.ts": 'import "../../nodes/runtime/index"; export const inner = 1;' },
      "lib-knows-no-node-red",
    ],
    "a circle of capabilities": [
      { "lib/queue/inner.ts": 'import { matched } from "../matching/index"; export const inner = matched;' },
      "no-circle",
    ],
    "a way past a face": [
      { "lib/matching/index.ts": 'import { inner } from "../queue/inner"; export const matched = inner;' },
      "capabilities-meet-through-their-faces",
    ],
    "values that look up": [
      { "lib/values/index.ts": 'import "../matching/index"; export const one = 1;' },
      "values-stand-alone",
    ],
    "a node in a node": [
      { "nodes/train/index.ts": 'import "../match/index";' },
      "nodes-do-not-know-each-other",
    ],
  };
  for (const [what, [files, rule]] of Object.entries(cases)) {
    it(`catch ${what}`, () => assert.ok(broken({ ...base, ...files }).includes(rule)));
  }
}).timeout(60_000);
