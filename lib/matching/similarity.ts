/** How alike two names are, for breaking ties between payments and transactions of the same amount. */

/** Words of a name in lower case without accents, digits and legal forms. */
export function nameWords(text: string): string[] {
  return text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter((word) => word.length > 1 && !LEGAL_FORMS.has(word));
}

const LEGAL_FORMS = new Set([
  "bv",
  "nv",
  "gmbh",
  "ag",
  "ltd",
  "inc",
  "llc",
  "sa",
  "srl",
  "plc",
  "the",
  "de",
  "het",
]);

/**
 * 0 (nothing in common) to 1 (the same words): the Dice coefficient over words, where a word that begins another
 * counts as the same ("albert" and "alberth").
 */
export function nameSimilarity(a: string, b: string): number {
  return wordSimilarity(nameWords(a), nameWords(b));
}

/** {@link nameSimilarity} of names whose words are known. */
export function wordSimilarity(left: readonly string[], right: readonly string[]): number {
  if (left.length === 0 || right.length === 0) return 0;
  const free = [...right];
  let common = 0;
  for (const word of left) {
    const at = free.findIndex(
      (other) =>
        other === word ||
        (Math.min(word.length, other.length) > 3 && (other.startsWith(word) || word.startsWith(other))),
    );
    if (at < 0) continue;
    free.splice(at, 1);
    common++;
  }
  return (2 * common) / (left.length + right.length);
}
