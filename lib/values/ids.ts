import { sha256 } from "./json";

/** An id is `<source>:<the source's own stable id>`, for example `bunq:10021`. */
export type Id = string;

/** Join a source and its own id. */
export function makeId(source: string, own: string | number): Id {
  return `${source}:${own}`;
}

/** The source's own part of an id. */
export function ownId(id: Id): string {
  return id.slice(id.indexOf(":") + 1);
}

/** The source part of an id. */
export function sourceOf(id: Id): string {
  return id.slice(0, id.indexOf(":"));
}

/**
 * Key of a queue item: one payment on its way to one budget. A bar within an id is told from the one between them by
 * a backslash, so that no two pairs share a key.
 */
export function queueId(paymentId: Id, budgetId: Id): Id {
  return `${barred(paymentId)}|${barred(budgetId)}`;
}

function barred(id: Id): string {
  return /[|\\]/.test(id) ? id.replace(/[|\\]/g, "\\$&") : id;
}

const OWN_IMPORT = "TF1:";

/** Was this import id made by Tallyflow? */
export function isOwnImportId(text: string | undefined): boolean {
  return text?.startsWith(OWN_IMPORT) ?? false;
}

/**
 * The import id under which a payment is written to a budget: always the same for the same payment and budget, so
 * that a budget recognises a second write. `TF1:` and 128 bits of SHA-256 in base64url: 26 characters, within
 * YNAB's limit of 36. The occurrence counts up when a person asks to import a deleted payment again.
 */
export function importId(paymentId: Id, budgetId: Id, occurrence = 0): string {
  const digest = Buffer.from(sha256(`${queueId(paymentId, budgetId)}|${occurrence}`), "hex").subarray(0, 16);
  return `${OWN_IMPORT}${digest.toString("base64url")}`;
}

/** An IBAN without blanks, in capitals. */
export function normaliseIban(text: string): string {
  return text.replace(/[\s-]/g, "").toUpperCase();
}

/** Does the text have the form of an IBAN and right check digits (ISO 7064 MOD 97-10)? */
export function isIban(text: string): boolean {
  const iban = normaliseIban(text);
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{10,30}$/.test(iban)) return false;
  let remainder = 0;
  for (const char of iban.slice(4) + iban.slice(0, 4)) {
    const value = parseInt(char, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}
