// `npm test`: build, check, then the specs in tiers from fast to slow. The last line counts all of them.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import path from "node:path";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
/** Folders below test/ whose specs start whole processes or a browser: they come last. */
const SLOW = ["e2e", "kill", "browser", "docker"];
const TIERS = [
  {
    name: "library and nodes",
    args: [
      "--spec",
      "dist/test/**/*.spec.js",
      ...SLOW.flatMap((name) => ["--ignore", `dist/test/${name}/**`]),
    ],
  },
  ...SLOW.map((name) => ({
    name,
    folder: `dist/test/${name}`,
    args: ["--spec", `dist/test/${name}/**/*.spec.js`],
  })),
];

const total = { passed: 0, failed: 0, skipped: 0 };
const run = (args, env = {}) =>
  spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } })
    .status === 0;

if (!run(["scripts/build.mjs"])) {
  console.error("The build failed: no spec was run.");
  console.log("0 passed, 1 failed, 0 skipped");
  process.exit(1);
}
if (run(["scripts/check.mjs", "--built"])) total.passed++;
else total.failed++;

const scratch = mkdtempSync(path.join(tmpdir(), "tallyflow-test-"));
for (const tier of TIERS) {
  if (tier.folder && !existsSync(path.join(root, tier.folder))) continue;
  console.log(`\n${tier.name}`);
  const counts = path.join(scratch, `${tier.name.replace(/\W/g, "-")}.json`);
  // Named explicitly: the spec list of .mocharc.cjs would be added to the tier's.
  const args = [
    "node_modules/mocha/bin/mocha.js",
    "--no-config",
    "--enable-source-maps",
    "--timeout",
    "20000",
    "--reporter",
    "scripts/counting-reporter.cjs",
    ...tier.args,
  ];
  const passed = run(args, { TALLYFLOW_TEST_COUNTS: counts });
  if (!existsSync(counts)) {
    console.error(`${tier.name}: mocha ended without a result.`);
    total.failed++;
    continue;
  }
  const { passes, failures, pending } = JSON.parse(readFileSync(counts, "utf8"));
  total.passed += passes;
  total.skipped += pending;
  // A tier that fails without a failing spec (a broken hook, a crash at the end) still counts.
  total.failed += failures || (passed ? 0 : 1);
}
rmSync(scratch, { recursive: true, force: true });
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exit(total.failed === 0 ? 0 : 1);
