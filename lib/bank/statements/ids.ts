import { canonicalJson, sha256 } from "../../values";
import { normaliseAccount } from "./accounts";
import type { StatementPayment } from "./types";

/**
 * Ids of payments from statement files: the same for the same payment whatever file, name or format of re-import it
 * comes in, and different for payments that only look alike.
 */

/** An id of the bank is used when it is long enough to be one: `1`, `02` count the rows of a file. */
const LONG_ENOUGH = 6;

/** What the identity of a payment is made of; rows of aggregators have it too. */
export type IdentityFacts = Pick<
  StatementPayment,
  "date" | "amount" | "currency" | "description" | "counterparty" | "reference" | "bankId"
>;

export interface IdentifiedPayment<T extends IdentityFacts = StatementPayment> {
  payment: T;
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
export function identify<T extends IdentityFacts>(
  account: string,
  payments: readonly T[],
): IdentifiedPayment<T>[] {
  const own = normaliseAccount(account);
  const trusted = trustedKeys(own, payments);
  // By digest: the keys of a large file would take more memory than its rows.
  const counts = new Map<string, number>();
  return payments.map((payment) => {
    const bank = bankKey(own, payment);
    // A row that is repeated with its trusted bank id is the same row twice, not two payments.
    if (bank !== undefined && trusted(bank)) return { payment, id: digest(bank) };
    const key = contentKey(own, payment);
    const short = digest(key);
    const occurrence = counts.get(short) ?? 0;
    counts.set(short, occurrence + 1);
    return { payment, id: digest(`${key}|${occurrence}`), occurrence };
  });
}

/** Which bank ids stand for one thing only. */
function trustedKeys(own: string, payments: readonly IdentityFacts[]): (bank: string) => boolean {
  const first = new Map<string, IdentityFacts>();
  const untrusted = new Set<string>();
  for (const payment of payments) {
    const key = bankKey(own, payment);
    if (key === undefined || untrusted.has(key)) continue;
    const before = first.get(key);
    if (!before) first.set(key, payment);
    else if (contentKey(own, before) !== contentKey(own, payment)) untrusted.add(key);
  }
  return (bank) => !untrusted.has(bank);
}

function bankKey(account: string, payment: IdentityFacts): string | undefined {
  const id = payment.bankId?.trim();
  if (!id || id.length < LONG_ENOUGH || /^(.)\1*$/.test(id)) return undefined;
  return canonicalJson(["bank", account, id, payment.date, payment.amount, payment.currency]);
}

function contentKey(account: string, payment: IdentityFacts): string {
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
