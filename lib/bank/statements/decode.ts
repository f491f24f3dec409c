/**
 * From the bytes of a statement file to its text. Banks state the character set wrongly or not at all, so the bytes
 * decide first: a byte order mark, the pattern of UTF-16, valid UTF-8. Only what is none of these goes by the XML
 * declaration, and else by what banks of the region use.
 */

/** Encodings an XML declaration may name, as `TextDecoder` knows them. */
const DECLARED = /^[\s\S]{0,20}<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]+)["']/;

/** Currencies of banks that write windows-1250 rather than windows-1252. */
const CENTRAL_EUROPEAN =
  /(?:\d(?:PLN|CZK|HUF|RON)[\d,]|Ccy="(?:PLN|CZK|HUF|RON)"|:25:\/?(?:PL|CZ|HU|SK|RO)\d{2})/;

/**
 * The text of a file.
 *
 * Order: byte order mark (UTF-8, UTF-16); UTF-16 without one; valid UTF-8; the encoding of the XML declaration;
 * windows-1250 where the content shows a Central European bank; windows-1252, which holds all of ISO-8859-1 that
 * is printed. A text that is a string already only loses its byte order mark.
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
  const central = CENTRAL_EUROPEAN.test(latin.slice(0, 20_000));
  if (looksLikeDos(content)) return decodeDos(content, central ? CP852 : CP850);
  return central ? decode(content, "windows-1250") : latin;
}

/** Code pages of DOS, bytes 0x80 to 0xFF; `TextDecoder` does not know them. Source: unicode.org MAPPINGS/PC. */
const CP850 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0";
const CP852 =
  "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u00ad˝˛ˇ˘§÷¸˙űŘř■\u00a0";

/** Bytes 0x80 to 0xBF between letters are letters in the code pages of DOS and hardly ever in those of Windows. */
function looksLikeDos(content: Uint8Array): boolean {
  let low = 0;
  let high = 0;
  const letter = (byte: number | undefined) =>
    byte !== undefined && ((byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122));
  const windowsLetters = new Set([
    0x8a, 0x8c, 0x8d, 0x8e, 0x8f, 0x9a, 0x9c, 0x9d, 0x9e, 0x9f, 0xa3, 0xa5, 0xaa, 0xaf, 0xb3, 0xb9, 0xba,
    0xbc, 0xbe, 0xbf,
  ]);
  content.forEach((byte, at) => {
    if (byte < 0x80 || (!letter(content[at - 1]) && !letter(content[at + 1]))) return;
    if (byte >= 0xc0 || windowsLetters.has(byte)) high += 1;
    else low += 1;
  });
  return low > high;
}

function decodeDos(content: Uint8Array, page: string): string {
  return Buffer.from(content)
    .toString("latin1")
    .replace(/[\u0080-\u00ff]/g, (char) => page[char.charCodeAt(0) - 0x80] ?? char);
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
