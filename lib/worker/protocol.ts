import type { StoredError } from "../values";

/** What may be asked of a worker thread: each operation's arguments and its answer, both as structured clone has them. */
export type OperationTypes<O> = { [K in keyof O]: { args: unknown[]; answer: unknown } };

export interface Request {
  call: number;
  operation: string;
  args: unknown[];
}

export type Response = { call: number; answer: unknown } | { call: number; error: StoredError };
