import type { BankAccount, PaymentFacts } from "../store";
import { isIban, normaliseIban, type Id } from "../values";

/**
 * Which of the own accounts is the other party of a payment: told by its IBAN, or else by its account number; undefined
 * when it is none of them.
 */
export function ownAccounts(
  accounts: readonly BankAccount[],
): (payment: Pick<PaymentFacts, "accountId" | "counterparty">) => Id | undefined {
  const byNumber = new Map<string, Id>();
  for (const { id, iban } of accounts) {
    if (!iban) continue;
    const whole = normaliseIban(iban);
    byNumber.set(whole, id);
    // Banks of one country leave out what comes before the account number.
    const number = /[1-9]\d{6,}$/.exec(whole.slice(4))?.[0];
    if (number && !byNumber.has(number)) byNumber.set(number, id);
  }
  return ({ accountId, counterparty }) => {
    const number = counterparty?.iban ?? counterparty?.account;
    const found = number ? (byNumber.get(normaliseIban(number)) ?? byNumber.get(bare(number))) : undefined;
    return found === accountId ? undefined : found;
  };
}

/** A number without blanks, dots and leading zeros; what is an IBAN is none. */
function bare(number: string): string {
  return isIban(number) ? "" : number.replace(/\D/g, "").replace(/^0+/, "");
}
