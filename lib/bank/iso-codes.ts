/** ISO 20022 external bank transaction codes, as far as they say what kind of payment it was. */

/** By the code of the sub-family, which says more than the family. */
export const SUB_FAMILIES: Readonly<Record<string, string>> = {
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
};

/** By the code of the family. */
export const FAMILIES: Readonly<Record<string, string>> = {
  RCDT: "transfer",
  ICDT: "transfer",
  RRCT: "transfer",
  IRCT: "transfer",
  RDDT: "direct debit",
  IDDT: "direct debit",
  CCRD: "card",
  MCRD: "card",
  CNTR: "cash",
  CHRG: "charge",
  INTR: "interest",
};
