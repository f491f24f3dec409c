import type { Party } from "../../../store";
import { isIban, normaliseIban } from "../../../values";
import { looksLikeIban, sameAccount } from "../accounts";
import { compact, present, reference, squash } from "../text";
import { numberOf, party, rejoin, type Details, type DetailsContext } from "./parts";

interface Found {
  party?: Party;
  description?: string;
  reference?: string;
  mandateId?: string;
  creditorId?: string;
  postingText?: string;
}

/** A habit of one bank or a few: what it tells of a text, or undefined when the text is none of its. */
type Habit = (text: string, lines: readonly string[], context: DetailsContext) => Found | undefined;

const HABITS: readonly Habit[] = [dutchCard, polish, accountAndName, named, postFinance, belgian];

/**
 * Free text. The description is always the whole text; the other party is found where a bank's habit is recognised,
 * and else the only foreign IBAN that stands in it.
 */
export function readFree(lines: readonly string[], context: DetailsContext): Details {
  const text = squash(rejoin(lines, context.width));
  let found: Found = {};
  for (const habit of HABITS) {
    const answer = habit(text, lines, context);
    if (answer) {
      found = answer;
      break;
    }
  }
  const other = found.party ? party(found.party) : party(foreignIban(text, context));
  return compact<Details>({
    description: found.description ?? text,
    counterparty: other,
    reference: found.reference,
    mandateId: found.mandateId,
    creditorId: found.creditorId,
    postingText: found.postingText,
    raw: {},
  });
}

/** `BEA   NR:XXX1234   21.05.11/12.54 SHOP TOWN,PAS999` and `BEA, Betaalpas   SHOP,PAS123 NR:1, 23.05.20/10:11 TOWN`. */
function dutchCard(text: string): Found | undefined {
  const modern = /^([BG]EA),? (?:BETAALPAS|CREDITCARD|APPLE PAY|GOOGLE PAY)?,? ?(.+?),PAS\s?\d+/i.exec(text);
  const old = /^([BG]EA) NR:\S+ \d\d\.\d\d\.\d\d[/ ]\d\d[.:]\d\d (.+?),PAS\s?\d+/i.exec(text);
  const match = old ?? (modern && !/^NR:/i.test(modern[2]!) ? modern : null);
  if (!match) return undefined;
  return { party: { name: match[2]! }, postingText: /^G/i.test(match[1]!) ? "cash withdrawal" : "card" };
}

/** mBank: `911 TRANSAKCJA; Z RACH.: 5611...; OD: JAN NOWAK ...; TYT.: PRZELEW; TNR: 1791...`. */
function polish(text: string): Found | undefined {
  if (!/;\s*TYT\.:/.test(text)) return undefined;
  const part = (name: string) => present(new RegExp(`(?:^|;)\\s*${name}:([^;]*)`).exec(text)?.[1]);
  const number = part("Z RACH\\.") ?? part("NA RACH\\.") ?? part("RACH\\.");
  const posting = present(/^\d{3}\s+([^;]*)/.exec(text)?.[1]);
  return {
    party: {
      ...optionalName(part("OD") ?? part("DLA") ?? part("NADAWCA") ?? part("ODBIORCA")),
      ...polishNumber(number),
    },
    ...(posting === undefined ? {} : { postingText: posting }),
  };
}

/** A Polish number of 26 digits is an IBAN without its country. */
function polishNumber(text: string | undefined): { iban?: string; account?: string } {
  const digits = (text ?? "").replace(/\s/g, "");
  if (/^\d{26}$/.test(digits) && isIban(`PL${digits}`)) return { iban: `PL${digits}` };
  return numberOf(digits);
}

/**
 * ASN, SNS, RegioBank, old ABN AMRO and ING: the text begins with the other account and its name,
 * `NL47INGB9999999999 hr a jansen` or `52.89.39.882   SHOP TOWN`. The name ends with the line.
 */
function accountAndName(_text: string, lines: readonly string[], context: DetailsContext): Found | undefined {
  const first = (lines[0] ?? "").trim();
  const match = /^([A-Z]{2}\d{2}[A-Z0-9]{11,30}|\d{2}\.\d{2}\.\d{2}\.\d{3}|\d{10})\s+(\S.*)$/.exec(first);
  if (!match || sameAccount(match[1], context.own)) return undefined;
  const own = numberOf(match[1]!.replace(/\./g, ""));
  // Lines of blanks stand between the name and the text: only then is the rest of the line a name and no more.
  const separated = lines.slice(1).some((line) => line.trim() === "");
  return { party: { ...(separated || /^\d\d\./.test(first) ? { name: match[2]! } : {}), ...own } };
}

