import { openStore, type CollectionDef, type Doc } from "../../lib/store";

/** A process for the tests to kill, or to race: writes rounds of documents into a SQLite file until it is stopped. */

export interface Written extends Doc {
  round: number;
  filler: string;
}

export const written: CollectionDef<Written> = {
  name: "written",
  shardKey: "id",
  indexes: [{ name: "byRound", fields: ["round"] }],
};

export interface Counter extends Doc {
  n: number;
}

export const counters: CollectionDef<Counter> = { name: "counters", shardKey: "id", indexes: [] };

async function rounds(path: string): Promise<void> {
  const store = await openStore({ kind: "sqlite", path });
  const collection = store.collection(written);
  for (let round = 1; ; round++) {
    const docs = Array.from({ length: 3000 }, (_, i) => ({ id: `w${i}`, round, filler: "x".repeat(300) }));
    process.stdout.write(`begin ${round}\n`);
    await collection.upsertMany(docs);
    process.stdout.write(`done ${round}\n`);
  }
}

async function count(path: string): Promise<void> {
  const store = await openStore({ kind: "sqlite", path });
  const collection = store.collection(counters);
  await collection.insertMissing([{ id: "n", n: 0 }]);
  for (let left = 50; left > 0;) {
    const n = (await collection.get("n"))!.n;
    const { updatedIds } = await collection.updateMany([{ id: "n", expected: { n }, set: { n: n + 1 } }]);
    left -= updatedIds.length;
  }
  await store.close();
}

/** Leaves the store open: the process has to end all the same. */
async function leave(path: string): Promise<void> {
  const store = await openStore({ kind: "sqlite", path });
  await store.collection(counters).upsertMany([{ id: "left", n: 1 }]);
}

/** Closes the store and goes on with other work. */
async function after(path: string): Promise<void> {
  const store = await openStore({ kind: "sqlite", path });
  await store.close();
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.exit(7);
}

if (require.main === module) {
  const [, , what, path] = process.argv;
  const works = { rounds, count, leave, after };
  works[what as keyof typeof works](path!).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
