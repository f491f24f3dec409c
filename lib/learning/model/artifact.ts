import { endianness } from "node:os";
import { canonicalJson, parsingJson, TallyError, type Json } from "../../values";
import type { EstimatorState, TypedArray } from "../estimators";

/**
 * A model as bytes: `TFM1`, length of the header, a canonical JSON header that names the arrays, then the arrays,
 * each at a multiple of eight. Little-endian. Equal models are equal bytes.
 */
const MAGIC = 0x314d4654;
const TYPES = { Uint8Array, Uint16Array, Uint32Array, Int32Array, Float32Array, Float64Array } as const;
type TypeName = keyof typeof TYPES;

interface Header {
  meta: Json;
  arrays: { name: string; type: TypeName; offset: number; length: number }[];
}

/** Write a state as bytes. */
export function encodeArtifact(state: EstimatorState): Uint8Array {
  requireLittleEndian();
  const names = Object.keys(state.arrays).sort();
  const header: Header = { meta: state.meta, arrays: [] };
  let offset = 0;
  for (const name of names) {
    const array = state.arrays[name]!;
    header.arrays.push({ name, type: array.constructor.name as TypeName, offset, length: array.length });
    offset = align(offset + array.byteLength);
  }
  const text = Buffer.from(canonicalJson(header), "utf8");
  const start = align(8 + text.length);
  const bytes = new Uint8Array(start + offset);
  new DataView(bytes.buffer).setUint32(0, MAGIC, true);
  new DataView(bytes.buffer).setUint32(4, text.length, true);
  bytes.set(text, 8);
  for (const entry of header.arrays) {
    const array = state.arrays[entry.name]!;
    bytes.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), start + entry.offset);
  }
  return bytes;
}

/**
 * Read a state from bytes; the arrays are copies. Pauses between its parts.
 * @throws TallyError MODEL_MISSING when these are not the bytes of a model
 */
export function* decodeArtifact(bytes: Uint8Array): Generator<void, EstimatorState> {
  requireLittleEndian();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || view.getUint32(0, true) !== MAGIC) throw broken();
  const length = view.getUint32(4, true);
  if (8 + length > bytes.length) throw broken();
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + 8, length).toString("utf8");
  yield;
  const header = (yield* parsingJson(text)) as Header;
  const start = align(8 + length);
  const arrays: Record<string, TypedArray> = {};
  for (const { name, type, offset, length: count } of header.arrays) {
    const Type = TYPES[type];
    const from = start + offset;
    const to = from + count * Type.BYTES_PER_ELEMENT;
    if (to > bytes.length) throw broken();
    const copy = bytes.slice(from, to);
    arrays[name] = new Type(copy.buffer, 0, count);
    yield;
  }
  return { meta: header.meta, arrays };
}

function align(n: number): number {
  return (n + 7) & ~7;
}

function broken(): TallyError {
  return new TallyError("MODEL_MISSING", "A stored model is damaged and cannot be read. Train again.");
}

function requireLittleEndian(): void {
  if (endianness() !== "LE") {
    throw new TallyError("CONFIG_INVALID", "Models can only be stored on little-endian machines.");
  }
}
