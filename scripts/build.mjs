// Builds dist/: types checked and compiled, then the editor half of the nodes composed. A type error fails it.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const tsc = path.join(root, "node_modules/typescript7/bin/tsc");
const compiled = spawnSync(process.execPath, [tsc, "-p", root], { stdio: "inherit", cwd: root });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);
