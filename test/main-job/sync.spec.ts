import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { SyncResult } from "../../cli/sync";
import { SYNC_CONFIG } from "../../cli/sync-config";
import { assertExactlyOnce, startHousehold, writeStatements, type Household } from "./support";

const CLI = path.resolve(__dirname, "../../cli/tallyflow.js");
const DOCS = path.resolve(__dirname, "../../../docs/sync.md");

interface Outcome {
  exit: number | null;
  stdout: string;
  stderr: string;
  result?: SyncResult;
}

/** The command as an outsider runs it: a process of its own, with no more environment than is given. */
async function tallyflow(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [CLI, "sync", ...args], {
    env: { PATH: process.env["PATH"]!, HOME: process.env["HOME"] ?? "/", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const exit = await new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  if (stdout === "") return { exit, stdout, stderr };
  assert.match(stdout, /^\{.*\}\n$/, "stdout is one line of JSON and nothing else");
  return { exit, stdout, stderr, result: JSON.parse(stdout) as SyncResult };
}

type Json = Record<string, unknown>;

describe("tallyflow sync", () => {
  let household: Household & { end(): Promise<void> };
  let file: string;
  before(async () => {
    household = await startHousehold();
    file = path.join(household.folder, "tallyflow.json");
  });
  after(() => household.end());

  const configure = (parts: { bank?: Json; budget?: Json } & Json = {}) => {
    const statements = path.join(household.folder, "statements");
    const { bank, budget, ...rest } = parts;
    writeStatements(household, statements);
    const { url, token, planId } = household.ynab;
    const config = {
      bank: bank ?? { kind: "files", folder: "statements" },
      budget: { kind: "ynab", url, token, plan: planId, ...budget },
      accounts: household.accounts,
      ...rest,
    };
    writeFileSync(file, JSON.stringify(config));
  };
  const names = () =>
    household.household.accounts.map(({ iban, name }) => ({
      bank: iban.replace(/(.{4})/g, "$1 ").trim(),
      budget: name,
    }));
  const run = (...more: string[]) => tallyflow(["--config", file, "--json", ...more]);
  const booked = () => household.household.payments.filter(({ status }) => status === "booked");
  const START = "2025-05-01";

  describe("between statement files and a budget", function () {
    this.timeout(120_000);

    it("lists with --dry-run what it would write, and writes nothing", async () => {
      configure({ startDate: START });
      const { exit, result, stderr } = await run("--dry-run");
      assert.equal(exit, 0, stderr);
      assert.equal(household.writes(), 0);
      assert.equal(result!.synced, 0);
      assert.equal(result!.payments, booked().length);
      assert.ok(result!.wouldWrite!.length > 40);
      assert.ok(
        result!.wouldWrite!.every(({ date, importId }) => date >= START && importId.startsWith("TF1:")),
      );
    });

    it("writes what is new since the start date, once, with accounts and plan by their names", async () => {
      configure({ startDate: START, accounts: names(), budget: { plan: "Household" } });
      const { exit, result, stderr } = await run();
      assert.equal(exit, 0, stderr);
      assert.equal(stderr, "");
      assert.deepEqual(Object.keys(result!), [
        "payments",
        "new",
        "synced",
        "skipped",
        "review",
        "retry",
        "dead",
        "badRows",
        "budgetCalls",
        "seconds",
        "problems",
      ]);
      assert.equal(result!.payments, booked().length);
      assert.ok(result!.synced > 40);
      const late = household.ynab.control.all().filter(({ importId }) => importId?.startsWith("TF1:"));
      assert.ok(late.every(({ date }) => date >= START));
      const between = booked().filter(
        ({ date }) => date > household.household.options.budgetedUntil && date < START,
      ).length;
      assert.ok(Math.abs(result!.skipped["before-start-date"]! - between) <= between + 140);
      assert.ok(result!.skipped["before-start-date"]! >= between);
      const { dead, retry, badRows, problems } = result!;
      assert.deepEqual({ dead, retry, badRows, problems }, { dead: 0, retry: 0, badRows: 0, problems: [] });
      const total = Object.values(result!.skipped).reduce((sum, n) => sum + n, result!.review);
      // In all its states each payment is counted once; those synced now are the rest.
      assert.equal(result!.payments, total + result!.synced);
    });

    it("writes nothing in a second run", async () => {
      const before = household.writes();
      const { exit, result, stderr } = await run();
      assert.equal(exit, 0, stderr);
      assert.deepEqual([result!.synced, result!.new, household.writes()], [0, 0, before]);
    });

    it("fills up what lies before when the start date goes", async () => {
      configure();
      const { exit, result, stderr } = await run();
      assert.equal(exit, 0, stderr);
      assert.ok(result!.synced > 20);
      assertExactlyOnce(household, "after the back-fill");
    });

    it("goes on and tells of an account that is not there, exit code 1", async () => {
      configure({ accounts: [...household.accounts, { bank: "NL02ABNA0123456789", budget: "Piggy bank" }] });
      const { exit, result, stderr } = await run();
      assert.equal(exit, 1);
      assert.deepEqual(result!.problems, [
        'The bank has no account "NL02ABNA0123456789".',
        'The budget has no account "Piggy bank".',
      ]);
      assert.match(stderr, /NL02ABNA0123456789/);
      assertExactlyOnce(household, "all the same");
    });

    it("tells of a row that cannot be read, exit code 1", async () => {
      configure();
      const one = path.join(household.folder, "statements", "current.csv");
      writeFileSync(one, readFileSync(one, "utf8") + '"2025-06-30","2025-06-30","12,3x4","?","","",""\n');
      const { exit, result } = await run();
      assert.equal(exit, 1);
      assert.equal(result!.badRows, 1);
      assert.match(result!.problems.join(), /current\.csv/);
    });
  });

  describe("between bunq and YNAB", function () {
    this.timeout(120_000);

    it("takes secrets from the environment and an address with a slash at its end", async () => {
      const other = await startHousehold();
      try {
        const config = {
          store: "own/books.db",
          bank: { kind: "bunq", url: `${other.bunq.url}/` },
          budget: { kind: "ynab", url: `${other.ynab.url}/` },
          accounts: other.accounts,
        };
        const own = path.join(other.folder, "own.json");
        writeFileSync(own, JSON.stringify(config));
        const env = {
          TALLYFLOW_BANK_API_KEY: other.bunq.apiKey,
          TALLYFLOW_BUDGET_TOKEN: other.ynab.token,
        };
        const { exit, result, stderr } = await tallyflow(["--config", own, "--json"], env);
        assert.equal(exit, 0, stderr);
        assert.ok(result!.synced > 90);
        assertExactlyOnce(other, "with bunq");
        assert.ok(existsSync(path.join(other.folder, "own", "books.db")));
        // Without `/v1` too, as people copy an address; nothing is new.
        const bare = (url: string) => new URL(url).origin;
        config.bank.url = bare(other.bunq.url);
        config.budget.url = bare(other.ynab.url);
        writeFileSync(own, JSON.stringify(config));
        const second = await tallyflow(["--config", own, "--json"], env);
        assert.equal(second.exit, 0, second.stderr);
        assert.equal(second.result!.synced, 0);
        const wrong = await tallyflow(["--config", own, "--json"], {
          ...env,
          TALLYFLOW_BANK_API_KEY: "sandbox_not_the_key",
        });
        assert.deepEqual([wrong.exit, wrong.stdout], [2, ""]);
        assert.match(wrong.stderr, /bunq refused the API key/);
        assert.ok(!wrong.stderr.includes("sandbox_not_the_key"));
      } finally {
        await other.end();
      }
    });
  });

  describe("refuses, with exit code 2 and the reason,", function () {
    this.timeout(120_000);
    const refused = async (pattern: RegExp, args: string[], env: Record<string, string> = {}) => {
      const { exit, stdout, stderr } = await tallyflow(args, env);
      assert.deepEqual([exit, stdout], [2, ""], stderr);
      assert.match(stderr, pattern);
    };

    it("no file", () => refused(/tallyflow sync --config FILE/, []));
    it("a file that is not there", () =>
      refused(/nowhere\.json cannot be read/, ["--config", "/nowhere.json"]));
    it("an unknown option", () => refused(/--frobnicate/, ["--frobnicate"]));
    it("what is no JSON", async () => {
      writeFileSync(file, "{ bank: ");
      await refused(/cannot be read as JSON/, ["--config", file, "--json"]);
    });
    it("settings that are unknown or missing, each by its name", async () => {
      writeFileSync(
        file,
        JSON.stringify({ bank: { kind: "bunq", apikey: "x" }, budget: { kind: "ynab" }, accounts: [] }),
      );
      await refused(/bank: .*apikey.*accounts/s, ["--config", file]);
    });
    it("a key that stands nowhere", async () => {
      configure({ bank: { kind: "bunq" } });
      await refused(/bank\.apiKey is missing.*TALLYFLOW_BANK_API_KEY/, ["--config", file]);
    });
    it("a wrong token", async () => {
      configure({ budget: { token: "wrong" } });
      await refused(/YNAB refused the token/, ["--config", file, "--json"]);
    });
    it("a bank that does not answer", async () => {
      configure({ bank: { kind: "bunq", url: "http://127.0.0.1:9/v1", apiKey: "sandbox_x" } });
      await refused(/bunq could not be reached/, ["--config", file, "--json"]);
    });
    it("a folder that is not there", async () => {
      configure({ bank: { kind: "files", folder: "nowhere" } });
      await refused(/nowhere/, ["--config", file, "--json"]);
    });
  });

  it("has every setting in its documentation, and no other", () => {
    const docs = readFileSync(DOCS, "utf8");
    const known = new Set<string>();
    const walk = (node: unknown, at: string): void => {
      const { properties, anyOf, oneOf, items } = node as Record<string, unknown>;
      for (const option of [...((anyOf ?? oneOf ?? []) as unknown[])]) walk(option, at);
      if (items) walk(items, `${at}[]`);
      for (const [name, one] of Object.entries((properties ?? {}) as Json)) {
        const key = at ? `${at}.${name}` : name;
        known.add(key);
        walk(one, key);
      }
    };
    walk(SYNC_CONFIG.toJSONSchema({ io: "input", unrepresentable: "any" }), "");
    const told = new Set([...docs.matchAll(/^\| `([^`]+)`/gm)].map(([, key]) => key!));
    assert.ok(known.size > 15);
    assert.deepEqual([...told].sort(), [...known].sort());
    for (const [, json] of docs.matchAll(/```json\n(.*?)```/gs)) {
      const parsed = SYNC_CONFIG.safeParse(JSON.parse(json!));
      assert.ok(parsed.success, JSON.stringify(parsed.error?.issues));
    }
  });
});
