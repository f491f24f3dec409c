// `npm run check`: everything that can be said of the code without running it. All parts run, then the verdict.
//   types      the compiler over library, nodes and specs, and over the editor's scripts
//   build      editor and runtime agree, the map of nodes in package.json is right
//   lint       eslint with the types at hand
//   layers     imports run downwards only and never in a circle
//   format     prettier
//   dead code  knip
//   package    exactly the files that are meant to be published
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const bin = (file) => path.join("node_modules", file);
// The build checks the types; a caller that has just built says so.
const built = process.argv.includes("--built");

const FOLDERS = ["lib", "nodes", "simulators", "cli", "bench", "test"].filter((folder) =>
  existsSync(path.join(root, folder)),
);

const PARTS = [
  ...(built ? [] : [{ name: "types and build", args: ["scripts/build.mjs"] }]),
  { name: "lint", args: [bin("eslint/bin/eslint.js"), ".", "--max-warnings", "0"] },
  {
    name: "layers",
    args: [
      bin("dependency-cruiser/bin/dependency-cruiser.mjs"),
      ...FOLDERS,
      "--config",
      ".dependency-cruiser.cjs",
      "--output-type",
      "err",
    ],
  },
  { name: "format", args: [bin("prettier/bin/prettier.cjs"), "--check", "--log-level", "warn", "."] },
  { name: "dead code", args: [bin("knip/bin/knip.js"), "--no-progress"] },
];

let failed = false;
const [first, ...rest] = built ? [undefined, ...PARTS] : PARTS;
// The package is made of what is built, so the build comes first; the rest is independent of each other.
if (first) report(first.name, await run(process.execPath, first.args));
const running = rest.map(({ name, args }) => ({ name, result: run(process.execPath, args) }));
for (const { name, result } of [...running, { name: "package", result: checkPackage() }])
  report(name, await result);
process.exit(failed ? 1 : 0);

function report(name, { ok, output, ms }) {
  console.log(`${ok ? "ok  " : "FAIL"} ${name}${ms === undefined ? "" : ` (${(ms / 1000).toFixed(1)} s)`}`);
  if (!ok) {
    failed = true;
    console.log(output.trim().replace(/^/gm, "     "));
  }
}

function run(command, args) {
  const began = Date.now();
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const chunks = [];
    const out = [];
    child.stdout.on("data", (chunk) => (chunks.push(chunk), out.push(chunk)));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("error", (error) =>
      resolve({ ok: false, output: error.message, stdout: "", ms: Date.now() - began }),
    );
    child.on("close", (code) =>
      resolve({
        ok: code === 0,
        output: Buffer.concat(chunks).toString(),
        stdout: Buffer.concat(out).toString(),
        ms: Date.now() - began,
      }),
    );
  });
}

/** What `npm pack` would publish, held against the patterns in scripts/packed-files.txt. */
async function checkPackage() {
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const packed = await run(npm, ["pack", "--dry-run", "--json", "--ignore-scripts", "--loglevel=error"]);
  if (!packed.ok) return packed;
  const parsed = JSON.parse(packed.stdout);
  // npm 11 answers with a list, later ones with an object by package name.
  const [found] = Array.isArray(parsed) ? parsed : Object.values(parsed);
  const files = found.files.map((file) => file.path);
  const patterns = readFileSync(path.join(root, "scripts/packed-files.txt"), "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter(Boolean);
  const surplus = files.filter((file) => !patterns.some((pattern) => path.matchesGlob(file, pattern)));
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const wanted = [
    "LICENSE",
    manifest.main,
    manifest.types,
    ...Object.values(manifest.bin),
    ...Object.values(manifest["node-red"].nodes).flatMap((file) => [file, file.replace(/js$/, "html")]),
  ];
  const missing = wanted.filter((file) => !files.includes(file));
  const lines = [
    ...surplus.map((file) => `${file} would be published and is in no pattern of scripts/packed-files.txt`),
    ...missing.map((file) => `${file} would be missing from the package`),
  ];
  return { ok: lines.length === 0, output: lines.join("\n"), ms: packed.ms };
}
