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
    byNumber.set(normaliseIban(iban), id);
  }
  return ({ accountId, counterparty }) => {
    const number = counterparty?.iban ?? counterparty?.account;
    const found = number ? byNumber.get(normaliseIban(number)) : undefined;
    return found === accountId ? undefined : found;
  };
}

/** Does the party name an account at all? */
export function namesAccount(payment: Pick<PaymentFacts, "counterparty">): boolean {
  const { iban, account } = payment.counterparty ?? {};
  return iban !== undefined || (account !== undefined && isIban(account));
}
