import { dayNumber, weekday } from "../../values";
import type { Example } from "../types";
import { cleanText } from "./clean";
import { hashText, join } from "./hash";
import { DAY, DEPTH, type LabelMemory } from "./memory";
import { FeatureVector } from "./vector";

/**
 * The one extractor of training and serving. Its version is stored with every model: a model is only ever served
 * with the features it was trained on.
 */
export const FEATURE_VERSION = 2;

/** Hashed text of one field, kept because the same shops come again and again. */
interface HashedText {
  clean: string;
  whole: number;
  full: number;
  first: number;
  words: Uint32Array;
  /** Word, pair and gram features, already joined with their field. */
  bag: Uint32Array;
}

/** Seeds that keep fields apart: a word of the description is not the same feature as a word of the name. */
const F = {
  bias: 1, word: 2, pair: 3, gram: 4, whole: 5, full: 6, descriptionWord: 7, descriptionPair: 8, descriptionGram: 9,
  descriptionWhole: 10, counterparty: 11, account: 12, accountWhole: 13, accountFirst: 14, sign: 15, bucket: 16,
  exact: 17, exactWhole: 18, bucketWhole: 19, bucketFirst: 20, weekday: 21, type: 22, typeBucket: 23, context: 24,
  contextWord: 25, contextWhole: 26, memory: 27, counterpartyBucket: 28, accountBucket: 29, contextBucket: 30,
  descriptionFull: 31, none: 32, exactCounterparty: 33, wholeDay: 34, fullBucket: 35,
} as const; // prettier-ignore

/** The keys of memory, in order. */
export const MEMORY_KEYS = [
  "account and text",
  "context and text",
  "text",
  "account",
  "account and first word",
  "first word",
  "counterparty account",
] as const;

/**
 * Keys that many accounts share, or that say little: what they had last is a feature for so many days only. A model that
 * leans on them goes wrong as soon as nobody labels any more; how much their old labels count is learned apart.
 */
const FADING: ReadonlySet<(typeof MEMORY_KEYS)[number]> = new Set([
  "text",
  "account",
  "first word",
  "counterparty account",
]);
const FADED_DAYS = 31;
const FADES = MEMORY_KEYS.map((key) => FADING.has(key));

const CACHE_LIMIT = 20_000;
/** Letters of a text that are cut into grams; what follows is rarely the name. */
const GRAM_REACH = 48;
/** Words and grams of a text overlap, so each counts for less than a feature that stands alone. */
const BAG = 0.7;
/** The last labels are the freshest and the most accidental witnesses: together they count, singly for less. */
const LAST = 0.5;
const MOST = 0.7;

/** Turns examples into sparse vectors and memory keys. Holds only caches: equal input gives equal output. */
export class FeatureExtractor {
  readonly version = FEATURE_VERSION;
  readonly vector = new FeatureVector();
  /** Memory keys of the example extracted last, one for each of {@link MEMORY_KEYS}; 0 where there is none. */
  readonly keys = new Uint32Array(MEMORY_KEYS.length);
  /** Features of the vector before this place are the payment's own; those from it on come from memory. */
  ownSize = 0;
  private names = new Map<string, HashedText>();
  private descriptions = new Map<string, HashedText>();
  private readonly weekdays = new Map<string, number>();

  /** The cleaned name that stands for the counterparty; the description stands in where there is no name. */
  cleanName(example: Example): string {
    return this.text(example).clean;
  }

  /** Fill {@link keys} only: cheaper than all features. */
  memoryKeys(example: Example): Uint32Array {
    return this.fillKeys(example, this.text(example));
  }

  /**
   * Fill {@link vector} (and {@link keys}) from an example and what memory knows before its label.
   * @param named also write the names of the features, for explanations
   */
  extract(example: Example, memory: LabelMemory | undefined, named = false): FeatureVector {
    const v = this.vector;
    v.clear(named);
    const text = this.text(example);
    this.fillKeys(example, text);
    v.add(F.bias, 1);
    if (named) v.name("always");
    this.bag(v, text);
    if (named) this.nameBag(v, example.text === "" ? example.description : example.text, F.word, text);
    const account = hashText(example.account, F.account);
    const first = text.first;
    const negative = example.amount < 0;
    const bucket = amountBucket(example.amount);
    const exact = join(F.exact, example.amount | 0);
    this.emit(v, text.whole, named, "name", text.clean);
    this.emit(v, text.full, named, "full name", text.clean);
    if (example.description !== "" && example.text !== "") {
      const description = this.hashed(this.descriptions, example.description, F.descriptionWord);
      this.bag(v, description);
      if (named) this.nameBag(v, example.description, F.descriptionWord, description);
    }
    if (example.counterpartyAccount) {
      const party = hashText(example.counterpartyAccount, F.counterparty);
      this.emit(v, party, named, "counterparty account", example.counterpartyAccount);
      this.emit(
        v,
        join(join(party, bucket), F.counterpartyBucket),
        named,
        "counterparty account and amount about",
        example.amount,
      );
      this.emit(
        v,
        join(join(party, exact), F.exactCounterparty),
        named,
        "counterparty account and amount",
        example.amount,
      );
    }
    this.emit(v, account, named, "own account", example.account);
    this.emit(v, join(join(account, text.whole), F.accountWhole), named, "own account and name", text.clean);
    this.emit(v, join(join(account, first), F.accountFirst), named, "own account and first word", text.clean);
    this.emit(v, join(F.sign, negative ? 1 : 0), named, "direction", negative ? "out" : "in");
    this.emit(v, join(F.bucket, bucket), named, "amount about", example.amount);
    this.emit(v, exact, named, "amount", example.amount);
    this.emit(v, join(join(exact, text.whole), F.exactWhole), named, "amount and name", text.clean);
    this.emit(v, join(join(text.whole, bucket), F.bucketWhole), named, "name and amount about", text.clean);
    this.emit(v, join(join(first, bucket), F.bucketFirst), named, "first word and amount about", text.clean);
    this.emit(
      v,
      join(join(account, bucket), F.accountBucket),
      named,
      "own account and amount about",
      example.amount,
    );
    const day = this.weekday(example.date);
    this.emit(v, join(F.weekday, day), named, "weekday", day);
    if (example.type) {
      const type = hashText(example.type, F.type);
      this.emit(v, type, named, "type", example.type);
      this.emit(v, join(join(type, bucket), F.typeBucket), named, "type and amount about", example.type);
    }
    const context = example.context;
    if (context) {
      for (let c = 0; c < context.length; c++) {
        if (context[c] === "") continue;
        const column = join(hashText(context[c]!, F.context), c);
        this.emit(v, column, named, "context", context[c]!);
        for (const word of text.words)
          this.emit(v, join(join(column, word), F.contextWord), named, "context and word", context[c]!);
        this.emit(v, join(join(column, text.whole), F.contextWhole), named, "context and name", context[c]!);
        this.emit(
          v,
          join(join(column, bucket), F.contextBucket),
          named,
          "context and amount about",
          context[c]!,
        );
      }
    }
    this.ownSize = v.size;
    if (memory) this.remember(v, memory, dayNumber(example.date), named);
    return v;
  }

