import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import fc from "fast-check";
import { bankExtract, type PaymentPage } from "../../../lib/bank";
import {
  csvPreview,
  openStatementFiles,
  parseStatement,
  ReadingThread,
  type ParsedStatement,
} from "../../../lib/bank/statements";
import { previewCsv } from "../../../lib/bank/statements/csv";
import { Reading } from "../../../lib/bank/statements/reading/reading";
import { cursors, payments, type Store } from "../../../lib/store";
import { memoryStore, stepContext } from "../../support/context";
import { sharedPath } from "../../support/shared";
import { fixture } from "./support";

const timeZone = "Europe/Amsterdam";
const settings = { source: "files", name: "given", options: {} };
const OWN = "NL91ABNA0417164300";

/** A CSV file that is large enough for the thread. */
const large = (rows = 3000, text = "coffee") =>
  [
    "Date;Amount;Name;Description",
    ...Array.from(
      { length: rows },
      (_, at) => `2024-01-${String((at % 28) + 1).padStart(2, "0")};-${at},50;A;${text} ${at}`,
    ),
    "",
  ].join("\n");

/** Every file below a folder. */
const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile());

/** All that a reading says, or why there is none. */
type Said = { facts: unknown; payments: unknown[]; errors: unknown[] } | { error: string };

function direct(content: Uint8Array | string, page: number): Said {
  try {
    const reading = new Reading(content, settings);
    const said: Said = { facts: reading.facts, payments: [], errors: [] };
    for (const account of reading.facts.accounts) {
      for (let from = 0, more = true; more; from += page) {
        const rows = reading.rows({ account, speaks: true, from, count: page });
        for (const { fetchedAt: _, ...payment } of rows.payments) said.payments.push(payment);
        said.errors.push(...rows.errors);
        more = rows.more;
      }
    }
    return said;
  } catch (thrown) {
    return { error: (thrown as Error).message };
  }
}

async function inThread(thread: ReadingThread, content: Uint8Array | string, page: number): Promise<Said> {
  const { opened, rows } = await thread.open({ content }, settings);
  if (!opened.facts) return { error: opened.error!.message };
  const said: Said = { facts: opened.facts, payments: [], errors: [] };
  for (const account of opened.facts.accounts) {
    for (let from = 0, more = true; more; from += page) {
      const part = await rows({ account, speaks: true, from, count: page });
      assert.ok(part, "it was let go");
      for (const { fetchedAt: _, ...payment } of part.payments) said.payments.push(payment);
      said.errors.push(...part.errors);
      more = part.more;
    }
  }
  return said;
}

