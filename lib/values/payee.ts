/**
 * Names of payees as people want to read them, out of what banks write: `CCV*CAFE DE ZWAAN 4482 AMSTERDAM NLD` becomes
 * `Cafe De Zwaan`. What a terminal, a date or a card put there is taken off, in any language: it is told by its form.
 */

/** Before the name: what tills, terminals, payment services and kinds of payment put there. */
const SERVICES =
  /^(?:sumup|sum up|zettle|izettle|iz|sq|sqr|square|ccv|bck|pp|paypal|payu|payone|adyen|mollie|stripe|klarna|tikkie|worldline|nets|nexi|wpy|zlr|tst|toast|ec|vivawallet|viva|dojo|google pay|google|apple pay|alipay|amzn mktp|bea|gea|pos|betaalautomaat|geldautomaat|betaalpas|kaartbetaling|pinbetaling|contactloos|contactless|card payment(?: to)?|card purchase|purchase at|kartenzahlung|lastschrift|paiement (?:par )?carte|carte|compra(?: con)? tarjeta|tarjeta|pagamento carta|visa|mastercard|maestro|v ?pay)\b\s*(?:[*\\/:,·]|\s-\s)+\s*/iu;
/** The same words where only a blank follows: few enough not to be the beginning of a name. */
const WORDS =
  /^(?:betaalautomaat|geldautomaat|betaalpas|kaartbetaling|pinbetaling|card payment to|card purchase|kartenzahlung|paiement (?:par )?carte|compra(?: con)? tarjeta|pagamento carta|apple pay|google pay)\s+/iu;
/** And before the moment or the number of a card. */
const CARDS = /^(?:carte|cb|karte|card|kaart|tarjeta|carta)\s+(?=\d)/iu;
/** Any short code with an asterisk after it: `XYZ*`, `IZ *`. */
const STARRED = /^[\p{L}\p{N}][\p{L}\p{N} .]{0,9}\s?\*+\s*/u;

const MONTHS = "jan|feb|mar|mrt|mär|apr|may|mei|mai|jun|jul|aug|sep|oct|okt|nov|dec|dez";
/** Moments of the till and validity of a card. */
const MOMENTS = [
  /(?<![\p{L}\p{N}])\d{4}[-./]\d{1,2}[-./]\d{1,2}(?:[t ]\d{1,2}[:.]\d{2}(?:[:.]\d{2})?)?(?![\p{L}\p{N}])/giu,
  /(?<![\p{L}\p{N}])\d{1,2}[-./]\d{1,2}[-./]\d{2,4}(?:[ /]+\d{1,2}[:.]\d{2}(?:[:.]\d{2})?)?(?![\p{L}\p{N}])/gu,
  /(?<![\p{L}\p{N}])\d{1,2}[:h]\d{2}(?::\d{2})?(?: ?(?:uur|uhr|am|pm))?(?![\p{L}\p{N}])/giu,
  new RegExp(
    `(?<![\\p{L}\\p{N}])\\d{1,2}[ -]?(?:${MONTHS})\\p{L}{0,6}[ -]?(?:\\d{2}|\\d{4})?(?![\\p{L}\\p{N}])`,
    "giu",
  ),
];
/** `xxxx1234`, `**** 1234`, `pas 012`, `card 1234`, `PASVOLGNR 004`, `NR:12345`, `terminal A1B2C3`, `ref 123456`. */
const MARKED =
  /(?<![\p{L}\p{N}])(?:[x*•]{2,}[ -]?\d{2,6}|(?:pas(?:volgn(?:umme)?r)?|card|karte|carte|tarjeta|kaart(?:nummer)?|terminal|term|tid|nr|no|ref|auth|transactie|trans)[ .:#-]*(?=[\p{L}]{0,3}\d)[\p{L}\p{N}]{2,}|#\d+)(?![\p{L}\p{N}])/giu;
/** A country or its code after the place. */
const COUNTRY =
  /[ ,/\\](?:nld?|gbr?|uk|usa?|deu?|bel?|fra?|esp?|ita?|irl?|lux?|aut?|prt?|pol|che|dnk|swe|nor|fin|netherlands|nederland|germany|deutschland|belgi[eëu]m?|france|ireland|luxembourg)$/iu;
/** Numbers of a branch or a till: three and more digits, or letters and digits of a terminal. */
const BRANCH = /^(?:\d{3,}|(?=\p{L}*\d)(?=\d*\p{L})[\p{Lu}\d]{6,})$/u;

/**
 * A payee's name without what the bank and the till added. Never blank unless the text is; the same again for what it
 * returned; case as given, except that a name all in capitals is written as names are.
 * @param raw name of the counterparty or a description, any length
 */
export function cleanPayee(raw: string): string {
  const text = fold(raw.slice(0, 300));
  let name = text;
  // What was taken off may uncover more of it: until nothing changes, so that cleaning again changes nothing.
  for (let round = 0; round < 20; round++) {
    const next = once(name);
    if (next === name) return name;
    name = next;
  }
  return name;
}

function once(text: string): string {
  let name = text;
  for (const prefix of [SERVICES, WORDS, CARDS, STARRED]) name = kept(name, name.replace(prefix, ""));
  // Banks that write `SHOP\CITY\NLD` separate by the backslash; what follows is a place.
  const backslash = name.indexOf("\\");
  if (backslash > 2) name = kept(name, name.slice(0, backslash));
  for (const moment of [...MOMENTS, MARKED]) name = kept(name, fold(name.replace(moment, " ")));
  name = withoutPlace(name);
  name = kept(name, name.replace(/^[\s,;:*\\/|·#-]+|[\s,;:*\\/|·#-]+$/gu, ""));
  return capitalised(fold(name));
}

/** The name up to its terminal's or branch's number, where a place follows the number; without a country at its end. */
function withoutPlace(name: string): string {
  const landless = name.replace(COUNTRY, "");
  const words = landless.split(" ");
  const at = words.findIndex((word, n) => n > 0 && BRANCH.test(word));
  if (at > 0) return kept(name, words.slice(0, at).join(" "));
  // Without a number a country's code may be the end of a name: it goes only where a till has put it in capitals.
  return /\p{Ll}/u.test(name) || words.length < 2 ? name : kept(name, landless);
}

/** The shorter text, unless too little of a name is left of it. */
function kept(before: string, after: string): string {
  const name = fold(after);
  return (name.match(/\p{L}/gu)?.length ?? 0) >= 2 ? name : before;
}

function fold(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/** `ALBERT HEIJN` as `Albert Heijn`; short words without a vowel (`BV`, `NS`, `KPN`) stay as they are. */
function capitalised(name: string): string {
  if (/\p{Ll}/u.test(name) || (name.match(/\p{Lu}/gu)?.length ?? 0) < 5) return name;
  return name.replace(/\p{L}+/gu, (word) =>
    word.length <= 3 && !/[aeiouyáéíóúäëïöü]/iu.test(word) ? word : word[0]! + word.slice(1).toLowerCase(),
  );
}
