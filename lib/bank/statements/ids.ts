import { canonicalJson, sha256 } from "../../values";
import { normaliseAccount } from "./accounts";
import type { StatementPayment } from "./types";

/**
 * Ids of payments from statement files: the same for the same payment whatever file, name or format of re-import it
 * comes in, and different for payments that only look alike.
 */

/** An id of the bank is used when it is long enough to be one: `1`, `02` count the rows of a file. */
const LONG_ENOUGH = 6;

export interface IdentifiedPayment {
  payment: StatementPayment;
  /** Own part of the id: 128 bits of SHA-256 in base64url. */
  id: string;
  /** Which of otherwise equal rows of a day and a file it is, from 0; absent where the bank's id tells. */
  occurrence?: number;
}

/**
 * Ids of all payments of one account in one file.
 *
 * - With a bank id that is longer than a counter: account, bank id, date, amount and currency. Date and amount are
 *   in it since banks use constant or recycled ids (a standing order's reference comes every month); a bank id that
 *   stands twice with the same date and amount but other text is not trusted.
 * - Else account, date, amount, currency, text and other party, and a number for equal rows: equal rows of one file
 *   are different payments, the same rows in another file are the same ones.
 *
 * @param account IBAN or number of the account
 */
export function identify(account: string, payments: readonly StatementPayment[]): IdentifiedPayment[] {
  const own = normaliseAccount(account);
  const texts = new Map<string, Set<string>>();
  for (const payment of payments) {
    const key = bankKey(own, payment);
    if (key === undefined) continue;
    const seen = texts.get(key) ?? new Set<string>();
    texts.set(key, seen.add(contentKey(own, payment)));
  }
  const counts = new Map<string, number>();
  return payments.map((payment) => {
    const bank = bankKey(own, payment);
    const trusted = bank !== undefined && texts.get(bank)!.size === 1;
    const key = trusted ? bank : contentKey(own, payment);
    const occurrence = counts.get(key) ?? 0;
    // A row that is repeated with its trusted bank id is the same row twice, not two payments.
    if (trusted) return { payment, id: digest(key) };
    counts.set(key, occurrence + 1);
    return { payment, id: digest(`${key}|${occurrence}`), occurrence };
  });
}

function bankKey(account: string, payment: StatementPayment): string | undefined {
  const id = payment.bankId?.trim();
  if (!id || id.length < LONG_ENOUGH || /^(.)\1*$/.test(id)) return undefined;
  return canonicalJson(["bank", account, id, payment.date, payment.amount, payment.currency]);
}

function contentKey(account: string, payment: StatementPayment): string {
  const { counterparty } = payment;
  return canonicalJson([
    "row",
    account,
    payment.date,
    payment.amount,
    payment.currency,
    plain(payment.description),
    plain(counterparty?.iban ?? counterparty?.account ?? counterparty?.name ?? ""),
    plain(payment.reference ?? ""),
  ]);
}

/** Letters and digits only, in lower case: banks change blanks, case and punctuation between exports. */
function plain(text: string): string {
  return text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "");
}

function digest(text: string): string {
  return Buffer.from(sha256(text), "hex").subarray(0, 16).toString("base64url");
}