describe("reading statements in a thread", function () {
  this.timeout(120_000);

  it("gives what reading them here gives, for every file there is", async () => {
    const shared = sharedPath("data", "statements");
    if (!shared) console.warn("Only the project's own statements: shared/data/statements is not there.");
    const files = [fixture("camt"), fixture("mt940"), ...(shared ? [shared] : [])].flatMap(filesBelow);
    const thread = new ReadingThread();
    let read = 0;
    for (const file of files) {
      const content = readFileSync(file);
      const here = direct(content, 7);
      assert.deepEqual(await inThread(thread, content, 7), JSON.parse(JSON.stringify(here)), file);
      if ("payments" in here) read += here.payments.length;
    }
    assert.ok(read >= (shared ? 200 : 20), `only ${read} payments`);
  });

  it("gives what reading them here gives, for any text and any size of page", async () => {
    const thread = new ReadingThread();
    const cell = fc.string({ unit: "binary", maxLength: 12 });
    const row = fc.tuple(fc.integer({ min: -99_999, max: 99_999 }), cell, cell);
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 40 }),
        fc.integer({ min: 1, max: 50 }),
        async (rows, page) => {
          const text = ["Date;Amount;Account;Name;Description"]
            .concat(rows.map(([cents, name, what]) => `2024-01-05;${cents / 100};${OWN};"${name}";"${what}"`))
            .join("\n");
          const here = JSON.parse(JSON.stringify(direct(text, page))) as unknown;
          assert.deepEqual(await inThread(thread, text, page), here);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("previews and summarises what is large as what is small", async () => {
    const options = { account: OWN, currency: "EUR" };
    assert.deepEqual(
      await csvPreview(large(), options),
      JSON.parse(JSON.stringify(previewCsv(large(), options))),
    );
    const statement: ParsedStatement = parseStatement(large(), options);
    const { payments: count, accounts, errorsTotal } = await new ReadingThread().summary(large(), options);
    assert.deepEqual([count, accounts, errorsTotal], [statement.accounts[0]!.payments.length, [OWN], 0]);
    await assert.rejects(csvPreview(`%PDF-1.7${"x".repeat(100_000)}`), { code: "STATEMENT_UNREADABLE" });
  });

  const files = (hostile: string) => [
    { name: "hostile.csv", content: hostile },
    { name: "small.csv", content: large(3) },
    { name: "large.csv", content: large() },
  ];

  /** What a connection makes of the files: payments, and the errors by file. */
  async function extracted(thread: ReadingThread, hostile: string) {
    const options = { timeZone, account: OWN, currency: "EUR", thread };
    const provider = openStatementFiles({ ...options, files: files(hostile) });
    const [account] = await provider.accounts();
    const pages: PaymentPage[] = [];
    for await (const page of provider.payments(account!, { cursor: null })) pages.push(page);
    await provider.close();
    return {
      ids: new Set(pages.flatMap((page) => page.payments.map(({ id }) => id))),
      errors: pages.flatMap(({ errors }) => errors),
      cursor: pages.at(-1)!.cursor as { files: Record<string, string> },
    };
  }

  it("ends with a clear error for a file that takes too much memory, and reads the others", async () => {
    const { ids, errors } = await extracted(new ReadingThread({ memoryMb: 20 }), large(60_000));
    assert.equal(ids.size, 3000);
    assert.equal(errors.length, 1);
    assert.equal(errors[0]!.code, "STATEMENT_UNREADABLE");
    assert.match(
      errors[0]!.reason,
      /^hostile\.csv: It takes more than 20 MiB of memory to read.*shorter period/,
    );
  });

  it("ends with a clear error for a file that takes too long, and reads the others", async () => {
    const thread = new ReadingThread({ patienceMs: 0, patienceMsPerMb: 1 });
    const { ids, errors } = await extracted(thread, large(60_000));
    // The other large one is too slow for this patience too; the small one is read on the spot.
    assert.equal(ids.size, 3);
    assert.deepEqual(
      errors.map(({ reason }) => /^(\w+\.csv): It was not read after 0 seconds/.exec(reason)?.[1]),
      ["hostile.csv", "large.csv"],
    );
  });

  it("stops at once when told to, whoever waits behind goes on", async () => {
    const thread = new ReadingThread();
    const slow = new AbortController();
    const waiting = new AbortController();
    const first = thread.open({ content: large(200_000) }, settings, slow.signal);
    const second = thread.open({ content: large(10) }, settings, waiting.signal);
    const third = thread.open(
      { content: large(5) },
      { ...settings, options: { account: OWN, currency: "EUR" } },
    );
    waiting.abort();
    await assert.rejects(second, { name: "AbortError" });
    slow.abort();
    await assert.rejects(first, { name: "AbortError" });
    const { opened, rows } = await third;
    const [account] = opened.facts!.accounts;
    assert.equal((await rows({ account: account!, speaks: true, from: 0, count: 9 }))!.payments.length, 5);
  });

  it("reads a file again that was let go while its pages are handed out", async () => {
    const thread = new ReadingThread({ idleMs: 1 });
    const content = large(2500);
    const provider = openStatementFiles({
      timeZone,
      account: OWN,
      currency: "EUR",
      thread,
      files: [{ name: "a.csv", content }],
    });
    const [account] = await provider.accounts();
    const ids = new Set<string>();
    for await (const page of provider.payments(account!, { cursor: null })) {
      for (const { id } of page.payments) ids.add(id);
      await delay(50);
    }
    assert.equal(ids.size, 2500);
  });

  it("leaves nothing that keeps a process alive, closed or not", async () => {
    const script = `
      const { openStatementFiles } = require(${JSON.stringify(path.resolve(__dirname, "../../../lib/bank/statements"))});
      const content = ${JSON.stringify(large())};
      const options = { timeZone: "UTC", account: "${OWN}", currency: "EUR", files: [{ name: "a.csv", content }] };
      (async () => {
        const provider = openStatementFiles(options);
        console.log((await provider.accounts()).length);
        if (process.argv[1] === "close") await provider.close();
      })();`;
    for (const how of ["close", "leave"]) {
      const child = spawn(process.execPath, ["-e", script, how], { stdio: ["ignore", "pipe", "inherit"] });
      let said = "";
      child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
      const code = await new Promise((resolve) => child.once("close", resolve));
      assert.deepEqual([said, code], ["1\n", 0], how);
    }
  });

  it("ends the thread when it has nothing to do", async () => {
    const started: Worker[] = [];
    const note = (worker: Worker) => started.push(worker);
    process.on("worker", note);
    try {
      const thread = new ReadingThread({ idleMs: 1 });
      await thread.open({ content: large(10) }, settings);
      await once(started[0]!, "exit");
      await thread.open({ content: large(10) }, settings);
      assert.equal(started.length, 2);
    } finally {
      process.off("worker", note);
    }
  });
});

describe("what a watched folder gave", () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-known-"));
    store = await memoryStore();
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const put = (name: string, content: string, at = 0) => {
    writeFileSync(path.join(folder, name), content);
    utimesSync(path.join(folder, name), at, at);
  };
  const mt940 = (day: number, closing: number) =>
    [
      ":20:T",
      `:25:${OWN}`,
      ":28C:1/1",
      ":60F:C240101EUR0,",
      `:61:2401${String(day).padStart(2, "0")}C${closing},NMSCNONREF`,
      ":86:COFFEE",
      `:62F:C2401${String(day).padStart(2, "0")}EUR${closing},`,
      "-",
    ].join("\n");

  /** Counts how often a file is read. */
  class CountingThread extends ReadingThread {
    reads = 0;
    override open(...args: Parameters<ReadingThread["open"]>): ReturnType<ReadingThread["open"]> {
      this.reads += 1;
      return super.open(...args);
    }
  }

  /** A run of a new process. */
  async function run(
    options: { account?: string; currency?: string; negate?: boolean; crash?: boolean } = {},
  ) {
    const { negate, crash, ...rest } = options;
    const thread = new CountingThread();
    const mapping = { date: "Date", amount: "Amount", description: ["Description"], negate: negate ?? false };
    const provider = openStatementFiles({ ...rest, mapping, folder, store, timeZone, thread });
    try {
      const accounts = await provider.accounts();
      if (crash) return { reads: thread.reads, accounts, counts: {} };
      const { counts } = await bankExtract(stepContext(store), provider, { budgetIds: [] });
      return { reads: thread.reads, accounts, counts };
    } finally {
      await provider.close();
    }
  }
  const csv = { account: OWN, currency: "EUR" };

  it("is not read again by the next process, and says the same of its accounts", async () => {
    put("a.csv", large());
    put("b.sta", mt940(5, 100) + "\n".repeat(70_000));
    const first = await run(csv);
    assert.equal(first.reads, 2);
    assert.equal(first.counts["inserted"], 3001);
    const second = await run(csv);
    assert.deepEqual([second.reads, second.counts["inserted"]], [0, 0]);
    assert.deepEqual(second.accounts, first.accounts);
    assert.deepEqual(second.accounts[0]!.balance, { amount: 10_000, at: "2024-01-05T23:59:59.000Z" });
  });

  it("is read again when its rows were not stored yet", async () => {
    put("a.csv", large());
    assert.equal((await run({ ...csv, crash: true })).reads, 1);
    const { reads, counts } = await run(csv);
    assert.deepEqual([reads, counts["inserted"]], [1, 3000]);
  });

  it("is read again when its content changed, though neither its size nor its time did", async () => {
    put("a.csv", large(3000, "coffee"));
    await run(csv);
    put("a.csv", large(3000, "banana"));
    const { reads, counts } = await run(csv);
    assert.deepEqual([reads, counts["inserted"]], [1, 3000]);
  });

  it("is read again with other settings; what was taken under the old ones is not taken twice", async () => {
    put("a.csv", large());
    await run(csv);
    const { reads, counts } = await run({ ...csv, negate: true });
    assert.deepEqual([reads, counts["inserted"]], [1, 0]);
    assert.equal(await store.collection(payments).count({ index: "bySource", equals: ["files"] }), 3000);
  });

  it("is taken with other settings where the old ones gave nothing", async () => {
    put("a.sta", mt940(5, 100));
    put("b.csv", large());
    // Without an account the CSV file belongs to nobody, and the account of the other file passes it by.
    const wrong = await run({ currency: "EUR" });
    assert.equal(wrong.counts["inserted"], 1);
    const { counts } = await run(csv);
    assert.equal(counts["inserted"], 3000);
  });

  it("is forgotten with its file", async () => {
    put("a.csv", large());
    put("b.csv", large(2000, "tea"));
    await run(csv);
    const kept = async () => {
      const found: string[] = [];
      for await (const { id } of store
        .collection(cursors)
        .scan({ index: "id", from: "statement:", to: "statement;" }))
        found.push(id.split(":").at(-1)!);
      return found;
    };
    assert.deepEqual(await kept(), ["a.csv", "b.csv"]);
    rmSync(path.join(folder, "b.csv"));
    await run(csv);
    assert.deepEqual(await kept(), ["a.csv"]);
  });
});
