import { dayNumber, weekdayOf } from "../../values";
import type { Example } from "../types";
import { hashText, join } from "./hash";
import { DAY, DEPTH, type LabelMemory } from "./memory";
import { F } from "./seeds";
import { HashedTexts, type HashedText } from "./texts";
import { FeatureVector } from "./vector";

/**
 * The one extractor of training and serving. Its version is stored with every model: a model is only ever served
 * with the features it was trained on.
 */
export const FEATURE_VERSION = 3;

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

/** Days that are kept as numbers. */
const DAYS = 20_000;
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
  /** Where memory holds each of {@link keys} for the example extracted last, or -1; of the memory that was given. */
  readonly found = new Int32Array(MEMORY_KEYS.length);
  /** The day of the example extracted last, since 1970. */
  day = 0;
  private readonly names = new HashedTexts(F.word, F.gram);
  private readonly descriptions = new HashedTexts(F.descriptionWord, F.descriptionGram);
  private readonly days = new Map<string, number>();

  /** The cleaned name that stands for the counterparty; the description stands in where there is no name. */
  cleanName(example: Example): string {
    return this.text(example).clean;
  }

  /** Fill {@link keys} only: cheaper than all features. */
  memoryKeys(example: Example): Uint32Array {
    return this.fillKeys(example, this.text(example), hashText(example.account, F.account));
  }

  /**
   * Fill {@link vector}, {@link keys}, {@link found} and {@link day} from an example and what memory knows before its label.
   * @param named also write the names of the features, for explanations
   */
  extract(example: Example, memory: LabelMemory | undefined, named = false): FeatureVector {
    const v = this.vector;
    v.clear(named);
    const text = this.text(example);
    const account = hashText(example.account, F.account);
    const bucket = amountBucket(example.amount);
    this.day = this.dayOf(example.date);
    this.fillKeys(example, text, account);
    this.common(v, example, bucket, named);
    this.texts(v, example, text, named);
    this.emit(v, account, named, "own account", example.account);
    this.emit(
      v,
      join(join(account, bucket), F.accountBucket),
      named,
      "own account and amount about",
      example.amount,
    );
    if (example.type) {
      const type = hashText(example.type, F.type);
      this.emit(v, type, named, "type", example.type);
      this.emit(v, join(join(type, bucket), F.typeBucket), named, "type and amount about", example.type);
    }
    this.contexts(v, example, text, bucket, named);
    this.particulars(v, example, text, account, bucket, named);
    this.ownSize = v.size;
    this.found.fill(-1);
    if (memory) this.remember(v, memory, named);
    return v;
  }

  /** What thousands of payments have in common. */
  private common(v: FeatureVector, example: Example, bucket: number, named: boolean): void {
    const negative = example.amount < 0;
    const weekday = weekdayOf(this.day);
    v.beginGroup();
    v.add(F.bias, 1);
    if (named) v.name("always");
    this.emit(v, join(F.sign, negative ? 1 : 0), named, "direction", negative ? "out" : "in");
    this.emit(v, join(F.bucket, bucket), named, "amount about", example.amount);
    this.emit(v, join(F.weekday, weekday), named, "weekday", weekday);
    v.endGroup();
  }

  private texts(v: FeatureVector, example: Example, text: HashedText, named: boolean): void {
    v.beginGroup();
    this.letters(v, text, named, "letters of");
    this.emit(v, text.whole, named, "name", text.clean);
    v.endGroup();
    if (example.description === "" || example.text === "") return;
    v.beginGroup();
    this.letters(v, this.descriptions.of(example.description), named, "letters of description");
    v.endGroup();
  }

  private contexts(
    v: FeatureVector,
    example: Example,
    text: HashedText,
    bucket: number,
    named: boolean,
  ): void {
    const context = example.context;
    if (!context) return;
    const { words } = text;
    for (let c = 0; c < context.length; c++) {
      const value = context[c]!;
      if (value === "") continue;
      const column = join(hashText(value, F.context), c);
      this.emit(v, column, named, "context", value);
      this.emit(v, join(join(column, bucket), F.contextBucket), named, "context and amount about", value);
      v.beginGroup();
      for (let w = 0; w < words.length; w++)
        this.emit(v, join(join(column, words[w]!), F.contextWord), named, "context and word", value);
      this.emit(v, join(join(column, text.whole), F.contextWhole), named, "context and name", value);
      v.endGroup();
    }
  }

  /** What few payments have in common: single features, none of a group. */
  private particulars(
    v: FeatureVector,
    example: Example,
    text: HashedText,
    account: number,
    bucket: number,
    named: boolean,
  ): void {
    const { amount } = example;
    const { clean, whole, first } = text;
    const exact = join(F.exact, amount | 0);
    this.emit(v, join(join(account, whole), F.accountWhole), named, "own account and name", clean);
    this.emit(v, join(join(account, first), F.accountFirst), named, "own account and first word", clean);
    this.emit(v, exact, named, "amount", amount);
    this.emit(v, join(join(exact, whole), F.exactWhole), named, "amount and name", clean);
    this.emit(v, join(join(whole, bucket), F.bucketWhole), named, "name and amount about", clean);
    const iban = example.counterpartyAccount;
    if (!iban) return;
    const party = hashText(iban, F.counterparty);
    this.emit(v, party, named, "counterparty account", iban);
    const about = join(join(party, bucket), F.counterpartyBucket);
    this.emit(v, about, named, "counterparty account and amount about", amount);
    const exactly = join(join(party, exact), F.exactCounterparty);
    this.emit(v, exactly, named, "counterparty account and amount", amount);
  }

  private fillKeys(example: Example, text: HashedText, account: number): Uint32Array {
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

  /** For every key: the last label, the last two in order, and the most frequent. */
  private remember(v: FeatureVector, memory: LabelMemory, named: boolean): void {
    for (let k = 0; k < this.keys.length; k++) {
      const key = this.keys[k]!;
      if (key === 0) continue;
      const seed = join(F.memory, k);
      const at = memory.find(key);
      this.found[k] = at;
      const slots = memory.slots;
      if (at < 0) continue;
      const n = Math.min(DEPTH, slots[at]!);
      if (FADES[k] && this.day - slots[at + DAY]! > FADED_DAYS) continue;
      const last = slots[at + 1]!;
      let most = last;
      let mostCount = 0;
      for (let i = 1; i <= n; i++) {
        let count = 0;
        for (let j = 1; j <= n; j++) if (slots[at + j] === slots[at + i]) count++;
        if (count > mostCount) {
          mostCount = count;
          most = slots[at + i]!;
        }
        // What is left cannot be more often.
        if (mostCount >= n - i) break;
      }
      const previous = n > 1 ? slots[at + 2]! : 0xffff;
      v.beginGroup();
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
      v.endGroup();
    }
  }

  /** They are one thing to people, and so have one name. */
  private letters(v: FeatureVector, { grams, share, clean }: HashedText, named: boolean, name: string): void {
    for (let i = 0; i < grams.length; i++) this.emit(v, grams[i]!, named, name, clean, share);
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

  private dayOf(date: string): number {
    let day = this.days.get(date);
    if (day === undefined) {
      if (this.days.size > DAYS) this.days.clear();
      day = dayNumber(date);
      this.days.set(date, day);
    }
    return day;
  }

  private text(example: Example): HashedText {
    return this.names.of(example.text === "" ? example.description : example.text);
  }
}

/** Half powers of two of the size, apart by direction: amounts of about the same size share a bucket. */
export function amountBucket(amount: number): number {
  const size = Math.round(2 * Math.log2(1 + Math.abs(amount)));
  return amount < 0 ? 128 + size : size;
}
