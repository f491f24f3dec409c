import type { Json } from "../values";

/**
 * The Open Inference Protocol, version 2, over REST, as KServe, Triton and MLServer speak it.
 * Source: https://github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md; the model
 * repository: https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
 */

/** The data types that are spoken here, of those of the protocol. */
export type Datatype = "BYTES" | "INT64" | "FP64" | "BOOL";

/** A tensor of a model; -1 stands for the number of rows. */
export interface TensorMetadata {
  name: string;
  datatype: Datatype;
  shape: number[];
}

export interface Tensor extends TensorMetadata {
  /** In row-major order, flat. */
  data: (string | number | boolean)[];
}

export interface InferResponse {
  model_name: string;
  model_version: string;
  id?: string;
  outputs: Tensor[];
}

/** An entry of the repository index. */
export interface IndexEntry {
  name: string;
  version: string;
  state: "READY" | "UNAVAILABLE";
  reason: string;
}

/** One row is one payment. All columns have as many rows; `text` or `description` must be among them. */
export const INPUTS: readonly TensorMetadata[] = [
  { name: "text", datatype: "BYTES", shape: [-1] },
  { name: "description", datatype: "BYTES", shape: [-1] },
  { name: "amount", datatype: "INT64", shape: [-1] },
  { name: "currency", datatype: "BYTES", shape: [-1] },
  { name: "date", datatype: "BYTES", shape: [-1] },
  { name: "account", datatype: "BYTES", shape: [-1] },
  { name: "counterparty_account", datatype: "BYTES", shape: [-1] },
  { name: "type", datatype: "BYTES", shape: [-1] },
];

/** How many categories the outputs `top` and `top_confidence` have at most, and without the parameter `k`. */
export const TOP = 3;

export const OUTPUTS: readonly TensorMetadata[] = [
  { name: "category", datatype: "BYTES", shape: [-1] },
  { name: "category_name", datatype: "BYTES", shape: [-1] },
  { name: "confidence", datatype: "FP64", shape: [-1] },
  { name: "abstained", datatype: "BOOL", shape: [-1] },
  { name: "path", datatype: "BYTES", shape: [-1] },
  { name: "reason", datatype: "BYTES", shape: [-1] },
  { name: "top", datatype: "BYTES", shape: [-1, TOP] },
  { name: "top_confidence", datatype: "FP64", shape: [-1, TOP] },
];

/** A request that is answered with an error: its status and its sentence, which is all that the caller is told. */
export class Refusal extends Error {
  constructor(
    readonly status: 400 | 401 | 404 | 405 | 408 | 413 | 415 | 500 | 503,
    message: string,
    /** Members beside `error`. */
    readonly more: Record<string, Json> = {},
  ) {
    super(message);
    this.name = "Refusal";
  }
}

/** The server was stopped while it worked on a request. */
export function stopped(): Refusal {
  return new Refusal(503, "The server was stopped before the request was done. Send it again.");
}

/** What a stranger wrote, quoted and short, for a sentence about it. What may be large is only named. */
export function quoted(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "an object";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 39)}…` : text);
}
