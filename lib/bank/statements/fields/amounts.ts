import { currencyExponent } from "../../../values";

/**
 * Amounts as banks write them. A cell is first taken apart without knowing its decimal mark; the mark is decided over
 * all cells of a column (or file), and only then does a cell become a number. A cell that does not fit the mark
 * decided on is refused rather than read a hundred times too large.
 */

export type Mark = "." | ",";

/** A cell that has the form of an amount, taken apart. */
export interface AmountText {
  /** Digits with their marks, blanks and apostrophes between groups kept as `'`. */
  body: string;
  /** `-` or `+` where one is written, parentheses counting as `-`. */
  sign?: "-" | "+";
  /** Letters after the number that tell the direction (`CR`, `DR`, `C`, `D`, `S`, `H`). */
  suffix?: "in" | "out";
  /** ISO code or sign of a currency, as written. */
  currency?: string;
}

const SIGNS = "€£$¥₹₽₺₩₪₴₫฿₦₱₲₡₵₸₼₾円元원";
const WORDS =
  "kr\\.?|kn|zł|zl|Kč|Kc|Ft|lei|лв\\.?|руб\\.?|R\\$|C\\$|A\\$|US\\$|HK\\$|S\\$|NZ\\$|CA\\$|AU\\$|Rs\\.?|Fr\\.?|SFr\\.?|Euro?s?|RMB|NT\\$|MX\\$|Rp\\.?|RM|Lt|Ls|ден\\.?|грн\\.?|TL|р\\.?|kn\\.?|din\\.?";
const CURRENCY = `[A-Z]{3}|[${SIGNS}]|${WORDS}`;
const FORM = new RegExp(
  `^(?<c0>${CURRENCY})?\\s*(?<open>\\()?\\s*(?<s1>[-+])?\\s*(?<c1>${CURRENCY})?\\s*(?<s2>[-+])?\\s*` +
    `(?<body>\\d[\\d.,' ]*|[.,]\\d+)(?<s3>[-+])?\\s*(?<c2>${CURRENCY})?\\s*(?<s4>[-+])?\\s*` +
    `(?<suffix>(?:CR|DR|Cr|Dr|cr|dr)\\.?|\\((?:CR|DR|Cr|Dr|cr|dr)\\.?\\)|[CDSHK])?\\s*(?<close>\\))?$`,
  "u",
);

