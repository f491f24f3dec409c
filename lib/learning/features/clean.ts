/**
 * Bank strings carry noise round the name that matters: terminal numbers, dates and times of the till, card
 * numbers, city and country. Cleaning takes off what changes from visit to visit, so that the same shop is the same
 * text, whatever the bank.
 */

export interface CleanText {
  /** Lower case, no accents, noise removed: `albert heijn`. */
  whole: string;
  /** Its words, and those of the place that may follow, without numbers of three and more digits. */
  words: string[];
}

/** `12:31`, `2024-03-05`, `05-03-24`, `05.03.2024`, `20240305`, `05mar24`: moments of the till. */
const MOMENTS =
  /\b(?:\d{1,2}[:h]\d{2}(?::\d{2})?(?: ?uur)?|\d{4}[-./]\d{1,2}[-./]\d{1,2}(?:t\d{2})?|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|(?:19|20)\d{2}[01]\d[0-3]\d|[0-3]?\d ?(?:jan|feb|mar|apr|may|mei|jun|jul|aug|sep|oct|okt|nov|dec)[a-z]* ?(?:\d{2,4})?)\b/g;
/** Card numbers masked by their bank, and references that are mostly digits. */
const MASKED = /\b[a-z]{0,4}[x*]{2,}[ -]?\d{2,6}\b/g;
/** A country at the end of a card payment, after the city. */
const COUNTRY = /[ ,\\/](?:nld?|gbr?|uk|usa?|deu?|bel?|fra?|esp?|ita?|irl?|lux?|aut?|prt?|pl|pol|che)$/;
/** What tills, terminals and payment services put before the name of the shop. */
const PREFIXES =
  /^(?:(?:bea|gea|pos|ccv|bck|sumup|zettle|izettle|paypal|pp|sq|adyen|mollie|stripe|klarna|google pay|apple pay|betaalautomaat|betaalpas|kaartbetaling|card payment to|card purchase|contactless|direct debit|visa|mastercard|maestro)(?: ?[*\\:] ?|, )|(?:betaalpas|betaalautomaat|kaartbetaling|google pay|apple pay|card payment to) )+/;

/** Clean one text: the name of a counterparty or the description of a payment. Cheap enough for every payment. */
export function cleanText(text: string): CleanText {
  let body = text.length > 400 ? text.slice(0, 400) : text;
  body = body.normalize("NFKD").toLowerCase();
  if (!ASCII.test(body)) body = body.replace(/\p{M}+/gu, "");
  // Banks that write `SHOP\CITY\NLD` separate by the backslash; what follows is a place.
  const backslash = body.indexOf("\\");
  if (backslash > 2) body = body.slice(0, backslash);
  body = body.trim();
  if (HAS_DIGIT.test(body)) body = body.replace(MOMENTS, " ").replace(MASKED, " ");
  const named = body.replace(PREFIXES, "");
  if (named.length >= 3) body = named.trim();
  const landless = body.replace(COUNTRY, "");
  if (landless.length >= 3 && landless !== body && HAS_DIGIT.test(landless)) body = landless;
  const tokens = body.split(SEPARATORS).filter((token) => token !== "");
  const words: string[] = [];
  const head: string[] = [];
  let cut = false;
  for (const token of tokens) {
    const word = token.replace(/\d{3,}$/, "");
    if (word !== token) {
      // A number of three and more digits is a terminal's or a branch's; a place follows it.
      if (word.length >= 2) {
        words.push(word);
        if (!cut) head.push(word);
      }
      if (head.some((part) => part.length >= 3)) cut = true;
      continue;
    }
    words.push(word);
    if (!cut) head.push(word);
  }
  const whole = head.join(" ");
  return {
    whole: whole.length >= 2 ? whole : tokens.join(" "),
    words: words.length > 24 ? words.slice(0, 24) : words,
  };
}

const ASCII = /^[\x00-\x7f]*$/;
const HAS_DIGIT = /\d/;
const SEPARATORS = /[^\p{L}\p{N}&]+/u;