/** What begins the next part of a text of named parts. */
const NEXT =
  "(?=$|[ /](?:Omschrijving|Naam|Name|IBAN|BIC|REK|Kenmerk|Betalingskenm\\.|Machtiging|Mandaat|Incassant|Valutadatum|Betreft)\\b ?\\.?:)";
const part = (names: string, value: string) =>
  new RegExp(`(?:^|[ /])(?:${names}) ?: ?(${value}?)${NEXT}`, "i");
const NAME = part("naam|name", ".+");
const ABOUT = part("omschrijving", ".+");
const MARK = part("kenmerk|betalingskenm\\.", ".+");
const MANDATE = part("machtiging|mandaat", ".+");
const CREDITOR = part("incassant", ".+");

/**
 * `REK: NL65INGB0123456789/NAAM: PICQER` (Knab), `Naam: ... Omschrijving: ... IBAN: ...` (ING), `SEPA OVERBOEKING
 * IBAN: ... BIC: ... NAAM: ... OMSCHRIJVING: ... KENMERK: ...` (ABN AMRO before 2014).
 */
function named(text: string): Found | undefined {
  const name = NAME.exec(text)?.[1];
  if (!name) return undefined;
  const number = /\b(?:REK|IBAN|Rekening) ?: ?([A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}\b)/.exec(text)?.[1];
  const iban = number ? ibanOf(number) : undefined;
  const about = present(ABOUT.exec(text)?.[1]);
  const mark = /^\S+/.exec(MARK.exec(text)?.[1] ?? "")?.[0];
  return {
    party: { name, ...(iban ? { iban } : {}) },
    ...(about ? { description: about } : {}),
    ...optionalReference(mark),
    ...compact({
      mandateId: reference(MANDATE.exec(text)?.[1]),
      creditorId: reference(CREDITOR.exec(text)?.[1]),
    }),
  };
}

/** The number at the beginning of a text, without the words behind it that look like groups of it. */
function ibanOf(text: string): string {
  const words = text.split(" ");
  for (let n = words.length; n > 0; n -= 1) {
    const candidate = words.slice(0, n).join("");
    if (looksLikeIban(candidate)) return normaliseIban(candidate);
  }
  return normaliseIban(words[0]!.length >= 15 ? words[0]! : text);
}

/** PostFinance: `GIRO ... AUFTRAGGEBER: NAME STREET ... MITTEILUNGEN: TEXT`. */
function postFinance(text: string): Found | undefined {
  const match =
    /\b(?:AUFTRAGGEBER|BEGÜNSTIGTER|ABSENDER|DONNEUR D'ORDRE|BENEFICIAIRE|MITTENTE): ?(.+?)(?= (?:MITTEILUNGEN|COMMUNICATIONS|COMUNICAZIONI|REFERENZEN)\b|$)/.exec(
      text,
    );
  return match ? { party: { name: match[1]!.replace(/ \d{6}CH[0-9A-Z]+.*$/, "") } } : undefined;
}

/** KBC, BNP Paribas Fortis, Belfius: a Belgian structured message `+++123/4567/89012+++` or `***...***` is the reference. */
function belgian(text: string, _lines: readonly string[], context: DetailsContext): Found | undefined {
  const message = /(?:\+\+\+|\*\*\*)\s?(\d{3}\/\d{4}\/\d{5})\s?(?:\+\+\+|\*\*\*)/.exec(text)?.[1];
  if (!message) return undefined;
  return { party: foreignIban(text, context), ...optionalReference(message) };
}

/** The only IBAN in the text with right check digits that is not the own account. */
function foreignIban(text: string, context: DetailsContext): Party {
  const found = new Set<string>();
  for (const match of text.matchAll(/\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b/g)) {
    // The pattern is greedy: a word behind the number may have been taken along.
    const words = match[0].split(" ");
    for (let n = words.length; n > 0; n -= 1) {
      const candidate = normaliseIban(words.slice(0, n).join(""));
      if (!isIban(candidate)) continue;
      if (!sameAccount(candidate, context.own)) found.add(candidate);
      break;
    }
  }
  const [only] = found;
  return found.size === 1 && only !== undefined ? { iban: only } : {};
}

function optionalName(name: string | undefined): { name?: string } {
  return name === undefined ? {} : { name };
}

function optionalReference(text: string | undefined): { reference?: string } {
  const found = reference(text);
  return found === undefined ? {} : { reference: found };
}