/** Take a cell apart; undefined when it does not have the form of an amount. */
export function lexAmount(text: string): AmountText | undefined {
  if (text.length > 40 || !/\d/.test(text)) return undefined;
  // The commonest form by far, without the work of the long pattern.
  if (/^[-+]?\d+(?:[.,]\d+)?$/.test(text)) {
    const signed = text[0] === "-" || text[0] === "+";
    const plain: AmountText = { body: signed ? text.slice(1) : text };
    if (signed) plain.sign = text[0] as "-" | "+";
    return plain;
  }
  const tidy = (/[\uff00-\uffef]/.test(text) ? text.normalize("NFKC") : text)
    .replace(/[\u00a0\u202f\u2009\u2007\t]/g, " ")
    .replace(/[\u2212\u2013\u2010\u2011]/g, "-")
    .replace(/[\u2019\u00b4`]/g, "'")
    .trim()
    .replace(/([.,])-{1,2}$/, "$100");
  const groups = FORM.exec(tidy)?.groups;
  if (!groups) return undefined;
  if (Boolean(groups["open"]) !== Boolean(groups["close"])) return undefined;
  const signs = [
    groups["open"] && groups["s1"] !== "-" && groups["s2"] !== "-" ? "-" : "",
    groups["s1"],
    groups["s2"],
    groups["s3"],
    groups["s4"],
  ].filter(Boolean);
  const currencies = [groups["c0"], groups["c1"], groups["c2"]].filter(Boolean);
  if (signs.length > 1 || currencies.length > 1) return undefined;
  const body = groups["body"]!.trim().replace(/[ ']+/g, "'");
  // Blanks and apostrophes may stand between groups of three digits only.
  if (body.includes("'") && !/^\d{1,3}('\d{3})+([.,]\d*)?$/.test(body)) return undefined;
  if (![...FORM_COMMA, ...FORM_DOT].some((pattern) => pattern.test(body))) return undefined;
  const result: AmountText = { body };
  if (signs.length === 1) result.sign = signs[0] as "-" | "+";
  const suffix = groups["suffix"]?.toUpperCase().replace(/[().]/g, "");
  if (suffix) result.suffix = suffix === "D" || suffix === "DR" || suffix === "S" ? "out" : "in";
  const currency = currencies[0];
  if (currency) result.currency = currency;
  return result;
}

/** What one cell says about the decimal mark: a mark, `both-ways` when it fits either, or nothing. */
export function markEvidence(body: string): Mark | "both-ways" | undefined {
  const dot = body.lastIndexOf(".");
  const comma = body.lastIndexOf(",");
  if (dot < 0 && comma < 0) return undefined;
  if (dot >= 0 && comma >= 0) return dot > comma ? "." : ",";
  const mark: Mark = dot >= 0 ? "." : ",";
  const other: Mark = mark === "." ? "," : ".";
  const at = Math.max(dot, comma);
  if (body.indexOf(mark) !== at) return other;
  if (body.includes("'")) return mark;
  const before = at;
  const after = body.length - at - 1;
  if (after === 3 && before >= 1 && before <= 3 && body[0] !== "0") return "both-ways";
  return mark;
}

export interface MarkDecision {
  /** Absent when no cell has a mark that decides. */
  mark?: Mark;
  /** Cells that fit either way were there and nothing decided. */
  unclear: boolean;
}

/**
 * Decide the decimal mark over all cells of a column or file: the mark most cells prove.
 * @param decimals of the currency; where no cell decides, a mark before three digits is the decimal one with three of
 *   them, and never with none
 */
export function decideMark(bodies: Iterable<string>, decimals = 2): MarkDecision {
  const both = new Set<string>();
  let dots = 0;
  let commas = 0;
  let unclear = 0;
  for (const body of bodies) {
    const evidence = markEvidence(body);
    if (evidence === ".") dots++;
    else if (evidence === ",") commas++;
    else if (evidence === "both-ways") {
      unclear++;
      both.add(body.includes(".") ? "." : ",");
    }
  }
  if (dots > commas) return { mark: ".", unclear: false };
  if (commas > dots) return { mark: ",", unclear: false };
  const [only, other] = [...both] as Mark[];
  if (decimals === 3 && dots === 0 && only && !other) return { mark: only, unclear: false };
  return { unclear: (unclear > 0 && decimals > 0) || dots > 0 };
}

export interface Money {
  /** Minor units without sign. */
  minor: number;
  /** True when digits past the minor unit were rounded off (half away from zero). */
  rounded: boolean;
}

/**
 * A taken-apart amount as minor units, without its sign.
 * @returns the amount, or a text for people that says why it is none
 */
export function toMoney(amount: AmountText, currency: string, mark: Mark | undefined): Money | string {
  const body = amount.body;
  const form = mark === "," ? FORM_COMMA : mark === "." ? FORM_DOT : FORM_NONE;
  if (!form.some((pattern) => pattern.test(body))) {
    return mark
      ? `"${body}" does not fit the decimal mark "${mark}" of the other amounts`
      : `the decimal mark of "${body}" is not clear`;
  }
  const at = mark ? body.lastIndexOf(mark) : -1;
  const whole = (at < 0 ? body : body.slice(0, at)).replace(/[.,']/g, "");
  const fraction = at < 0 ? "" : body.slice(at + 1);
  const exponent = currencyExponent(currency);
  let minor = Number((whole || "0") + fraction.slice(0, exponent).padEnd(exponent, "0"));
  const rest = fraction.slice(exponent);
  const rounded = /[1-9]/.test(rest);
  if (rounded && rest[0]! >= "5") minor += 1;
  if (!Number.isSafeInteger(minor)) return `"${body}" is too large`;
  return { minor, rounded };
}

const FORM_COMMA = [/^\d*(?:,\d*)?$/, /^\d{1,3}(?:[.']\d{3})+(?:,\d*)?$/];
const FORM_DOT = [
  /^\d*(?:\.\d*)?$/,
  /^\d{1,3}(?:[,']\d{3})+(?:\.\d*)?$/,
  // Lakh and crore: 12,34,567.89
  /^\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d*)?$/,
];
const FORM_NONE = [/^\d+$/, /^\d{1,3}(?:\.\d{3})+$/, /^\d{1,3}(?:,\d{3})+$/, /^\d{1,3}(?:'\d{3})+$/];

const BY_SIGN: Readonly<Record<string, string>> = {
  "€": "EUR",
  "£": "GBP",
  "₹": "INR",
  "₽": "RUB",
  "₺": "TRY",
  "₩": "KRW",
  "₪": "ILS",
  "₴": "UAH",
  "₫": "VND",
  "฿": "THB",
  "₦": "NGN",
  "₱": "PHP",
  "₸": "KZT",
  "₼": "AZN",
  "₾": "GEL",
  "₲": "PYG",
  "₵": "GHS",
  円: "JPY",
  元: "CNY",
  RMB: "CNY",
  원: "KRW",
  NT$: "TWD",
  MX$: "MXN",
  Rp: "IDR",
  RM: "MYR",
  TL: "TRY",
  грн: "UAH",
  руб: "RUB",
  лв: "BGN",
  Rs: "INR",
  zł: "PLN",
  zl: "PLN",
  Kč: "CZK",
  Kc: "CZK",
  Ft: "HUF",
  lei: "RON",
  R$: "BRL",
  US$: "USD",
  C$: "CAD",
  CA$: "CAD",
  A$: "AUD",
  AU$: "AUD",
  NZ$: "NZD",
  HK$: "HKD",
  S$: "SGD",
  Fr: "CHF",
  "Fr.": "CHF",
  SFr: "CHF",
  "SFr.": "CHF",
  Euro: "EUR",
  Euros: "EUR",
  Eur: "EUR",
};

/** Codes that banks go on writing after ISO 4217 gave the currency another one. */
const FORMER_CODES: Readonly<Record<string, string>> = { RUR: "RUB", BYR: "BYN", RMB: "CNY", NTD: "TWD" };

/** ISO code of a currency sign or code beside an amount; undefined where a sign stands for several (`$`, `kr`). */
export function currencyOfSign(sign: string): string | undefined {
  if (/^[A-Z]{3}$/.test(sign)) return FORMER_CODES[sign] ?? sign;
  return BY_SIGN[sign] ?? BY_SIGN[sign.replace(/\.$/, "")];
}
