import { cleanText } from "./clean";
import { hashText, join } from "./hash";
import { F } from "./seeds";

/** Hashed text of one field, kept because the same shops come again and again. */
export interface HashedText {
  clean: string;
  whole: number;
  full: number;
  first: number;
  words: Uint32Array;
  /** Word, pair and gram features, already joined with their field. */
  bag: Uint32Array;
  /** What each of them counts. */
  share: number;
}

const TEXTS = 20_000;
/** Letters of a text that are cut into grams; what follows is rarely the name. */
const GRAM_REACH = 48;
/** Words and grams of a text overlap, so each counts for less than a feature that stands alone. */
const BAG = 0.7;
/** Of more words and grams than these, as long descriptions have, each counts for less: together for as much as the root of these. */
const BAG_SIZE = 32;

/** Hash texts of one kind of field, and keep what came last. */
export class HashedTexts {
  private readonly known = new Map<string, HashedText>();

  /** @param field seed of its words; the two after it are those of pairs and letters */
  constructor(private readonly field: number) {}

  of(raw: string): HashedText {
    let found = this.known.get(raw);
    if (found) return found;
    if (this.known.size > TEXTS) this.known.clear();
    found = hashField(raw, this.field);
    this.known.set(raw, found);
    return found;
  }

  /** What the parts of the bag of a text are, in its order. */
  namesOf(raw: string): string[] {
    const names: string[] = [];
    hashField(raw, this.field, names);
    return names;
  }
}

function hashField(raw: string, field: number, names?: string[]): HashedText {
  const clean = cleanText(raw);
  const words = new Uint32Array(clean.words.length);
  const bag: number[] = [];
  clean.words.forEach((word, i) => {
    words[i] = hashText(word, field);
    bag.push(words[i]!);
    names?.push(`word ${word}`);
    if (i === 0) return;
    bag.push(join(join(words[i - 1]!, words[i]!), field + 1));
    names?.push(`words ${clean.words[i - 1]!} ${word}`);
  });
  const text = ` ${clean.words.join(" ").slice(0, GRAM_REACH)} `;
  for (let i = 0; i + 4 <= text.length; i++) {
    bag.push(hashText(text, field + 2, i, i + 4));
    names?.push(`letters ${text.slice(i, i + 4)}`);
  }
  return {
    clean: clean.whole,
    whole: hashText(clean.whole, F.whole),
    full: hashText(clean.full, F.full),
    first: words[0] ?? F.none,
    words,
    bag: Uint32Array.from(bag),
    share: BAG * Math.min(1, Math.sqrt(BAG_SIZE / bag.length)),
  };
}
