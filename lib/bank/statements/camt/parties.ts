import type { Party } from "../../../store";
import { isIban, normaliseIban } from "../../../values";
import { sameAccount } from "../accounts";
import { compactOrNone, present } from "../text";
import { find, textAt, type XmlNode } from "./xml";

/** What names the account whose statement it is. */
export interface Owner {
  iban?: string;
  id?: string;
  name?: string;
}

/** An account element (`Acct`, `DbtrAcct`, `CdtrAcct`): version 1 has `PrtryAcct` and others beside `IBAN`. */
export function accountOf(node: XmlNode | undefined): { iban?: string; account?: string } {
  const id = find(node, "Id");
  const iban = textAt(id, "IBAN");
  if (iban) return { iban: normaliseIban(iban) };
  const other =
    textAt(id, "Othr", "Id") ??
    textAt(id, "PrtryAcct", "Id") ??
    textAt(id, "BBAN") ??
    textAt(id, "UPIC") ??
    textAt(node, "Prxy", "Id");
  if (!other) return {};
  // Some banks write the IBAN into the element for other numbers.
  return isIban(other) ? { iban: normaliseIban(other) } : { account: other };
}

/** BIC of an agent: `BIC` up to version 3, `BICFI` from version 4, `CmbndId/BIC` in version 1. */
export function bicOf(agent: XmlNode | undefined): string | undefined {
  const institution = find(agent, "FinInstnId");
  return (
    textAt(institution, "BICFI") ??
    textAt(institution, "BIC") ??
    textAt(institution, "CmbndId", "BIC")
  )?.toUpperCase();
}

/** Name of a party: directly, below `Pty` (version 8) or as an institution below `Agt`. */
function nameOf(party: XmlNode | undefined): string | undefined {
  return present(
    textAt(party, "Nm") ??
      textAt(party, "Pty", "Nm") ??
      textAt(party, "Agt", "FinInstnId", "Nm") ??
      textAt(party, "FinInstnId", "Nm"),
  );
}

type Side = "Dbtr" | "Cdtr";

/**
 * The other party of a transaction. Money that comes in has it as debtor, money that goes out as creditor; a
 * reversal keeps the roles of the payment that it undoes. Where the file puts the own account on that side, or leaves
 * the side empty, the other side is taken, if it is not the own account. The ultimate party only lends its name when
 * the direct one has none.
 */
export function counterparty(
  details: XmlNode | undefined,
  sign: 1 | -1,
  reversal: boolean,
  owner: Owner,
): { party: Party | undefined; creditorId: string | undefined } {
  const parties = find(details, "RltdPties");
  const agents = find(details, "RltdAgts");
  const incoming = reversal ? sign < 0 : sign > 0;
  const expected: Side = incoming ? "Dbtr" : "Cdtr";
  const opposite: Side = incoming ? "Cdtr" : "Dbtr";
  const isOwn = (side: Side) => {
    const { iban, account } = accountOf(find(parties, `${side}Acct`));
    const number = iban ?? account;
    return number !== undefined && (sameAccount(number, owner.iban) || sameAccount(number, owner.id));
  };
  const numbered = (side: Side) => Object.keys(accountOf(find(parties, `${side}Acct`))).length > 0;
  const empty = (side: Side) =>
    !nameOf(find(parties, side)) && !nameOf(find(parties, `Ultmt${side}`)) && !numbered(side);

  let side = expected;
  if (isOwn(expected) && !isOwn(opposite) && !empty(opposite)) side = opposite;
  else if (empty(expected) && numbered(opposite) && !isOwn(opposite)) side = opposite;
  const direct = find(parties, side);
  const account = isOwn(side) ? {} : accountOf(find(parties, `${side}Acct`));
  const party = compactOrNone<Party>({
    name:
      nameOf(direct) ??
      nameOf(find(parties, `Ultmt${side}`)) ??
      present(textAt(find(parties, "TradgPty"), "Nm")),
    iban: account.iban,
    account: account.account,
    bic: bicOf(find(agents, `${side}Agt`)) ?? bicOf(find(direct, "Agt")),
  });
  return { party, creditorId: creditorId(find(parties, "Cdtr")) };
}

/** The SEPA creditor identifier stands as another identification of the creditor, with the scheme `SEPA` or none. */
function creditorId(creditor: XmlNode | undefined): string | undefined {
  const holder = find(creditor, "Pty") ?? creditor;
  for (const kind of ["PrvtId", "OrgId"]) {
    for (const other of find(holder, "Id", kind)?.children ?? []) {
      const id = textAt(other, "Id");
      const scheme = textAt(other, "SchmeNm", "Prtry") ?? textAt(other, "SchmeNm", "Cd");
      if (id && (scheme === "SEPA" || /^[A-Z]{2}\d{2}[A-Z0-9]{3}[A-Z0-9]{1,28}$/.test(id))) return id;
    }
  }
  return undefined;
}
