import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(__dirname, "../../..");
const readme = readFileSync(path.join(root, "README.md"), "utf8");

describe("README", () => {
  it("links only to files that are there", () => {
    const links = [...readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => match[1]!);
    assert.ok(links.length > 5);
    assert.deepEqual(
      links.filter((link) => !existsSync(path.join(root, link))),
      [],
    );
  });

  it("names the commands that there are", () => {
    const named = [...readme.matchAll(/^\| `(\w+)[^|]*\|/gm)].map((match) => match[1]!);
    const usage = execFileSync(process.execPath, [
      path.join(root, "dist/cli/tallyflow.js"),
      "--help",
    ]).toString();
    const there = /Commands: ([\w, ]+)\./.exec(usage)![1]!.split(", ");
    assert.deepEqual([...named].sort(), [...there].sort());
  });

  it("names environment variables that a node reads", () => {
    const pages = ["bank", "budget", "store"].map((name) =>
      readFileSync(path.join(root, `docs/nodes/tally-${name}.md`), "utf8"),
    );
    for (const [name] of readme.matchAll(/TALLYFLOW_[A-Z_]+/g)) assert.ok(pages.join().includes(name), name);
  });
});
