import assert from "node:assert/strict";
import { demoCommand, type DemoResult } from "../../cli/demo";
import { makeHousehold, type HouseholdOptions } from "../../simulators/household";
import { severalAtOnce } from "../support/several";
import { startMongo, type MongoServer } from "../servers/mongo";

/** Run the command as the shell does, and read its JSON. */
async function demo(...args: string[]): Promise<{ exit: number; result: DemoResult; stderr: string }> {
  let stdout = "";
  let stderr = "";
  const exit = await demoCommand(["--json", "--no-limits", ...args], {
    stdout: { write: (text: string) => (stdout += text) },
    stderr: { write: (text: string) => (stderr += text) },
  });
  assert.match(stdout, /^\{.*\}\n$/, `stdout is one line of JSON; stderr: ${stderr}`);
  return { exit, result: JSON.parse(stdout) as DemoResult, stderr };
}

function check(
  { exit, result, stderr }: Awaited<ReturnType<typeof demo>>,
  options: Partial<HouseholdOptions>,
  least = { accuracy: 0.85 },
): void {
  const household = makeHousehold({ until: "2025-06-30", ...options });
  const booked = household.payments.filter((payment) => payment.status === "booked");
  const quarter = booked.filter((payment) => payment.date > household.options.budgetedUntil);
  assert.equal(stderr, "");
  assert.deepEqual(Object.keys(result), [
    "payments",
    "synced",
    "lost",
    "doubled",
    "dead",
    "secondPassWrites",
    "transfersPaired",
    "accuracyLastQuarter",
    "budgetCalls",
    "seconds",
  ]);
  assert.equal(result.payments, booked.length);
  const { lost, doubled, dead, secondPassWrites } = result;
  assert.deepEqual(
    { lost, doubled, dead, secondPassWrites },
    { lost: 0, doubled: 0, dead: 0, secondPassWrites: 0 },
  );
  // What nobody entered yet is written; of two sides of a transfer one is, and the other comes with it.
  const between = quarter.filter((payment) => payment.transferOf !== undefined).length / 2;
  assert.ok(result.synced >= quarter.length - between, `${result.synced} of ${quarter.length} written`);
  assert.ok(result.synced <= quarter.length + 30, `${result.synced} of ${quarter.length} written`);
  assert.ok(result.accuracyLastQuarter >= least.accuracy, `accuracy ${result.accuracyLastQuarter}`);
  assert.ok(result.accuracyLastQuarter <= 1);
  const pairs = booked.filter((payment) => payment.transferOf !== undefined).length / 2;
  assert.ok(
    result.transfersPaired >= 0.9 * pairs && result.transfersPaired <= pairs,
    `of ${pairs} transfers`,
  );
  assert.ok(result.budgetCalls > 4 && result.budgetCalls < 50, `${result.budgetCalls} calls`);
  assert.deepEqual(Object.keys(result.seconds), ["extract", "match", "train", "classify", "sync"]);
  for (const seconds of Object.values(result.seconds)) assert.ok(Number.isFinite(seconds) && seconds > 0);
  assert.equal(exit, 0);
}

describe("the demo", () => {
  // Both at once: half of a demo is waiting for the bank's pace.
  const [household, another] = severalAtOnce(2, [
    () => demo("--scale", "0.2"),
    () => demo("--scale", "0.05", "--seed", "7"),
  ]);

  it("moves three years of a household into the budget, on SQLite", async function () {
    this.timeout(240_000);
    check(await household!(), { scale: 0.2 });
  });

  it("does with another seed", async function () {
    this.timeout(240_000);
    check(await another!(), { scale: 0.05, seed: 7 });
  });

  describe("on MongoDB's protocol", () => {
    let server: MongoServer;
    before(async function () {
      this.timeout(600_000);
      const started = await startMongo();
      if ("unavailable" in started) {
        console.log(`      skipped: ${started.unavailable}`);
        return this.skip();
      }
      server = started;
    });
    after(() => server?.stop());

    it("does the same", async function () {
      this.timeout(600_000);
      const url = new URL(server.uri);
      url.pathname = `/tallyflow_demo_${process.pid}`;
      const short = ["--scale", "0.1", "--from", "2025-01-01"];
      // Too few payments to learn much from: what counts is that each is written, once.
      const least = { accuracy: 0.5 };
      check(await demo(...short, "--store", url.href), { scale: 0.1, from: "2025-01-01" }, least);
    });
  });

  it("says what is wrong with a store that is not there", async function () {
    this.timeout(60_000);
    let stderr = "";
    let stdout = "";
    const exit = await demoCommand(["--json", "--no-limits", "--scale", "0.01", "--store", "postgres://x"], {
      stdout: { write: (text: string) => (stdout += text) },
      stderr: { write: (text: string) => (stderr += text) },
    });
    assert.deepEqual([exit, stdout], [2, ""]);
    assert.match(stderr, /must begin with sqlite:, mongodb:\/\//);
  });
});
