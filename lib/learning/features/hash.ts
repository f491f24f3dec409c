/**
 * 32-bit hashes of feature names. Text is hashed by FNV-1a over UTF-16 code units (Fowler, Noll, Vo; draft-eastlake-fnv),
 * parts are joined and scattered by the finaliser of MurmurHash3 (Appleby). All results are unsigned.
 */

const FNV_PRIME = 0x01000193;
const FNV_OFFSET = 0x811c9dc5;

/** FNV-1a of a part of a text, begun from a seed so that equal texts in different fields differ. */
export function hashText(text: string, seed = 0, from = 0, to = text.length): number {
  let h = FNV_OFFSET ^ seed;
  for (let i = from; i < to; i++) h = Math.imul(h ^ text.charCodeAt(i), FNV_PRIME);
  return mix(h);
}

/** One hash of two, in which the order of the two counts. */
export function join(a: number, b: number): number {
  return mix(Math.imul(a, 0x9e3779b1) ^ (b + 0x7f4a7c15));
}

/** MurmurHash3's 32-bit finaliser: every input bit moves every output bit. Zero never comes out. */
export function mix(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  h ^= h >>> 16;
  return h === 0 ? 1 : h >>> 0;
}
