import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import { openStore, payments, type Payment, type Store } from "../lib/store";
import { startMongo } from "../test/servers/mongo";

/**
 * The store: 10,000 payments through the port, beside the naive way in the same run: one statement for each
 * document, each a transaction of its own, with the bare driver, on 1,000 documents. FerretDB, which has no index that it uses,
 * gets 200.
 */
export interface StoreFigures {
  name: "store";
  /** Milliseconds by what was done; the key ends with the number of documents. */
  ours: Record<string, number>;
  peers: Record<string, number>;
  /** The peer's time over ours for the same work: above 1 we are faster. */
  ratios: Record<string, number>;
}

const MANY = 10_000;
/** The naive way waits for the disk with each document: enough to see it. */
const PEER = 1_000;
const FEW = 200;

function payment(n: number): Payment {
  const day = String(1 + (n % 28)).padStart(2, "0");
  const month = String(1 + (Math.floor(n / 28) % 12)).padStart(2, "0");
  return {
    id: `bank:${n}`,
    source: "bank",
    accountId: `bank:account-${n % 3}`,
    status: "booked",
    date: `2024-${month}-${day}`,
    amount: -((n * 37) % 20_000),
    currency: "EUR",
    counterparty: { name: `Shop ${n % 200}`, iban: "NL91ABNA0417164300" },
    description: `Card payment ${n} at shop ${n % 200}`,
    raw: {
      id: n,
      created: "2024-01-01 12:00:00.000000",
      amount: { value: "-1.00", currency: "EUR" },
      note: "x".repeat(250),
    },
    fetchedAt: "2024-01-01T00:00:00.000Z",
  };
}

async function time(work: () => Promise<unknown> | unknown): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round((performance.now() - start) * 10) / 10;
}

async function measure(store: Store, kind: string, n: number): Promise<Record<string, number>> {
  const collection = store.collection(payments);
  const docs = Array.from({ length: n }, (_, i) => payment(i));
  const half = docs.map((doc, i) => (i % 2 ? doc : { ...doc, amount: doc.amount - 1 }));
  const ours: Record<string, number> = {};
  const add = async (what: string, work: () => Promise<unknown>) => {
    ours[`${kind} ${what} ${n}, ms`] = await time(work);
  };
  await add("upsert new", () => collection.upsertMany(docs));
  await add("upsert unchanged", () => collection.upsertMany(docs));
  await add("upsert half changed", () => collection.upsertMany(half));
  await add("read by id", () => collection.getMany(docs.map((doc) => doc.id)));
  await add("one page of", () =>
    collection.find({ index: "byAccount", equals: ["bank:account-1"], from: "2024-06-01" }),
  );
  await add("scan", async () => {
    for await (const doc of collection.scan({ index: "byDate" })) if (doc.id === "") throw new Error("no id");
  });
  await add("conditional update", () =>
    collection.updateMany(
      docs.map((doc) => ({ id: doc.id, expected: { status: "booked" as const }, set: { type: "card" } })),
    ),
  );
  return ours;
}

async function naiveSqlite(file: string, n: number): Promise<Record<string, number>> {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  db.exec("CREATE TABLE payments (id TEXT PRIMARY KEY, body TEXT NOT NULL)");
  for (const fields of [["accountId", "date"], ["date"], ["source"]]) {
    const columns = fields.map((field) => `json_extract(body, '$.${field}')`).join(", ");
    db.exec(`CREATE INDEX i_${fields.join("_")} ON payments (${columns}, id)`);
  }
  const write = db.prepare(
    "INSERT INTO payments VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
  );
  const docs = Array.from({ length: n }, (_, i) => payment(i));
  const all = () => {
    for (const doc of docs) write.run(doc.id, JSON.stringify(doc));
  };
  const peers = {
    [`sqlite upsert new ${n}, ms`]: await time(all),
    [`sqlite upsert unchanged ${n}, ms`]: await time(all),
  };
  db.close();
  return peers;
}

async function naiveMongo(uri: string, kind: string, n: number): Promise<Record<string, number>> {
  const client = await MongoClient.connect(uri);
  const collection = client.db(`naive_${process.pid}`).collection<{ _id: string }>("payments");
  await collection.createIndex({ accountId: 1, date: 1, _id: 1 });
  await collection.createIndex({ date: 1, _id: 1 });
  await collection.createIndex({ source: 1, _id: 1 });
  const docs = Array.from({ length: n }, (_, i) => payment(i));
  const all = async () => {
    for (const { id, ...body } of docs) await collection.replaceOne({ _id: id }, body, { upsert: true });
  };
  const peers = {
    [`${kind} upsert new ${n}, ms`]: await time(all),
    [`${kind} upsert unchanged ${n}, ms`]: await time(all),
  };
  await client.db(`naive_${process.pid}`).dropDatabase();
  await client.close();
  return peers;
}

/** Measure both stores; MongoDB is left out where no server can be had. */
export async function run(): Promise<StoreFigures> {
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-bench-"));
  const figures: StoreFigures = { name: "store", ours: {}, peers: {}, ratios: {} };
  try {
    const store = await openStore({ kind: "sqlite", path: path.join(folder, "ours.db") });
    Object.assign(figures.ours, await measure(store, "sqlite", MANY));
    await store.close();
    const beside = await openStore({ kind: "sqlite", path: path.join(folder, "beside.db") });
    Object.assign(figures.ours, await measure(beside, "sqlite", PEER));
    await beside.close();
    Object.assign(figures.peers, await naiveSqlite(path.join(folder, "naive.db"), PEER));
    const server = await startMongo();
    if ("unavailable" in server) {
      console.error(`left out: ${server.unavailable}`);
    } else {
      const kind = server.kind === "ferretdb" ? "ferretdb" : "mongodb";
      const n = server.kind === "ferretdb" ? FEW : MANY;
      const mongo = await openStore({ kind: "mongodb", uri: server.uri, database: `bench_${process.pid}` });
      Object.assign(figures.ours, await measure(mongo, kind, n));
      await mongo.close();
      Object.assign(figures.peers, await naiveMongo(server.uri, kind, n));
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  for (const [what, ms] of Object.entries(figures.peers)) {
    const own = figures.ours[what];
    if (own !== undefined)
      figures.ratios[what.replace(/ms$/, "naive / ours")] = Math.round((ms / own) * 100) / 100;
  }
  return figures;
}
