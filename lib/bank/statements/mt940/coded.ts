import { sameAccount } from "../accounts";
import { compact, present, reference, squash } from "../text";
import { bicOf, numberOf, party, type Details, type DetailsContext } from "./parts";

/** `166?00`, ` 020^00`, `000>10`, `?00`: an optional business transaction code, a separator, a subfield code. */
const START = /^\s*(?:(\d{3}))?\s*([^0-9A-Za-z\s/:.,;()"'-])(\d{2})/;

/** Subfields that exist: posting text, number, purpose, bank, account, name, code, IBAN, further purpose, names. */
const SUBFIELDS = /^(?:0\d|10|2\d|3\d|6[0-9]|7[01])$/;

/** Length of a subfield of the purpose and of the name. */
const WIDTH = 27;

/** SEPA keywords in the purpose, as the German banking industry defines them (DFÜ-Abkommen, appendix 3). */
const KEYWORDS =
  "EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|BREF|RREF|PURP|ULTC|ULTD|SQTP|ORCR|ORMR";

/**
 * The structured `:86:`. Undefined when the text is not of this form. The separator is the character before the
 * first code; a code that is none of the defined ones is text.
 */
export function readCoded(text: string, context: DetailsContext): Details | undefined {
  const start = START.exec(text);
  if (!start || !SUBFIELDS.test(start[3]!)) return undefined;
  const [, gvc, separator = "?"] = start;
  if (gvc === undefined && !/[?^~<>!]/.test(separator)) return undefined;
  const subfields = split(text.slice(text.indexOf(separator)), separator);
  const raw: Record<string, string> = {};
  for (const [code, value] of subfields) raw[`?${code}`] = (raw[`?${code}`] ?? "") + value;
  const all = (from: number, to: number) =>
    subfields.filter(([code]) => Number(code) >= from && Number(code) <= to).map(([, value]) => value);

  // 60 to 63 go on where 20 to 29 are full; without 29 they are a text of their own.
  const goesOn = subfields.some(([code]) => code === "29");
  const words = keywords(goesOn ? [...all(20, 29), ...all(60, 63)] : all(20, 29));
  const more = goesOn ? {} : keywords(all(60, 63));
  for (const [word, value] of Object.entries(more)) if (word !== "" && !(word in words)) words[word] = value;
  const [creditorId, ...behind] = firstWord(words["CRED"]);
  // What follows an IBAN or a BIC after a blank is text without a keyword, too.
  for (const word of ["IBAN", "BIC"]) {
    const [value, rest] = firstWord(words[word]);
    if (value === undefined) continue;
    words[word] = value;
    behind.push(rest);
  }
  const name = joinParts(all(32, 33));
  const text38 = raw["?38"] ?? words["IBAN"];
  let number = numberOf(text38);
  if (!number.iban && !number.account) number = numberOf(raw["?31"]);
  // Triodos has the other account in subfield 10 and the own one in 31.
  const ten = raw["?10"]?.trim();
  if (
    separator === ">" &&
    ten &&
    /^\d{7,}$/.test(ten) &&
    (!number.account || sameAccount(number.account, context.own))
  ) {
    number = numberOf(ten);
  }
  if (sameAccount(number.iban ?? number.account, context.own)) number = {};
  const further = squash([raw["?70"] ?? "", raw["?71"] ?? ""].join(""));
  const other = party({
    name: name || (present(words["ABWA"]) ?? present(words["ABWE"]) ?? ""),
    ...number,
    ...optional("bic", bicOf(raw["?30"]) ?? bicOf(words["BIC"])),
  });
  const postingText = present(raw["?00"]);
  const text20 = present(
    [words["SVWZ"] ?? words[""], ...behind, words["MTLG"], more[""]]
      .filter((part) => part !== undefined)
      .join(" "),
  );
  return compact<Details>({
    description: text20 ?? (further || (postingText ?? "")),
    counterparty: other,
    reference: reference(words["EREF"]) ?? reference(words["KREF"]),
    mandateId: present(words["MREF"]),
    creditorId,
    postingText,
    gvc,
    raw,
  });
}

/** A creditor identifier has no blanks: what follows it is text without a keyword. */
function firstWord(text: string | undefined): [word: string | undefined, rest: string | undefined] {
  const match = /^\s*(\S+)([\s\S]*)$/.exec(text ?? "");
  return match ? [reference(match[1]), present(match[2])] : [undefined, undefined];
}

function optional(key: "bic", value: string | undefined): { bic?: string } {
  return value === undefined ? {} : { [key]: value };
}

function split(text: string, separator: string): [code: string, value: string][] {
  const found: [string, string][] = [];
  for (const piece of text.split(separator).slice(1)) {
    const code = piece.slice(0, 2);
    if (SUBFIELDS.test(code)) found.push([code, piece.slice(2)]);
    else if (found.length > 0) found[found.length - 1]![1] += separator + piece;
  }
  return found;
}

/**
 * Parts of a text that was cut into pieces of equal length: a full piece goes straight on; after a shorter one there
 * was a blank, or a line end in texts of old.
 */
function joinParts(parts: readonly string[]): string {
  const longest = Math.max(WIDTH, ...parts.map((part) => part.length));
  let text = "";
  parts.forEach((part, at) => {
    if (at > 0 && !isFull(parts[at - 1]!, longest)) text += " ";
    text += part;
  });
  return squash(text);
}

function isFull(part: string, longest: number): boolean {
  return part.length === WIDTH || part.length === longest;
}

/** Keyword -> text; the text before the first keyword is under the empty one. */
function keywords(parts: readonly string[]): Record<string, string> {
  const longest = Math.max(WIDTH, ...parts.map((part) => part.length));
  let text = "";
  const begins = new Set<number>();
  parts.forEach((part, at) => {
    if (at > 0 && !isFull(parts[at - 1]!, longest)) text += " ";
    begins.add(text.length);
    text += part;
  });
  const found = cut(
    text,
    new RegExp(`(${KEYWORDS})\\+`, "g"),
    (at, word) => word.length > 3 || atBoundary(text, at, begins),
  );
  // Banks of the Dresdner family write their own notes behind `MTLG:`.
  for (const [word, value] of Object.entries(found)) {
    const note = value.search(/(?:^|\s)MTLG:/);
    if (note < 0) continue;
    found[word] = value.slice(0, note);
    found["MTLG"] = value.slice(note).trim().slice("MTLG:".length);
  }
  // Some banks write "EREF: ..." instead, but only where there is no "EREF+" is it more than a part of the text.
  if (Object.keys(found).length > 1) return found;
  return cut(text, new RegExp(`(${KEYWORDS}):\\s?`, "g"), (at) => atBoundary(text, at, begins));
}

function atBoundary(text: string, at: number, begins: ReadonlySet<number>): boolean {
  return at === 0 || begins.has(at) || /\s/.test(text[at - 1]!);
}

function cut(
  text: string,
  finder: RegExp,
  accept: (at: number, word: string) => boolean,
): Record<string, string> {
  const found: Record<string, string> = {};
  let word = "";
  let from = 0;
  const put = (to: number) => {
    const value = text.slice(from, to);
    // A keyword that comes again does not replace the first; its text belongs to what is read.
    if (!(word in found)) found[word] = value;
  };
  for (let match = finder.exec(text); match; match = finder.exec(text)) {
    if (!accept(match.index, match[1]!)) continue;
    put(match.index);
    word = match[1]!;
    from = match.index + match[0].length;
  }
  put(text.length);
  return found;
}
