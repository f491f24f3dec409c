import { textAt, type XmlNode } from "./xml";

/** ISO 20022 external bank transaction codes, as far as they say what kind of payment it was. */
const SUB_FAMILIES: Readonly<Record<string, string>> = {
  STDO: "standing order",
  SALA: "salary",
  CWDL: "cash withdrawal",
  CDPT: "cash deposit",
  POSD: "card",
  POSC: "card",
  POSP: "card",
  CHRG: "charge",
  FEES: "charge",
  COMM: "charge",
  INTR: "interest",
  CINT: "interest",
};

const FAMILIES: Readonly<Record<string, string>> = {
  RCDT: "transfer",
  ICDT: "transfer",
  RRCT: "transfer",
  IRCT: "transfer",
  RDDT: "direct debit",
  IDDT: "direct debit",
  CCRD: "card",
  MCRD: "card",
  CNTR: "cash",
  ICHQ: "cheque",
  RCHQ: "cheque",
  DRFT: "draft",
  CAPL: "cash pooling",
  CHRG: "charge",
  INTR: "interest",
  MDOP: "other",
};

/**
 * The kind of payment of a `BkTxCd`: from the ISO domain code where there is one, else the bank's own code in lower
 * case. Sub-family before family: a standing order is one before it is a transfer.
 */
export function typeOf(...codes: (XmlNode | undefined)[]): string | undefined {
  for (const code of codes) {
    const family = textAt(code, "Domn", "Fmly", "Cd");
    const sub = textAt(code, "Domn", "Fmly", "SubFmlyCd");
    const known = (sub && SUB_FAMILIES[sub]) ?? (family && FAMILIES[family]);
    if (known) return known;
  }
  for (const code of codes) {
    const own = textAt(code, "Prtry", "Cd");
    if (own) return own.toLowerCase();
  }
  return undefined;
}
