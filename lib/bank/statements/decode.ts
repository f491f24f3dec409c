/**
 * From the bytes of a statement file to its text. Banks state the character set wrongly or not at all, so the bytes
 * decide first: a byte order mark, the pattern of UTF-16, valid UTF-8. Only what is none of these goes by the XML
 * declaration or the OFX header, and else by the words that come out of each code page.
 */

import { decodeByWords } from "./code-pages";

/** Encodings an XML declaration may name, as `TextDecoder` knows them. */
const DECLARED = /^[\s\S]{0,20}<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']/;

/**
 * The text of a file.
 *
 * Order: byte order mark (UTF-8, UTF-16); UTF-16 without one; valid UTF-8; the encoding of the XML declaration; the
 * code page in which the words of banks come out; windows-1252, which holds all of ISO-8859-1 that is printed. A text
 * that is a string already only loses its byte order mark.
 */
export function decodeStatement(content: Uint8Array | string): string {
  if (typeof content === "string") return withoutMark(content);
  const [a, b, c] = content;
  if (a === 0xef && b === 0xbb && c === 0xbf) return decode(content.subarray(3), "utf-8");
  if (a === 0xff && b === 0xfe) return decode(content.subarray(2), "utf-16le");
  if (a === 0xfe && b === 0xff) return decode(content.subarray(2), "utf-16be");
  const wide = wideWithoutMark(content);
  if (wide) return decode(content, wide);
  try {
    return withoutMark(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch (invalid) {
    if (!(invalid instanceof TypeError)) throw invalid;
  }
  const latin = decode(content, "windows-1252");
  const declared = DECLARED.exec(latin.slice(0, 300))?.[1]?.toLowerCase();
  if (declared && !/^(utf-?8|utf-?16|us-ascii|ascii)/.test(declared) && supported(declared)) {
    return decode(content, declared);
  }
  return withoutMark(decodeByWords(content, latin));
}

function decode(content: Uint8Array, encoding: string): string {
  return withoutMark(new TextDecoder(encoding).decode(content));
}

function supported(encoding: string): boolean {
  try {
    return new TextDecoder(encoding).encoding !== "replacement";
  } catch (unknown) {
    if (unknown instanceof RangeError) return false;
    throw unknown;
  }
}

function withoutMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** UTF-16 text of a Western alphabet has a zero in every second byte. */
function wideWithoutMark(content: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  const length = Math.min(content.length, 512) & ~1;
  if (length < 8) return undefined;
  let even = 0;
  let odd = 0;
  for (let at = 0; at < length; at += 2) {
    if (content[at] === 0) even += 1;
    if (content[at + 1] === 0) odd += 1;
  }
  const pairs = length / 2;
  if (odd > pairs * 0.8 && even < pairs * 0.1) return "utf-16le";
  if (even > pairs * 0.8 && odd < pairs * 0.1) return "utf-16be";
  return undefined;
}
