import { TallyError } from "../../values";
import { camtReader } from "./camt";
import { csvReader } from "./csv";
import { mt940Reader } from "./mt940";
import { ofxReader } from "./ofx";
import { qifReader } from "./qif";
import type { StatementReader } from "./types";

/** Every reader; where two are equally sure, the first wins. */
const READERS: readonly StatementReader[] = [camtReader, mt940Reader, ofxReader, qifReader, csvReader];

/** Less than this and the file is none of ours. */
const SURE_ENOUGH = 0.2;

/**
 * The reader for a text, by its content; the name only breaks ties that a reader leaves open.
 * @throws TallyError STATEMENT_UNREADABLE naming what the file is instead, where that can be told, and what to do
 */
export function readerFor(text: string, fileName?: string): StatementReader {
  if (text.trim() === "") throw unreadable("The file is empty. Download the statement again.");
  let best: StatementReader | undefined;
  let sure = 0;
  for (const reader of READERS) {
    const found = reader.detect(text, fileName);
    if (found > sure) {
      best = reader;
      sure = found;
    }
  }
  const other = best && sure >= 0.9 ? undefined : otherThing(text);
  if (other) throw unreadable(other);
  if (!best || sure < SURE_ENOUGH) {
    throw unreadable(
      "This is no statement in a format that can be read (CAMT.052/053/054, MT940/942, OFX, QFX, QIF, CSV). " +
        "Download it in one of these formats; CAMT.053 keeps the most.",
    );
  }
  return best;
}

const DOWNLOAD = "Download the statement as CAMT.053, MT940, OFX or CSV instead.";

/** Files that are told by their first bytes. */
const SIGNATURES: readonly [bytes: readonly number[], message: string][] = [
  [
    [0x50, 0x4b, 0x03, 0x04],
    `This is a ZIP archive or an office document such as an Excel workbook (.xlsx).`,
  ],
  [[0x50, 0x4b, 0x05, 0x06], `This is an empty ZIP archive.`],
  [[0x25, 0x50, 0x44, 0x46], `This is a PDF document, which is made for people. ${DOWNLOAD}`],
  [
    [0xd0, 0xcf, 0x11, 0xe0],
    `This is an old office document such as an Excel workbook (.xls). Save it as CSV.`,
  ],
  [[0x1f, 0x8b], `This is a gzip archive. Unpack it and give the files in it.`],
  [[0x37, 0x7a, 0xbc, 0xaf], `This is a 7-Zip archive. Unpack it and give the files in it.`],
  [[0x52, 0x61, 0x72, 0x21], `This is a RAR archive. Unpack it and give the files in it.`],
  [[0x89, 0x50, 0x4e, 0x47], `This is a PNG picture. ${DOWNLOAD}`],
  [[0xff, 0xd8, 0xff], `This is a JPEG picture. ${DOWNLOAD}`],
  [[0x7b, 0x5c, 0x72, 0x74], `This is an RTF document. ${DOWNLOAD}`],
  [[0x53, 0x51, 0x4c, 0x69, 0x74, 0x65], `This is an SQLite database. ${DOWNLOAD}`],
];

/**
 * Refuse what is no text before it is decoded.
 * @throws TallyError STATEMENT_UNREADABLE naming what the file is and what to do
 */
export function refuseBinary(content: Uint8Array): void {
  if (content.length === 0) throw unreadable("The file is empty. Download the statement again.");
  for (const [bytes, message] of SIGNATURES) {
    if (bytes.every((byte, at) => content[at] === byte)) throw unreadable(archiveKind(content, message));
  }
  const head = content.subarray(0, 4096);
  const wide = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
  let odd = 0;
  let zeroAtOdd = 0;
  let zeroAtEven = 0;
  head.forEach((byte, at) => {
    if (byte < 32 && ![9, 10, 11, 12, 13, 26, 27, 1, 2, 3, 28, 29, 30, 31].includes(byte)) odd += 1;
    if (byte === 0) {
      if (at % 2) zeroAtOdd += 1;
      else zeroAtEven += 1;
    }
  });
  const utf16 = wide || Math.max(zeroAtOdd, zeroAtEven) > head.length * 0.4;
  if (!utf16 && odd > Math.max(2, head.length * 0.05)) {
    throw unreadable(`The file holds binary data, not text. ${DOWNLOAD}`);
  }
}

function archiveKind(content: Uint8Array, message: string): string {
  if (content[0] !== 0x50) return message;
  const names = Buffer.from(content.subarray(0, 4096)).toString("latin1");
  if (names.includes("xl/")) return "This is an Excel workbook (.xlsx). Save it as CSV and give that file.";
  if (names.includes("word/")) return `This is a Word document (.docx). ${DOWNLOAD}`;
  return `${message} Unpack it and give the files in it.`;
}

/** What a text is that no reader is sure of. */
function otherThing(text: string): string | undefined {
  const head = text.slice(0, 4000).trimStart();
  if (/^<(!doctype\s+html|html|head|body|table)\b/i.test(head)) {
    return (
      "This is a web page, perhaps the bank's log-in page or a table saved as .xls. " +
      `Log in and download the statement again. ${DOWNLOAD}`
    );
  }
  if (/^(<\?xml[^>]*>\s*)?<(\w+:)?Workbook\b/.test(head)) {
    return "This is an Excel workbook in XML. Save it as CSV and give that file.";
  }
  const pain = /urn:iso:std:iso:20022:tech:xsd:((?:pain|pacs|camt)\.\d{3})/.exec(head)?.[1];
  if (pain) return `This is a ${pain} message, which is no account statement. ${DOWNLOAD}`;
  if (/^<\?xml/.test(head)) return `This is an XML file, but no statement in CAMT or OFX. ${DOWNLOAD}`;
  if (/^[[{]\s*["{[\]}]/.test(head)) return `This is a JSON file. ${DOWNLOAD}`;
  return undefined;
}

function unreadable(message: string): TallyError {
  return new TallyError("STATEMENT_UNREADABLE", message);
}
