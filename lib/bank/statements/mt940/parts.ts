import type { Party } from "../../../store";
import { compactOrNone, present } from "../text";

/** What the text of a row (`:86:`) says, in whichever of its dialects. */
export interface Details {
  description: string;
  counterparty?: Party;
  reference?: string;
  mandateId?: string;
  creditorId?: string;
  postingText?: string;
  /** German business transaction code. */
  gvc?: string;
  /** Subfields and keywords as the file has them. */
  raw: Record<string, string>;
}

export interface DetailsContext {
  /** The own account, so that it is not taken for the other party's. */
  own: string | undefined;
  /** Longest line of the file's texts: a line of that length was cut there, a shorter one lost its last blank. */
  width: number;
}

/**
 * One text of wrapped lines: a line of full width goes straight on, after a shorter one there was a blank that got
 * lost.
 */
export function rejoin(lines: readonly string[], width: number): string {
  let text = "";
  lines.forEach((line, at) => {
    const cut =
      at > 0 &&
      lines[at - 1]!.length >= width &&
      !/^(?:REK|NAAM|IBAN|BIC|OMSCHRIJVING|KENMERK|BETALINGSKENM\.|MACHTIGING|INCASSANT) ?:/.test(line);
    if (at > 0 && !cut && !/\s$/.test(text)) text += " ";
    text += line;
  });
  return text;
}

/** A party of what was found, or undefined. */
export function party(found: Party): Party | undefined {
  return compactOrNone<Party>({
    name: present(found.name),
    iban: found.iban,
    account: found.account,
    bic: found.bic,
  });
}

/** An account number as IBAN or as another number; nothing where it is only zeros. */
export function numberOf(text: string | undefined): { iban?: string; account?: string } {
  const plain = (text ?? "").replace(/\s/g, "");
  if (plain === "" || /^0+$/.test(plain)) return {};
  return /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/i.test(plain) ? { iban: plain.toUpperCase() } : { account: plain };
}

/** A BIC, or undefined. */
export function bicOf(text: string | undefined): string | undefined {
  const plain = (text ?? "").trim().toUpperCase();
  return /^[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$/.test(plain) ? plain : undefined;
}