  private fillKeys(example: Example, text: HashedText): Uint32Array {
    const account = hashText(example.account, F.account);
    const keys = this.keys;
    keys[0] = join(join(account, text.whole), 101);
    keys[1] = 0;
    if (example.context && example.context.length > 0) {
      keys[1] = join(join(join(hashText(example.context[0]!, F.context), 0), text.whole), 102);
    }
    keys[2] = join(text.whole, 103);
    keys[3] = join(account, 104);
    keys[4] = join(join(account, text.first), 105);
    keys[5] = join(text.first, 106);
    keys[6] = example.counterpartyAccount
      ? join(hashText(example.counterpartyAccount, F.counterparty), 107)
      : 0;
    return keys;
  }

  /** For every key: the last label, the last two in order, the most frequent, and how many differ. */
  private remember(v: FeatureVector, memory: LabelMemory, day: number, named: boolean): void {
    for (let k = 0; k < this.keys.length; k++) {
      const key = this.keys[k]!;
      if (key === 0) continue;
      const seed = join(F.memory, k);
      const at = memory.find(key);
      const slots = memory.slots;
      const n = at < 0 ? 0 : Math.min(DEPTH, slots[at]!);
      if (n === 0) {
        this.emit(v, join(seed, F.none), named, "nothing before for", MEMORY_KEYS[k]!);
        continue;
      }
      if (FADES[k] && day - slots[at + DAY]! > FADED_DAYS) continue;
      const last = slots[at + 1]!;
      let most = last;
      let mostCount = 0;
      let distinct = 0;
      for (let i = 1; i <= n; i++) {
        let count = 0;
        let isFirst = true;
        for (let j = 1; j <= n; j++) {
          if (slots[at + j] !== slots[at + i]) continue;
          if (j < i) isFirst = false;
          count++;
        }
        if (isFirst) distinct++;
        if (count > mostCount) {
          mostCount = count;
          most = slots[at + i]!;
        }
      }
      const previous = n > 1 ? slots[at + 2]! : 0xffff;
      this.emit(v, join(join(seed, 1), last), named, "last category for", MEMORY_KEYS[k]!, LAST);
      this.emit(
        v,
        join(join(join(seed, 2), last), previous),
        named,
        "last two categories for",
        MEMORY_KEYS[k]!,
        LAST,
      );
      this.emit(
        v,
        join(join(join(seed, 3), most), mostCount),
        named,
        "most frequent category for",
        MEMORY_KEYS[k]!,
        MOST,
      );
      this.emit(v, join(join(join(seed, 4), distinct), n), named, "how settled is", MEMORY_KEYS[k]!);
    }
  }

  private bag(v: FeatureVector, text: HashedText): void {
    const bag = text.bag;
    for (let i = 0; i < bag.length; i++) v.add(bag[i]!, BAG);
  }

  /** Names are made again only when someone asks why: keeping them would cost more memory than the model. */
  private nameBag(v: FeatureVector, raw: string, field: number, text: HashedText): void {
    const names: string[] = [];
    hashField(raw, field, names);
    const from = v.size - text.bag.length;
    names.forEach((name, i) => (v.names[from + i] = name));
  }

  private emit(
    v: FeatureVector,
    hash: number,
    named: boolean,
    name: string,
    of: string | number,
    value = 1,
  ): void {
    v.add(hash, value);
    if (named) v.name(`${name} ${of}`);
  }

  private weekday(date: string): number {
    let day = this.weekdays.get(date);
    if (day === undefined) {
      if (this.weekdays.size > CACHE_LIMIT) this.weekdays.clear();
      day = weekday(date);
      this.weekdays.set(date, day);
    }
    return day;
  }

  private text(example: Example): HashedText {
    return this.hashed(this.names, example.text === "" ? example.description : example.text, F.word);
  }

  private hashed(cache: Map<string, HashedText>, raw: string, field: number): HashedText {
    let found = cache.get(raw);
    if (found) return found;
    if (cache.size > CACHE_LIMIT) cache.clear();
    found = hashField(raw, field);
    cache.set(raw, found);
    return found;
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
  };
}

/** Half powers of two of the size, apart by direction: amounts of about the same size share a bucket. */
export function amountBucket(amount: number): number {
  const size = Math.round(2 * Math.log2(1 + Math.abs(amount)));
  return amount < 0 ? 128 + size : size;
}
