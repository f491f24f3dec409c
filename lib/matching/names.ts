import { nameWords, wordSimilarity } from "./similarity";

/** A name as matching sees it. */
export interface Name {
  words: readonly string[];
  /** A number for its first words; names that begin alike have the same. */
  key: number;
}

/** How alike two names are, from "one of them is not there" to "the same words". */
export const LIKENESS = { unknown: 0, none: 1, some: 2, half: 3, within: 4, same: 5 } as const;
export type Likeness = (typeof LIKENESS)[keyof typeof LIKENESS];
export const LIKENESSES = 6;

/** Names read once: the same ones come again and again. */
export class Names {
  private known = new Map<string, Name>();

  of(text: string): Name {
    const known = this.known.get(text);
    if (known) return known;
    // Emptied rather than grown: an account may hold a million different texts.
    if (this.known.size >= KEPT) this.known = new Map();
    const words = nameWords(text);
    const name = { words, key: keyOf(words) };
    this.known.set(text, name);
    return name;
  }
}

const KEPT = 20_000;
/** Words that make the key: what follows is often a place or a text of the day. */
const KEY_WORDS = 3;

function keyOf(words: readonly string[]): number {
  let hash = 0;
  for (let at = 0; at < Math.min(KEY_WORDS, words.length); at++) {
    const word = words[at]!;
    for (let i = 0; i < word.length; i++) hash = (Math.imul(hash, 31) + word.charCodeAt(i)) | 0;
    hash = (Math.imul(hash, 31) + 32) | 0;
  }
  return hash >>> 0;
}

/** How alike two names are, and in hundredths (the Dice coefficient over words) for people. */
export function likenessOf(a: Name, b: Name): { level: Likeness; percent: number } {
  if (a.words.length === 0 || b.words.length === 0) return { level: LIKENESS.unknown, percent: 0 };
  const dice = wordSimilarity(a.words, b.words);
  const percent = Math.round(dice * 100);
  if (dice === 0) return { level: LIKENESS.none, percent };
  if (dice === 1) return { level: LIKENESS.same, percent };
  const common = (dice * (a.words.length + b.words.length)) / 2;
  // A bank's long text around a short name says as much for it as the name alone.
  const share = common / Math.min(a.words.length, b.words.length);
  if (share > 0.99) return { level: LIKENESS.within, percent };
  return { level: share >= 0.5 ? LIKENESS.half : LIKENESS.some, percent };
}
