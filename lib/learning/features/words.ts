import type { Example } from "../types";
import { hashText, join } from "./hash";
import { F } from "./seeds";
import { FeatureVector } from "./vector";

const TEXTS = 20_000;
const WORD = /[\p{L}\p{N}_]{2,}/gu;
/** Words of a text that are read. */
const REACH = 64;
/** What a word counts, and of how many words and runs of words each counts for less, so that a long text is no louder. */
const SHARE = 1.5;
const BAG_SIZE = 16;

interface Bag {
  hashes: Uint32Array;
  share: number;
}

/**
 * Reads an example as people read it: the words of its texts as they stand, numbers too, two and three in a row; its
 * accounts; and nothing of amounts, days or what was before. Long descriptions say most by their words, which the
 * {@link FeatureExtractor} takes for a bank's string and cleans.
 */
export class WordExtractor {
  private readonly vector = new FeatureVector();
  /** By field, since the same text has other hashes in another. */
  private readonly known: Map<string, Bag>[] = [];

  /** @param named also write the names of the features, for explanations; valid until the next call */
  extract(example: Example, named = false): FeatureVector {
    const v = this.vector;
    v.clear(named);
    v.add(F.bias, 1);
    if (named) v.name("always");
    this.bag(example.text, F.plainText, named);
    this.bag(example.description, F.plainDescription, named);
    this.bag(example.type, F.plainType, named);
    const { context, counterpartyAccount } = example;
    if (context) for (let c = 0; c < context.length; c++) this.bag(context[c], F.plainContext + 3 * c, named);
    v.add(hashText(example.account, F.account), 1);
    if (named) v.name(`own account ${example.account}`);
    if (counterpartyAccount) {
      v.add(hashText(counterpartyAccount, F.counterparty), 1);
      if (named) v.name(`counterparty account ${counterpartyAccount}`);
    }
    return v;
  }

  private bag(text: string | undefined, field: number, named: boolean): void {
    if (!text) return;
    const v = this.vector;
    const known = (this.known[field] ??= new Map());
    let bag = known.get(text);
    if (!bag) {
      if (known.size > TEXTS) known.clear();
      const hashes = Uint32Array.from(read(text, field).keys());
      bag = { hashes, share: SHARE * Math.min(1, Math.sqrt(BAG_SIZE / hashes.length)) };
      known.set(text, bag);
    }
    v.beginGroup();
    for (let i = 0; i < bag.hashes.length; i++) v.add(bag.hashes[i]!, bag.share);
    v.endGroup();
    if (!named) return;
    const from = v.size - bag.hashes.length;
    [...read(text, field).values()].forEach((name, i) => (v.names[from + i] = name));
  }
}

/** Words, pairs and triples of a text, each once: by hash, what they are for people. */
function read(text: string, field: number): Map<number, string> {
  const words = (text.toLowerCase().match(WORD) ?? []).slice(0, REACH);
  const hashes = words.map((word) => hashText(word, field));
  const found = new Map<number, string>();
  const put = (hash: number, name: string) => {
    if (!found.has(hash)) found.set(hash, name);
  };
  words.forEach((word, i) => put(hashes[i]!, `word ${word}`));
  for (let i = 1; i < words.length; i++) {
    const pair = join(join(hashes[i - 1]!, hashes[i]!), field + 1);
    put(pair, `words ${words[i - 1]!} ${words[i]!}`);
    if (i === 1) continue;
    const triple = join(join(join(hashes[i - 2]!, hashes[i - 1]!), hashes[i]!), field + 2);
    put(triple, `words ${words[i - 2]!} ${words[i - 1]!} ${words[i]!}`);
  }
  return found;
}
