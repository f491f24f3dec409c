import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import type { LiveFigures } from "../../bench/support/train-live";
import { sharedPath, skipWithout } from "../support/shared";

const runner = path.resolve(__dirname, "../../bench/index.js");

/** The runner as `npm run -s bench -- ...` starts it. */
function bench(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [runner, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

interface Printed {
  name: string;
  ours: Record<string, Record<string, number>>;
  peers: Record<string, Record<string, number>>;
  ratios: Record<string, number>;
  machine: { cpu: string; cores: number; memoryGb: number; node: string; date: string; load: number[] };
}

describe("bench", function () {
  this.timeout(300_000);

  it("lists its benchmarks with --help and without a name", async () => {
    for (const args of [[], ["--help"]]) {
      const { code, stdout, stderr } = await bench(...args);
      assert.equal(code, 0, stderr);
      for (const name of ["main-job", "statements", "serving", "matching", "store", "learning"])
        assert.match(stdout, new RegExp(`^  ${name} `, "m"));
    }
  });

  it("refuses a name or an option that it does not know, with its help on stderr", async () => {
    const unknown = await bench("toString");
    assert.equal(unknown.code, 2);
    assert.equal(unknown.stdout, "");
    assert.match(unknown.stderr, /There is no benchmark "toString"[\s\S]*main-job/);
    for (const args of [
      ["main-job", "--colour"],
      ["main-job", "--store", "paper"],
      ["statements", "--format", "paper"],
      ["serving", "--rows", "many"],
      ["matching", "--seed", "paper"],
    ]) {
      const { code, stdout, stderr } = await bench(...args);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, "");
    }
  });

  it("trains through the step out of a store, twice, and says how the event loop fared", async function () {
    if (process.platform !== "linux") this.skip(); // Memory is read from /proc.
    if (!sharedPath("data/payments/birmingham_2014_2017.csv")) skipWithout(this, "the card payments");
    const { code, stdout, stderr } = await bench("learning", "--live", "--rows", "6000", "--json");
    assert.equal(code, 0, stderr);
    const { ours } = JSON.parse(stdout) as { ours: Record<string, LiveFigures> };
    const { first, again } = ours["birmingham, through the train step"]!;
    assert.ok(again.labels > first.labels && first.labels > 3_000, `${first.labels}, ${again.labels}`);
    for (const training of [first, again]) {
      assert.ok(training.lag.p50Ms <= training.lag.p99Ms && training.lag.p99Ms <= training.lag.maxMs);
      assert.equal(training.served, training.promoted);
    }
    assert.equal(first.promoted, true);
  });

  it("extracts small statements of each format, and names the stalls", async function () {
    if (process.platform !== "linux") this.skip(); // Memory is read from /proc.
    const { code, stdout, stderr } = await bench("statements", "--json", "--no-peers", "--scale", "0.01");
    assert.equal(code, 0, stderr);
    const { ours } = JSON.parse(stdout) as Printed;
    for (const format of ["csv", "camt.053", "mt940", "ofx"]) {
      const figures = ours[format]!;
      assert.ok(figures["payments"]! >= 200 && figures["rowsPerSecond"]! > 0, format);
      assert.ok(Number.isFinite(figures["longestStallMs"]) && Number.isFinite(figures["longestStallCpuMs"]));
      assert.equal(figures["badRows"], 0, format);
    }
  });

  it("finds payments again in a small budget beside other rules, and says how honest its confidence is", async function () {
    if (process.platform !== "linux") this.skip(); // Memory and CPU time are read from /proc.
    if (!sharedPath("data/payments/birmingham_2014_2017.csv")) skipWithout(this, "the card payments");
    const { code, stdout, stderr } = await bench(
      ...["matching", "--json", "--accounts", "2", "--scale", "0.01"],
    );
    assert.equal(code, 0, stderr);
    const { ours, peers, ratios } = JSON.parse(stdout) as Printed;
    for (const level of ["light", "medium", "heavy"]) {
      const name = `other cards, ${level}`;
      const figures = ours[name]!;
      assert.ok(figures["payments"]! > 100 && figures["precision"]! > 80 && figures["recall"]! > 80, name);
      assert.ok(figures["doubled"]! < peers[`date and amount: ${name}`]!["doubled"]!, name);
      assert.ok("error" in (figures["confidence"] as unknown as object));
    }
    assert.ok(ours["10000 and 10000 in one account"]!["pairs"]! > 8000);
    assert.ok(Object.values(ratios).every(Number.isFinite));
  });

  it("serves categories of a small model by Node-RED, all of them answered", async function () {
    if (!sharedPath("data", "payments")) skipWithout(this, "the payments to learn from are not there");
    const { code, stdout, stderr } = await bench(
      ...["serving", "--json", "--no-peers", "--rows", "3000", "--requests", "20"],
    );
    assert.equal(code, 0, stderr);
    const { ours } = JSON.parse(stdout) as Printed;
    for (const kind of ["category and confidence", "all outputs"]) {
      const figures = ours[kind]!;
      assert.ok(figures["accuracy"]! > 0.3, `${kind}: ${figures["accuracy"]}`);
      for (const field of [
        "p50Ms",
        "p99Ms",
        "requestsPerSecondOf8",
        "rowsPerSecondBy1000",
        "rowsPerSecondBy10000",
      ])
        assert.ok(figures[field]! > 0, `${kind}: ${field} is ${figures[field]}`);
      assert.ok(Number.isFinite(figures["longestStallMs"]) && Number.isFinite(figures["longestStallCpuMs"]));
    }
  });

  it("prints a small main job as one line of JSON, with the machine beside it", async function () {
    if (process.platform !== "linux") this.skip(); // Memory and CPU time are read from /proc.
    const { code, stdout, stderr } = await bench(
      ...["main-job", "--json", "--household", "new", "--store", "sqlite", "--scale", "0.2"],
    );
    assert.equal(code, 0, stderr);
    assert.equal(stdout.trim().split("\n").length, 1);
    const printed = JSON.parse(stdout) as Printed;
    assert.equal(printed.name, "main-job");
    const ours = printed.ours["new on sqlite"]!;
    assert.ok(ours["written"]! > 100, "nothing was written");
    assert.ok(ours["extracted"]! >= ours["written"]!);
    assert.equal(ours["lost"], 0);
    assert.equal(ours["doubled"], 0);
    assert.equal(ours["secondPassWrites"], 0);
    for (const field of ["totalSeconds", "cpuSeconds", "budgetCalls", "peakMb"])
      assert.ok(ours[field]! > 0, `${field} is ${ours[field]}`);
    const steps = ["bank-extract", "budget-extract", "match", "train", "classify", "queue-sync"];
    assert.deepEqual(
      steps.filter((step) => !(step in (ours["seconds"] as unknown as object))),
      [],
    );
    assert.ok(printed.peers["bareNodeRed"]!["peakMb"]! > 0);
    const naive = printed.peers["naive one by one, beside new on sqlite"]!;
    assert.ok(naive["calls"]! >= naive["sample"]!);
    assert.ok(Object.values(printed.ratios).every(Number.isFinite));
    const { machine } = printed;
    assert.ok(machine.cpu && machine.cores > 0 && machine.memoryGb > 0 && machine.load.length === 3);
    assert.equal(machine.node, process.version);
  });
});
