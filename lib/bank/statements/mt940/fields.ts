/** A field of an MT940 or MT942 message: `:61:...` and the lines that go on with it. */
export interface Field {
  /** `20`, `60F`, `NS`, ...; `END` where a message ends by its trailer. */
  tag: string;
  lines: string[];
  /** 1-based line of the file. */
  line: number;
}

const TAG = /^\s{0,2}:(13D?|20|21|25P?|28C?|34F|60[FM]?|61|62[FM]?|64|65|86|90[CD]|NS):(.*)$/;
const TRAILER = /^-(?:\}.*|XXX|[\u0003\u0004])?$/;

/**
 * The fields of a file, with or without SWIFT blocks. A line that only looks like a field is a continuation: wrapped
 * texts hold times such as `:12:11` or `:26:37`, and what can be no balance is no `:62F:`.
 */
export function fieldsOf(text: string): Field[] {
  const lines = linesOf(text);
  const fields: Field[] = [];
  /** Between the opening balance or the first row and the closing balance. */
  let body = false;
  let ended = true;
  for (let at = 0; at < lines.length; at += 1) {
    const number = at + 1;
    let content = lines[at]!;
    const block = envelope(content);
    if (
      block !== undefined ||
      (TRAILER.test(content.trimEnd()) && (!body || nothingButHeadersFollows(lines, at + 1)))
    ) {
      if (!ended) fields.push({ tag: "END", lines: [], line: number });
      ended = true;
      body = false;
      if (!block) continue;
      content = block;
    }
    // A bank breaks lines inside the tag itself: ":" and "86:..." on the next line.
    if (content.trim() === ":" && /^(?:\d\d[A-Z]?|NS):/.test(lines[at + 1] ?? "")) {
      content = `:${lines[at + 1]!}`;
      at += 1;
    }
    const match = TAG.exec(content);
    const tag = match?.[1];
    const value = match?.[2] ?? "";
    if (tag !== undefined && isField(tag, value, body, lines, at)) {
      fields.push({ tag, lines: [value], line: number });
      ended = false;
      if (tag === "61" || tag.startsWith("60")) body = true;
      else if (tag.startsWith("62") || tag === "20") body = false;
    } else if (tag !== undefined && body && /^\s*\d{3}[?>]\d\d/.test(value)) {
      // The text of a row under a wrong number.
      fields.push({ tag: "86", lines: [value], line: number });
    } else if (!ended) {
      fields[fields.length - 1]?.lines.push(content);
    }
  }
  return fields;
}

/** HBCI writes `@@` for the end of a line. */
export function splitLines(text: string): string {
  return /@@:\d\d/.test(text.slice(0, 2000)) ? text.replaceAll("@@", "\n") : text;
}

/** Lines without their ends; control characters of old transmission protocols are taken out. */
function linesOf(text: string): string[] {
  return splitLines(text)
    .replace(/[\u0000-\u0004\u001a]/g, "")
    .split(/\r\n|\n|\r/);
}

/** The rest of a line that ends or begins SWIFT blocks (`-}{5:}`, `{1:...}{4:`), or undefined. */
function envelope(line: string): string | undefined {
  if (/^\s*(?:-\})?\s*\{[1-5S]:/.test(line)) {
    const text = /\{4:\s*(.*)$/.exec(line);
    return text?.[1] ?? "";
  }
  return /^-\}/.test(line) ? "" : undefined;
}

function isField(tag: string, value: string, body: boolean, lines: readonly string[], at: number): boolean {
  // Only these can be minutes of a time that was wrapped in a text; 60 and more cannot.
  if (tag === "13" || tag === "13D") return /^\d{10}/.test(value);
  if (!/^2[0-8][CP]?$/.test(tag) || !body) return true;
  // Inside the rows a header begins the next statement of a file that lacks the closing balance, but only where it
  // goes on behind it.
  return tag === "20" && headerFollows(lines, at + 1);
}

function headerFollows(lines: readonly string[], from: number): boolean {
  for (let at = from; at < lines.length; at += 1) {
    const [, tag = "", value = ""] = TAG.exec(lines[at]!) ?? [];
    if (tag === "25" || tag === "25P") return /[A-Z0-9./-]{6,}/i.test(value);
    if (tag !== "") return tag === "21" || tag.startsWith("28");
  }
  return false;
}

function nextTag(lines: readonly string[], from: number): string | undefined {
  for (let at = from; at < lines.length; at += 1) {
    const found = TAG.exec(lines[at]!)?.[1];
    if (found) return found;
  }
  return undefined;
}

/** Is a `-` the end of a message? Yes when the next line that is not blank begins another, or there is none. */
function nothingButHeadersFollows(lines: readonly string[], from: number): boolean {
  for (let at = from; at < lines.length && at < from + 6; at += 1) {
    const content = lines[at]!.trim();
    if (content === "" || TRAILER.test(content)) continue;
    return /^(?::20:|\{|:940|:25:)/.test(content) || nextTag(lines, at) === "20";
  }
  return true;
}
