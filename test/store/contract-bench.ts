import assert from "node:assert/strict";
import type { Collection, CollectionDef, Doc, RangeQuery, Store } from "../../lib/store";
import { TallyError, type Json } from "../../lib/values";

/** What a store adapter gives the suite. */
export interface Fixture {
  /** Another connection to the same data. */
  open(): Promise<Store>;
  /** Documents for the scan of much; 0 leaves it out, where the server is too slow for so many. */
  scanSize: number;
  /** Are updates of one document atomic? Races are left out where they are not. */
  atomic: boolean;
  /** Runs of the model-based property. */
  propertyRuns: number;
}

/** What the tests of the contract work with: two connections to one adapter's data, and a new collection for each test. */
export interface Bench {
  fixture: () => Fixture;
  store: Store;
  other: Store;
  /** The same collection by each connection. */
  c: Collection<Item>;
  d: Collection<Item>;
}

export interface Item extends Doc {
  group: string;
  rank?: number | null;
  day?: string | null;
  open?: boolean;
  tags?: string[];
  body?: Json;
  seenAt?: string;
}

let made = 0;

/** A number that no other test has. */
export function unique(): number {
  return made++;
}

export function items(): CollectionDef<Item> {
  return {
    name: `items_${process.pid}_${Date.now().toString(36)}_${unique()}`,
    shardKey: "group",
    indexes: [
      { name: "byGroup", fields: ["group", "rank"] },
      { name: "byDay", fields: ["day"] },
      { name: "byOpen", fields: ["open", "group"] },
    ],
    volatile: ["seenAt"],
  };
}

export async function ids(collection: Collection<Item>, query: RangeQuery): Promise<string[]> {
  return (await collection.find(query)).items.map((item) => item.id);
}

export async function pages(collection: Collection<Item>, query: RangeQuery): Promise<string[]> {
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await collection.find({ ...query, ...(after === undefined ? {} : { after }) });
    assert.ok(page.items.length <= (query.limit ?? 1000));
    found.push(...page.items.map((item) => item.id));
    after = page.next;
  } while (after !== undefined);
  return found;
}

export function code(wanted: string) {
  return (error: unknown) => error instanceof TallyError && error.code === wanted;
}

export const ATOMIC = "a server that updates a document atomically";

/** Leave a test out, saying what it needs and how to have that. */
export function without(context: Mocha.Context, needed: string): void {
  console.log(`      skipped: needs ${needed}: install mongod, or set MONGODB_URI to a MongoDB's`);
  context.skip();
}
