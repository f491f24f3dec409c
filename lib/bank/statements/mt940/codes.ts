/** SWIFT transaction type identification codes (field 61, subfield 6), as far as they say what kind it is. */
const SWIFT: Readonly<Record<string, string>> = {
  BNK: "securities",
  BOE: "bill of exchange",
  BRF: "brokerage fee",
  CAR: "card",
  CHG: "charge",
  CHK: "cheque",
  CLR: "cash letter",
  CMI: "cash management",
  COL: "collection",
  COM: "commission",
  DCR: "documentary credit",
  DDT: "direct debit",
  DIV: "dividend",
  ECK: "eurocheque",
  FEX: "foreign exchange",
  INT: "interest",
  LDP: "loan",
  MSC: "miscellaneous",
  RTI: "returned item",
  SAL: "salary",
  SEC: "securities",
  STO: "standing order",
  TCK: "travellers cheque",
  TRF: "transfer",
};

/** German business transaction codes (Geschäftsvorfallcodes) of the banking industry, the common ones. */
const GVC: Readonly<Record<string, string>> = {
  "004": "direct debit",
  "005": "direct debit",
  "008": "standing order",
  "020": "transfer",
  "051": "transfer",
  "052": "standing order",
  "053": "salary",
  "082": "cash deposit",
  "083": "cash withdrawal",
  "104": "direct debit",
  "105": "direct debit",
  "106": "card",
  "107": "direct debit",
  "108": "returned direct debit",
  "109": "returned direct debit",
  "116": "transfer",
  "117": "standing order",
  "118": "instant transfer",
  "119": "donation",
  "152": "standing order",
  "153": "salary",
  "154": "savings benefit",
  "155": "transfer",
  "156": "transfer",
  "159": "returned transfer",
  "166": "transfer",
  "168": "instant transfer",
  "169": "donation",
  "171": "direct debit",
  "174": "direct debit",
  "177": "transfer",
  "181": "returned direct debit",
  "191": "transfer",
  "192": "direct debit",
  "201": "foreign transfer",
  "202": "foreign transfer",
  "805": "charge",
  "808": "charge",
  "814": "interest",
  "820": "transfer",
  "835": "other",
};

/** The kind of payment in lower case: the bank's own words, else the German code, else SWIFT's. */
export function typeOf(
  postingText: string | undefined,
  gvc: string | undefined,
  code: string | undefined,
): string | undefined {
  if (postingText) return postingText.toLowerCase();
  if (gvc && GVC[gvc]) return GVC[gvc];
  if (!code) return undefined;
  const kind = code.slice(1).trim();
  return SWIFT[kind] ?? GVC[kind] ?? (/^(?:|000)$/.test(kind) ? undefined : code.trim().toLowerCase());
}
