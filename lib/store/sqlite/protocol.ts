import type { CollectionDef, ConditionalResult, Doc, UpsertResult } from "../port";
import type { RangePlan } from "../query";

/** What the store asks of its worker thread: each operation's arguments and its answer. */
export interface Operations {
  declare: { args: [def: CollectionDef<Doc>]; answer: void };
  /** Hand over a slice of the documents of a write that follows, under a number of the caller's. */
  stage: { args: [staging: number, ids: string[], bodies: string[]]; answer: void };
  /** Write the documents staged under the number, in one transaction. */
  upsertMany: { args: [table: string, staging: number]; answer: UpsertResult };
  insertMissing: { args: [table: string, staging: number]; answer: string[] };
  getMany: { args: [table: string, ids: string[], without: readonly string[]]; answer: string[] };
  find: {
    args: [table: string, plan: RangePlan, without: readonly string[]];
    answer: { bodies: string[]; more: boolean };
  };
  findAny: { args: [table: string, field: string, values: string[]]; answer: string[] };
  count: { args: [table: string, plan: RangePlan]; answer: number };
  /** Each update as JSON text of `EngineUpdate`: text crosses the thread far faster than objects. */
  updateMany: { args: [table: string, updates: string[]]; answer: ConditionalResult };
  deleteMany: { args: [table: string, ids: string[]]; answer: number };
  ping: { args: []; answer: void };
  backup: { args: [target: string]; answer: void };
  close: { args: []; answer: void };
}
