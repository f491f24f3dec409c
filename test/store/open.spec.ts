import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { spawnSync } from "node:child_process";
import {
  allCollections,
  exportLines,
  importLines,
  leases,
  migrate,
  openStore,
  payments,
  queue,
  storeOptions,
  type Migration,
  type Payment,
  type Store,
} from "../../lib/store";
import { META } from "../../lib/store/meta";
import { MIGRATIONS } from "../../lib/store/migrations";
import { TallyError } from "../../lib/values";
import { counters } from "./writer";

function code(wanted: string) {
  return (error: unknown) => error instanceof TallyError && error.code === wanted;
}

function payment(n: number): Payment {
  return {
    id: `bunq:${n}`,
    source: "bunq",
    accountId: "bunq:a",
    status: "booked",
    date: "2024-01-01",
    amount: -n,
    currency: "EUR",
    description: `payment ${n}`,
    raw: { id: n },
    fetchedAt: "2024-01-01T00:00:00.000Z",
  };
}

describe("store: opening, migrations, export", () => {
  let folder: string;
  let files = 0;
  const file = () => path.join(folder, `store-${files++}.db`);
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-open-"));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("reads store URLs", () => {
    assert.deepEqual(storeOptions("sqlite:/data/a b.db"), { kind: "sqlite", path: "/data/a b.db" });
    assert.deepEqual(storeOptions("sqlite:///data/a.db"), { kind: "sqlite", path: "/data/a.db" });
    assert.deepEqual(storeOptions("sqlite:a.db"), { kind: "sqlite", path: "a.db" });
    assert.deepEqual(storeOptions("sqlite::memory:"), { kind: "sqlite", path: ":memory:" });
    assert.deepEqual(storeOptions("mongodb+srv://h/x"), { kind: "mongodb", uri: "mongodb+srv://h/x" });
    for (const url of ["", "postgres://u:s3cret@h", "sqlite:", "/data/a.db"]) {
      assert.throws(
        () => storeOptions(url),
        (error: TallyError) => error.code === "CONFIG_INVALID" && !error.message.includes("s3cret"),
      );
    }
  });

  it("does not load the MongoDB driver for SQLite", () => {
    const script = `const { openStore } = require(${JSON.stringify(require.resolve("../../lib/store"))});
      openStore({ kind: "sqlite", path: ":memory:" }).then((store) => store.close()).then(() => {
        const loaded = Object.keys(require.cache).filter((name) => /node_modules.(mongodb|bson)/.test(name));
        process.exit(loaded.length === 0 ? 0 : 3);
      });`;
    assert.equal(spawnSync(process.execPath, ["-e", script]).status, 0);
  });

  it("numbers its migrations from 1 without gaps and stamps a new store", async () => {
    assert.deepEqual(
      MIGRATIONS.map((migration) => migration.version),
      MIGRATIONS.map((_, i) => i + 1),
    );
    const store = await openStore({ kind: "sqlite", path: file() });
    assert.equal(await store.schemaVersion(), MIGRATIONS.length);
    await store.close();
  });

  it("refuses a store that is newer than the code", async () => {
    const one = file();
    const store = await openStore({ kind: "sqlite", path: one });
    await store.collection(META).upsertMany([{ id: "schema", version: MIGRATIONS.length + 1 }]);
    await store.close();
    await assert.rejects(openStore({ kind: "sqlite", path: one }), code("STORE_TOO_NEW"));
  });

  function list(ran: number[], slow = 0): Migration[] {
    return [1, 2, 3].map((version) => ({
      version,
      name: `number ${version}`,
      up: async (store: Store) => {
        ran.push(version);
        await store.collection(counters).insertMissing([{ id: "m", n: 0 }]);
        await store.collection(counters).updateMany([{ id: "m", expected: {}, set: { n: version } }]);
        await new Promise((resolve) => setTimeout(resolve, slow));
      },
    }));
  }

  it("runs what is missing, in order, once, also when several open at once", async () => {
    const one = file();
    const ran: number[] = [];
    const stores = await Promise.all(
      [0, 1, 2].map(() => openStore({ kind: "sqlite", path: one }, { migrations: list(ran, 30) })),
    );
    assert.deepEqual(ran, [1, 2, 3]);
    for (const store of stores) assert.equal(await store.schemaVersion(), 3);
    await Promise.all(stores.map((store) => store.close()));
  });

  it("goes on where a failed migration stopped", async () => {
    const one = file();
    const ran: number[] = [];
    const migrations = list(ran);
    const broken = migrations.with(1, {
      ...migrations[1]!,
      up: () => Promise.reject(new Error("out of luck")),
    });
    await assert.rejects(openStore({ kind: "sqlite", path: one }, { migrations: broken }), /out of luck/);
    const store = await openStore({ kind: "sqlite", path: one }, { migrations });
    assert.deepEqual(ran, [1, 2, 3]);
    assert.equal((await store.collection(counters).get("m"))?.n, 3);
    await store.close();
  });

  it("takes over from a process that died while migrating, and gives up on one that never ends", async () => {
    const store = await openStore({ kind: "sqlite", path: file() });
    const migrations = [
      ...MIGRATIONS,
      { version: MIGRATIONS.length + 1, name: "next", up: () => Promise.resolve() },
    ];
    const held = (until: number) =>
      store
        .collection(leases)
        .upsertMany([{ id: "migrate", owner: "dead", until: new Date(until).toISOString() }]);
    await held(Date.now() + 60_000);
    await assert.rejects(migrate(store, { migrations, waitMs: 50 }), code("STORE_UNAVAILABLE"));
    await held(Date.now() + 150);
    assert.equal(await migrate(store, { migrations, waitMs: 10_000 }), migrations.length);
    await store.close();
  });

  it("exports and imports all, once, and tells the lines it refuses", async () => {
    const from = await openStore({ kind: "sqlite", path: file() });
    const docs = Array.from({ length: 1200 }, (_, i) => payment(i));
    await from.collection(payments).upsertMany(docs);
    await from.collection(queue).upsertMany([
      {
        id: "q",
        paymentId: "bunq:1",
        budgetId: "b",
        accountId: "bunq:a",
        state: "new",
        stateSince: "2024-01-01T00:00:00.000Z",
        enqueuedAt: "2024-01-01T00:00:00.000Z",
        date: "2024-01-01",
        importId: "TF1:x",
        attempt: 0,
        dueAt: "2024-01-01T00:00:00.000Z",
      },
    ]);
    const lines: string[] = [];
    for await (const line of exportLines(from, allCollections(["transactions"]))) lines.push(line);
    assert.equal(lines.length, 1 + 1200 + 1);
    lines.splice(
      700,
      0,
      "{broken",
      '{"collection":"nobody","doc":{"id":"x"}}',
      '{"collection":"payments","doc":{}}',
    );
    lines.push('{"collection":"payments","doc":{"id":"bad","accountId":["a"]}}', "");

    const to = await openStore({ kind: "sqlite", path: file() });
    const first = await importLines(to, lines, allCollections());
    assert.equal(first.inserted, 1201);
    assert.deepEqual(
      first.refused.map(({ line }) => line).sort((a, b) => a - b),
      [701, 702, 703, 1206],
    );
    const again = await importLines(to, lines, allCollections());
    assert.deepEqual([again.inserted, again.changed, again.unchanged], [0, 0, 1201]);
    assert.deepEqual(await to.collection(payments).get("bunq:7"), payment(7));

    await assert.rejects(importLines(to, ["{}"], allCollections()), code("CONFIG_INVALID"));
    const newer = JSON.stringify({ tallyflow: 1, schemaVersion: 99 });
    await assert.rejects(importLines(to, [newer], allCollections()), code("STORE_TOO_NEW"));
    await from.close();
    await to.close();
  });

  it("lists every collection once, leases left out", () => {
    const names = allCollections(["transactions"]).map((def) => def.name);
    assert.equal(new Set(names).size, names.length);
    assert.ok(
      names.includes("payments") && names.includes("history_transactions") && names.includes("events"),
    );
    assert.equal(names.includes("leases"), false);
  });
});
