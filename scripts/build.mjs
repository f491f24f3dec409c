// Builds dist/: types checked and compiled, then the editor's half of the nodes composed. A type error fails it, and
// so does whatever would make editor and runtime differ. `--fix` writes the map of nodes into package.json.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";
import { composeNodes, nodeMap } from "./compose-nodes.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tsc = path.join(root, "node_modules/typescript7/bin/tsc");
for (const project of [root, path.join(root, "nodes")]) {
  // Words of the compiler go to stderr: `npm run -s tallyflow` may build first, and its stdout is for its own output.
  const stdio = ["inherit", 2, "inherit"];
  const compiled = spawnSync(process.execPath, [tsc, "-p", project], { stdio, cwd: root });
  if (compiled.status !== 0) process.exit(compiled.status ?? 1);
}

removeOrphans();
const problems = composeNodes(root);
const packageFile = path.join(root, "package.json");
const manifest = JSON.parse(readFileSync(packageFile, "utf8"));
const nodes = nodeMap(root);
if (JSON.stringify(manifest["node-red"].nodes) !== JSON.stringify(nodes)) {
  if (process.argv.includes("--fix")) {
    manifest["node-red"].nodes = nodes;
    writeFileSync(packageFile, `${JSON.stringify(manifest, null, 2)}\n`);
  } else problems.push("package.json: node-red.nodes is out of date; run node scripts/build.mjs --fix");
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
// scripts/launch.cjs tells by its date whether anything changed since.
writeFileSync(path.join(root, "dist/.built"), "");

/** What was compiled from a file that is gone must go too: a removed spec would still run. */
function removeOrphans() {
  for (const folder of ["lib", "nodes", "simulators", "cli", "bench", "test"]) {
    const out = path.join(root, "dist", folder);
    if (!existsSync(out)) continue;
    for (const file of readdirSync(out, { recursive: true })) {
      const source = /^(.*?)\.(?:js|d\.ts|js\.map)$/.exec(file)?.[1];
      if (source && !existsSync(path.join(root, folder, `${source}.ts`))) rmSync(path.join(out, file));
    }
  }
}
