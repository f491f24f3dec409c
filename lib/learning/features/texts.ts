import { cleanText } from "./clean";
import { hashText } from "./hash";
import { F } from "./seeds";

/** Hashed text of one field, kept because the same shops come again and again. */
export interface HashedText {
  clean: string;
  whole: number;
  /** The first word. */
  first: number;
  words: Uint32Array;
  /** Every four letters in a row. */
  grams: Uint32Array;
  /** What each of them counts. */
  share: number;
}

const TEXTS = 20_000;
/** Letters of a text that are cut into grams; what follows is rarely the name. */
const GRAM_REACH = 48;
/** Grams overlap, so each counts for less than a feature that stands alone. */
const GRAM = 0.7;
/** Of more grams than these, as long descriptions have, each counts for less: together for as much as the root of these. */
const GRAMS = 32;

/** Hash texts of one field, and keep what came last. */
export class HashedTexts {
  private readonly known = new Map<string, HashedText>();

  /**
   * @param word seed of its words
   * @param gram seed of its letters
   */
  constructor(
    private readonly word: number,
    private readonly gram: number,
  ) {}

  of(raw: string): HashedText {
    let found = this.known.get(raw);
    if (found) return found;
    if (this.known.size > TEXTS) this.known.clear();
    found = this.hash(raw);
    this.known.set(raw, found);
    return found;
  }

  private hash(raw: string): HashedText {
    const clean = cleanText(raw);
    const words = Uint32Array.from(clean.words, (word) => hashText(word, this.word));
    const text = ` ${clean.words.join(" ").slice(0, GRAM_REACH)} `;
    const grams = new Uint32Array(Math.max(0, text.length - 3));
    for (let i = 0; i < grams.length; i++) grams[i] = hashText(text, this.gram, i, i + 4);
    return {
      clean: clean.whole,
      whole: hashText(clean.whole, F.whole),
      first: words[0] ?? F.none,
      words,
      grams,
      share: GRAM * Math.min(1, Math.sqrt(GRAMS / grams.length)),
    };
  }
}
