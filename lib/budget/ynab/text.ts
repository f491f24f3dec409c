/** Texts as YNAB takes them: written by strangers, cut to the limits of the fields. */

export const PAYEE_LIMIT = 200;
export const MEMO_LIMIT = 500;

/**
 * The text in at most `limit` UTF-16 units (so that it fits however YNAB counts), never ending within a character,
 * and without halves of surrogate pairs.
 */
export function cut(text: string, limit: number): string {
  const whole = text.replace(/\p{Surrogate}/gu, "\ufffd");
  if (whole.length <= limit) return whole;
  const last = whole.charCodeAt(limit - 1);
  return whole.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}

/**
 * A payee name on one line. YNAB looks payees up by name, and a transfer's payee is named "Transfer : <account>": a
 * stranger of that name would turn a payment into a transfer, so the blank before the colon is taken out.
 */
export function payeeText(name: string): string {
  const line = name
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .replace(/^transfer\s+:/i, "Transfer:");
  return cut(line, PAYEE_LIMIT).trimEnd();
}

/** A memo without control characters other than tab and new line. */
export function memoText(memo: string): string {
  return cut(memo.replace(/[^\P{Cc}\n\t]/gu, ""), MEMO_LIMIT);
}
