// `npm test`: build, check, then the specs. The slow ones (whole processes, servers, browsers, an image) are told apart
// by folder and run beside the others, three tiers at a time. The last line counts all of them.
//   npm test -- GREP...   only the tiers whose name contains one of the words, without the checks
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const words = process.argv.slice(2);

/** Tiers of their own, by what they start. The rest is one tier. */
const SLOW = {
  learning: ["learning/**/*.spec.js", "drift/**/*.spec.js", "bench/**/*.spec.js"],
  actual: ["budget/actual*.spec.js"],
  "main job": ["main-job/**/*.spec.js"],
  flows: ["flows/**/*.spec.js"],
  browser: ["browser/**/*.spec.js"],
  image: ["docker/**/*.spec.js"],
  package: ["package/**/*.spec.js"],
  "kills and workers": ["kills/**/*.spec.js", "workers/**/*.spec.js"],
};
const inDist = (pattern) => `dist/test/${pattern}`;
/**
 * The longest first. As many at a time as AT_ONCE says: one more than a small machine's two cores, since much of some is
 * waiting for a bank's pace. No tier shares a server, port or budget with another.
 */
const TIERS = [
  {
    name: "library and nodes",
    spec: [inDist("**/*.spec.js")],
    ignore: Object.values(SLOW).flat().map(inDist),
  },
  ...["main job", "browser", "learning", "actual", "image", "kills and workers", "package", "flows"].map(
    (name) => ({
      name,
      spec: SLOW[name].map(inDist),
    }),
  ),
];
const AT_ONCE = 3;

const total = { passed: 0, failed: 0, skipped: 0 };
const slowest = [];
const scratch = mkdtempSync(path.join(tmpdir(), "tallyflow-test-"));
const runNode = (args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status === 0;

if (!runNode(["scripts/build.mjs"])) {
  console.error("The build failed: no spec was run.");
  total.failed++;
} else {
  if (words.length === 0) {
    if (runNode(["scripts/check.mjs", "--built"])) total.passed++;
    else total.failed++;
  }
  const wanted = (tier) => words.length === 0 || words.some((word) => tier.name.includes(word));
  const waiting = TIERS.filter((tier) => wanted(tier) && hasSpecs(tier));
  const lane = async () => {
    for (let tier = waiting.shift(); tier; tier = waiting.shift()) await runTier(tier);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}
rmSync(scratch, { recursive: true, force: true });
slowest.sort((a, b) => b.ms - a.ms);
console.log("\nWhere the time went:");
for (const { file, ms } of slowest.slice(0, 30))
  console.log(`${String(Math.round(ms / 1000)).padStart(6)} s  ${file}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);

function hasSpecs({ spec }) {
  return spec.some((pattern) => existsSync(path.join(root, path.dirname(pattern.replace(/\*.*$/, "x")))));
}

async function runTier({ name, spec, ignore = [] }) {
  const counts = path.join(scratch, `${name.replace(/\W/g, "-")}.json`);
  const args = [
    "node_modules/mocha/bin/mocha.js",
    "--no-config",
    "--exit",
    "--enable-source-maps",
    ...["--timeout", "60000"],
    ...["--reporter", "scripts/counting-reporter.cjs"],
    ...spec.flatMap((pattern) => ["--spec", pattern]),
    ...ignore.flatMap((pattern) => ["--ignore", pattern]),
  ];
  const began = Date.now();
  const { ok, output } = await quietly(args, { TALLYFLOW_TEST_COUNTS: counts });
  console.log(`\n=== ${name} (${Math.round((Date.now() - began) / 1000)} s)\n${output}`);
  if (!existsSync(counts)) {
    console.error(`${name}: mocha ended without a result.`);
    total.failed++;
    return;
  }
  const { passes, failures, pending, files } = JSON.parse(readFileSync(counts, "utf8"));
  total.passed += passes;
  total.skipped += pending;
  for (const [file, ms] of Object.entries(files)) slowest.push({ file: path.relative(root, file), ms });
  // A tier that fails without a failing spec (a broken hook, a crash at the end) still counts.
  total.failed += failures || (ok ? 0 : 1);
}

/** Output is kept and printed whole, so that two tiers at once can be read. */
function quietly(args, env) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.stderr.on("data", (chunk) => chunks.push(chunk));
    child.on("close", (code) => resolve({ ok: code === 0, output: Buffer.concat(chunks).toString() }));
  });
}
