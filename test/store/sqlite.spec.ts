import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { openStore, payments, storeFromUrl, type CollectionDef, type Doc } from "../../lib/store";
import { encodeCursor, planRange } from "../../lib/store/query";
import { schemaOf, selectSegment } from "../../lib/store/sqlite/sql";
import { SqliteStore } from "../../lib/store/sqlite";
import { WorkerLink } from "../../lib/store/sqlite/link";
import { TallyError } from "../../lib/values";
import { contract } from "./contract";
import { counters, written } from "./writer";

const WRITER = path.join(__dirname, "writer.js");

function unavailable(pattern: RegExp) {
  return (error: unknown) =>
    error instanceof TallyError && error.code === "STORE_UNAVAILABLE" && pattern.test(error.message);
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once("exit", resolve));
}

describe("store: SQLite", () => {
  let folder: string;
  let files = 0;
  const file = () => path.join(folder, `store-${files++}.db`);
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-store-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  describe("contract", () => {
    let one: string;
    before(() => {
      one = file();
    });
    contract(() => ({
      open: () => openStore({ kind: "sqlite", path: one }),
      scanSize: 200_000,
      atomic: true,
      propertyRuns: 60,
    }));
  });

  it("has no torn state after kill -9 in the middle of a bulk upsert", async function () {
    this.timeout(60_000);
    const one = file();
    let inTheMiddle = 0;
    let last = 0;
    for (let kill = 0; kill < 6; kill++) {
      const child = spawn(process.execPath, [WRITER, "rounds", one], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = exitOf(child);
      let begun = 0;
      let done = 0;
      for await (const line of createInterface(child.stdout)) {
        const [word, round] = line.split(" ");
        if (word === "begin") begun = Number(round);
        else done = Number(round);
        // Each time at another moment of the write.
        if (begun === 2 && word === "begin") setTimeout(() => child.kill("SIGKILL"), 5 + 12 * kill);
      }
      await ended;
      const store = await openStore({ kind: "sqlite", path: one });
      const collection = store.collection(written);
      const seen = new Set<number>();
      let n = 0;
      for await (const doc of collection.scan({ index: "id" })) {
        seen.add(doc.round);
        assert.equal(doc.filler.length, 300);
        n++;
      }
      assert.equal(n, 3000, "all of a call or nothing of it");
      assert.equal(seen.size, 1, `documents of the rounds ${[...seen].join(", ")} are mixed`);
      const [round] = seen;
      assert.ok(round === done || round === begun, `answered: ${done}, begun: ${begun}, stored: ${round}`);
      assert.equal(await collection.count({ index: "byRound", equals: [round!] }), 3000, "the index agrees");
      if (begun > done) inTheMiddle++;
      last = round!;
      await store.close();
    }
    assert.ok(inTheMiddle > 0, "no kill hit a write");
    assert.ok(last > 0);
    const raw = new DatabaseSync(one);
    assert.equal(raw.prepare("PRAGMA integrity_check").get()!["integrity_check"], "ok");
    raw.close();
  });

  it("loses no step when processes count in one file", async function () {
    this.timeout(60_000);
    const one = file();
    const children = [0, 1, 2].map(() =>
      spawn(process.execPath, [WRITER, "count", one], { stdio: "inherit" }),
    );
    assert.deepEqual(await Promise.all(children.map(exitOf)), [0, 0, 0]);
    const store = await openStore({ kind: "sqlite", path: one });
    assert.equal((await store.collection(counters).get("n"))?.n, 150);
    await store.close();
  });

  it("does not keep a process alive that forgets to close it", async () => {
    const one = file();
    assert.equal(await exitOf(spawn(process.execPath, [WRITER, "leave", one], { stdio: "inherit" })), 0);
    const store = await openStore({ kind: "sqlite", path: one });
    assert.equal((await store.collection(counters).get("left"))?.n, 1);
    await store.close();
  });

  it("holds a process that waits for its closing", async () => {
    assert.equal(await exitOf(spawn(process.execPath, [WRITER, "after", file()], { stdio: "inherit" })), 7);
  });

  it("fails waiting calls when its thread dies, and opens again with the next call", async () => {
    const one = file();
    const links: WorkerLink[] = [];
    const call = WorkerLink.prototype.call;
    WorkerLink.prototype.call = function (this: WorkerLink, ...args: Parameters<typeof call>) {
      if (!links.includes(this)) links.push(this);
      return call.apply(this, args);
    } as typeof call;
    try {
      const store = await openStore({ kind: "sqlite", path: one });
      const collection = store.collection(counters);
      await collection.upsertMany([{ id: "a", n: 1 }]);
      const docs = Array.from({ length: 5000 }, (_, i) => ({ id: `d${i}`, n: i }));
      const writing = collection.upsertMany(docs);
      const failed = assert.rejects(writing, unavailable(/thread .* ended/));
      setTimeout(() => void links[0]!.terminate(), 5);
      await failed;
      assert.equal((await collection.get("a"))?.n, 1);
      assert.equal(links.length, 2);
      assert.ok([0, 5000].includes((await collection.count({ index: "id" })) - 1));
      await store.close();
    } finally {
      WorkerLink.prototype.call = call;
    }
  });

  it("works in memory", async () => {
    const store = await storeFromUrl("sqlite::memory:");
    await store.collection(counters).upsertMany([{ id: "a", n: 1 }]);
    assert.equal((await store.collection(counters).get("a"))?.n, 1);
    await store.close();
  });

  it("makes its folder, keeps the file to its owner, and leaves one file when closed", async () => {
    const one = path.join(folder, "deep", "er", "store.db");
    const store = await storeFromUrl(`sqlite:${one}`);
    await store.collection(counters).upsertMany([{ id: "a", n: 1 }]);
    for (const name of readdirSync(path.dirname(one))) {
      assert.equal(statSync(path.join(path.dirname(one), name)).mode & 0o077, 0, name);
    }
    await store.close();
    assert.deepEqual(readdirSync(path.dirname(one)), ["store.db"]);
  });

  it("says what to do when it cannot be opened", async () => {
    const noDatabase = file();
    writeFileSync(
      noDatabase,
      "this is a letter and no database, and it is long enough to be looked at".repeat(20),
    );
    await assert.rejects(
      openStore({ kind: "sqlite", path: noDatabase }),
      unavailable(/not a SQLite database/),
    );
    const aFolder = file();
    mkdirSync(aFolder);
    await assert.rejects(
      openStore({ kind: "sqlite", path: aFolder }),
      unavailable(/cannot be opened|EISDIR/),
    );
    await assert.rejects(
      openStore({ kind: "sqlite", path: path.join(noDatabase, "store.db") }),
      unavailable(/Check the path/),
    );
  });

  it("copies itself while it is written", async () => {
    const one = file();
    const copy = path.join(folder, "backups", "copy.db");
    const store = new SqliteStore(one);
    const collection = store.collection(written);
    const docs = (round: number) =>
      Array.from({ length: 2000 }, (_, i) => ({ id: `w${i}`, round, filler: "y".repeat(100) }));
    await collection.upsertMany(docs(1));
    await Promise.all([collection.upsertMany(docs(2)), store.backup(copy), collection.upsertMany(docs(3))]);
    await assert.rejects(store.backup(copy), (error: TallyError) => error.code === "CONFIG_INVALID");
    await store.close();
    const restored = await openStore({ kind: "sqlite", path: copy });
    const rounds = new Set(
      (await restored.collection(written).find({ index: "id", limit: 2000 })).items.map((d) => d.round),
    );
    assert.equal(rounds.size, 1, "a copy is one moment");
    assert.equal(statSync(copy).mode & 0o077, 0);
    await restored.close();
    assert.deepEqual(
      readdirSync(path.dirname(copy)).filter((name) => name.includes("part")),
      [],
    );
  });

  it("answers every page of a range from its index, without sorting", () => {
    const def = payments as unknown as CollectionDef<Doc>;
    const raw = new DatabaseSync(":memory:");
    for (const sql of schemaOf(def)) raw.exec(sql);
    const last = { id: "x", accountId: "a", date: "2024-02-01" } as Doc;
    for (const order of ["asc", "desc"] as const) {
      const query = { index: "byAccount", equals: ["a"], from: "2024-01-01", order };
      const after = encodeCursor(last, def, query, planRange(def, query));
      for (const one of [query, { ...query, after }, { index: "byDate", order }, { index: "id", order }]) {
        const plan = planRange(def, one);
        for (const segment of plan.segments) {
          const { sql, binds } = selectSegment(def.name, segment, plan, 10, ["body"]);
          const steps = raw.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...binds);
          const text = steps.map((step) => String(step["detail"])).join("; ");
          assert.match(text, /USING (COVERING )?INDEX/, `${sql}: ${text}`);
          assert.doesNotMatch(text, /TEMP B-TREE/, sql);
          if (one === query) assert.match(text, /<expr>=\? AND <expr>>\?/);
        }
      }
    }
    raw.close();
  });
});
