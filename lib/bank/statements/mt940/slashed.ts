import { sameAccount } from "../accounts";
import { compact, present, reference, squash } from "../text";
import { bicOf, numberOf, party, type Details, type DetailsContext } from "./parts";

const WORDS =
  "TRTP|IBAN|BIC|NAME|REMI|EREF|KREF|MARF|CSID|CNTP|BENM|ORDP|ADDR|ISDT|PREF|RTRN|TRCD|PURP|ULTC|ULTB|ULTD|SVCL|EXCH|CHGS|CHGS1|CHGS2|OAMT|SUBTRN|IREF|ACCW|INST|TYPE|BO|BO1|BI|BN1|ORDI|BENI|BACC|OACC";

const START = new RegExp(`^\\s*/(?:${WORDS}|ID)/`);

/**
 * Keywords between slashes: `/TRTP/SEPA OVERBOEKING/IBAN/NL../NAME/..` (ABN AMRO), `/EREF/..//CNTP/IBAN/BIC/NAME///`
 * (ING), `/BENM//NAME/..`, `/ORDP//NAME/..` (Rabobank and other SEPA banks). Undefined when the text is none of these.
 */
export function readSlashed(text: string, context: DetailsContext): Details | undefined {
  if (!START.test(text)) return undefined;
  const raw: Record<string, string> = {};
  const finder = new RegExp(`/(${WORDS})/`, "g");
  let word: string | undefined;
  let from = 0;
  const put = (to: number) => {
    if (word === undefined) return;
    const value = text.slice(from, to).replace(/\/+$/, "");
    const key = `/${word}/`;
    if (raw[key] === undefined || raw[key] === "") raw[key] = value.trim();
  };
  for (let match = finder.exec(text); match; match = finder.exec(text)) {
    put(match.index);
    word = match[1]!;
    from = match.index + match[0].length;
    finder.lastIndex = from - 1;
  }
  put(text.length);

  const value = (key: string) => present(raw[`/${key}/`]);
  const [contactNumber, contactBic, contactName] = (raw["/CNTP/"] ?? "").split("/");
  let number = numberOf(value("IBAN") ?? present(contactNumber) ?? value("BACC") ?? value("OACC"));
  if (sameAccount(number.iban ?? number.account, context.own)) number = {};
  const bic = bicOf(value("BIC") ?? contactBic);
  return compact<Details>({
    description: remittance(raw["/REMI/"]) ?? value("TRTP") ?? value("TRCD") ?? "",
    counterparty: party({
      name:
        value("NAME") ??
        present(contactName) ??
        partyName(raw["/ORDP/"]) ??
        partyName(raw["/BENM/"]) ??
        ultimate(raw) ??
        "",
      ...number,
      ...(bic === undefined ? {} : { bic }),
    }),
    reference: reference(value("EREF")) ?? structuredReference(raw["/REMI/"]) ?? reference(value("PREF")),
    mandateId: reference(value("MARF")),
    creditorId: reference(value("CSID")),
    postingText: value("TRTP") ?? value("TYPE"),
    raw,
  });
}

/** `USTD//text`, `STRD/CUR/reference`, `text`. */
function remittance(text: string | undefined): string | undefined {
  const plain = (text ?? "").replace(/^USTD\/+/, "").replace(/^STRD\/(?:[A-Z]+\/)?/, "");
  return present(plain.replace(/\/\//g, " "));
}

function structuredReference(text: string | undefined): string | undefined {
  const found = /^STRD\/(?:[A-Z]+\/)?([^/]+)/.exec(text ?? "");
  return found ? reference(found[1]) : undefined;
}

function partyName(text: string | undefined): string | undefined {
  return present(text?.replace(/^\/+/, "").split("/")[0]);
}

function ultimate(raw: Record<string, string>): string | undefined {
  const text = raw["/ULTD/"] ?? raw["/ULTC/"] ?? raw["/ULTB/"];
  const name = /(?:^|\/)NAME\/([^/]+)/.exec(text ?? "")?.[1] ?? text?.split("/").find((part) => part !== "");
  return name === undefined ? undefined : present(squash(name));
}
