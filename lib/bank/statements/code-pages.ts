/**
 * Texts of which neither a byte order mark nor valid UTF-8 nor a declaration tells the code page: it is the one in
 * which words of bank statements come out, else the one in which most letters stand between letters of their kind.
 */

/** Words of statements, per code page; only matches with a letter beyond ASCII say something. */
const WORDS: readonly [encoding: string, words: RegExp][] = [
  [
    "windows-1250",
    /wpłat|wypłat|płatno|opłat|tytuł|szczegół|księg|częś|zaúčt|částk|měna|účet|účt[ua]|příjem|převod|odchozí|příchozí|zůstat|poplatek za|nákup|összeg|közlemény|könyvel|jóváír|terhelés|részlet|számla|transzak|đuro|račun|isplaćen/gi,
  ],
  ["iso-8859-2", /tytuł|płatność|księg|częś|częśc|zaúčt|měna|účet|příjem|zůstat|összeg|közlemény|könyvel/gi],
  [
    "windows-1251",
    /дата|сумма|сума|операц|сч[её]т|карт|приход|расход|остат|плат[её]ж|баланс|валют|описан|контрагент|кореспонд|основание|зачислен|списан|покупк|перевод/gi,
  ],
  ["koi8-r", /дата|сумма|операц|сч[её]т|приход|расход|остат|плат[её]ж|валют|описан|перевод/gi],
  ["ibm866", /дата|сумма|операц|сч[её]т|приход|расход|остат|плат[её]ж|валют|описан|перевод/gi],
  ["windows-1253", /ημερομην|ποσ[οό]|υπ[όο]λοιπο|περιγραφ|χρ[έε]ωσ|π[ίι]στωσ|κ[ίι]νησ|αιτιολογ/gi],
  [
    "windows-1254",
    /işlem|açıklama|tutarı|şube|bakiyesi ?\(?.?ı|hesap.{0,12}ı|ödeme|gönder.*ı|çek(?:ilen|im).*ı/gi,
  ],
  ["windows-1255", /תאריך|סכום|יתרה|זכות|חובה|תיאור/g],
  [
    "windows-1257",
    /mokėj|mokėt|įmok|įraš|sąskait|gavėj|išlaid|pervedim.*ų|paaiškin|už\b|maksājum|maksātāj|saņēm|grozījum|kārt|pradžia/gi,
  ],
  ["shift_jis", /日付|金額|残高|お取引|ご利用|摘要|入金|出金|振込/g],
  ["euc-jp", /日付|金額|残高|お取引|ご利用|摘要|入金|出金|振込/g],
  ["gb18030", /日期|金额|交易|余额|账户|账号|收入|支出|币种|备注|时间/g],
  ["big5", /日期|金額|餘額|交易|帳號|摘要/g],
  ["euc-kr", /거래|금액|잔액|일자|입금|출금|적요/g],
];

/** Currencies and accounts of banks that write windows-1250 rather than windows-1252. */
const CENTRAL_EUROPEAN =
  /(?:[\d";,\t](?:PLN|CZK|HUF|RON)["\d,;\t\r\n]|Ccy="(?:PLN|CZK|HUF|RON)"|:25:\/?(?:PL|CZ|HU|SK|RO)\d{2})/;

/** Enough of a file to tell its code page. */
const SAMPLE = 65_536;

/**
 * The text of bytes that are no UTF-8.
 * @param latin the same bytes as windows-1252, which is the answer where nothing speaks for another one
 */
export function decodeByWords(content: Uint8Array, latin: string): string {
  const page = pageOf(content, latin);
  if (page === "windows-1252") return latin;
  if (page === "cp850" || page === "cp852") return decodeDos(content, page === "cp850" ? CP850 : CP852);
  return new TextDecoder(page).decode(content);
}

function pageOf(content: Uint8Array, latin: string): string {
  const first = content.findIndex((byte) => byte >= 0x80);
  // From the beginning of a line, so that no character of two bytes is cut.
  const from = Math.max(0, latin.lastIndexOf("\n", first) + 1);
  const sample = content.subarray(from, from + SAMPLE);
  let best: { page: string; found: number } | undefined;
  for (const [page, words] of WORDS) {
    const text = new TextDecoder(page).decode(sample);
    const found = (text.match(words) ?? []).filter((word) => /[^\u0000-\u007f]/.test(word)).length;
    if (found > (best?.found ?? 0)) best = { page, found };
  }
  const central = CENTRAL_EUROPEAN.test(latin.slice(0, 20_000));
  const dos = central ? "cp852" : "cp850";
  const dosText = decodeDos(sample, central ? CP852 : CP850);
  const here = latin.slice(from, from + SAMPLE);
  const scores = {
    windows: lettersIn(
      best?.page.startsWith("windows-1250") || central
        ? new TextDecoder("windows-1250").decode(sample)
        : here,
    ),
    dos: lettersIn(dosText),
    mac: lettersIn(new TextDecoder("macintosh").decode(sample)),
  };
  const western = !best || best.page === "windows-1250" || best.page === "iso-8859-2";
  if (western && scores.dos > scores.windows && scores.dos >= scores.mac) return dos;
  if (western && !best && scores.mac > Math.max(scores.windows, scores.dos)) return "macintosh";
  if (best) return best.page;
  // The header of OFX 1.x; banks copy it from each other, so that it comes last.
  const charset = /^CHARSET:\s*(125[0-8])\s*$/m.exec(latin.slice(0, 500))?.[1];
  if (charset) return `windows-${charset}`;
  return central ? "windows-1250" : "windows-1252";
}

/** Letters with marks that stand beside a letter of their own case, as they do in words. */
function lettersIn(text: string): number {
  const small = text.match(
    /(?<=[a-z])[à-öø-ýßąćęłńśźżčďěňřšťůžőűāēīū]|[à-öø-ýąćęłńśźżčďěňřšťůžőű](?=[a-z])/g,
  );
  const capital = text.match(
    /(?<=[A-Z])[À-ÖØ-ÝĄĆĘŁŃŚŹŻČĎĚŇŘŠŤŮŽŐŰ]|[À-ÖØ-ÝĄĆĘŁŃŚŹŻČĎĚŇŘŠŤŮŽŐŰ](?=[A-Za-z])/g,
  );
  return (small?.length ?? 0) + (capital?.length ?? 0);
}

/** Code pages of DOS, bytes 0x80 to 0xFF; `TextDecoder` does not know them. Source: unicode.org MAPPINGS/PC. */
const CP850 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u00ad±‗¾¶§÷¸°¨·¹³²■\u00a0";
const CP852 =
  "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u00ad˝˛ˇ˘§÷¸˙űŘř■\u00a0";

function decodeDos(content: Uint8Array, page: string): string {
  return Buffer.from(content)
    .toString("latin1")
    .replace(/[\u0080-\u00ff]/g, (char) => page[char.charCodeAt(0) - 0x80] ?? char);
}
