import { FAMILIES, SUB_FAMILIES } from "../../iso-codes";
import { textAt, type XmlNode } from "./xml";

/** What statements have beside the codes that all sources share. */
const MORE_SUB_FAMILIES: Readonly<Record<string, string>> = { ...SUB_FAMILIES, CINT: "interest" };
const MORE_FAMILIES: Readonly<Record<string, string>> = {
  ...FAMILIES,
  ICHQ: "cheque",
  RCHQ: "cheque",
  DRFT: "draft",
  CAPL: "cash pooling",
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
    const known = (sub && MORE_SUB_FAMILIES[sub]) ?? (family && MORE_FAMILIES[family]);
    if (known) return known;
  }
  for (const code of codes) {
    const own = textAt(code, "Prtry", "Cd");
    if (own) return own.toLowerCase();
  }
  return undefined;
}
