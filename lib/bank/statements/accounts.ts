import { isIban, normaliseIban } from "../../values";
import type { RowError } from "../port";
import type { ParsedStatement, ReaderOptions, StatementAccount } from "./types";

/**
 * Do two texts name the same account? Equal IBANs; equal numbers, whatever their separators, leading zeros and a
 * currency at the end; a number that an IBAN ends with; a German bank code and number and the IBAN made of them.
 */
export function sameAccount(one: string | undefined, other: string | undefined): boolean {
  if (!one || !other) return false;
  const a = normaliseAccount(one);
  const b = normaliseAccount(other);
  if (a === b) return true;
  const [iban, number] = isIban(a) ? [a, other] : isIban(b) ? [b, one] : [undefined, ""];
  if (iban === undefined || isIban(normaliseAccount(number))) return false;
  const german = /^(\d{8})\/(\d{1,10})\D*$/.exec(number.replace(/\s/g, ""));
  if (german) return iban.slice(4) === german[1]! + german[2]!.padStart(10, "0");
  const digits = normaliseAccount(number);
  return digits.length >= 6 && iban.slice(4).endsWith(digits);
}

/** An account number in one form: no separators, no leading zeros, no currency at the end; an IBAN in capitals. */
export function normaliseAccount(text: string): string {
  const plain = normaliseIban(text);
  const withoutCurrency = /^(.*\d)\/?[A-Z]{3}$/.exec(plain)?.[1];
  if (withoutCurrency && isIban(withoutCurrency)) return withoutCurrency;
  if (isIban(plain)) return plain;
  return (withoutCurrency ?? plain).replace(/[^A-Z0-9]/g, "").replace(/^0+(?=.)/, "");
}

/**
 * Hold a parsed file against what its reader was told to expect. A statement of another account is left out, and so
 * are rows in another currency, each with an entry of `errors`; everything else stays. An account without a number
 * of its own is taken to be the expected one.
 */
export function holdAgainst(statement: ParsedStatement, options: ReaderOptions): ParsedStatement {
  const errors: RowError[] = [];
  const accounts: StatementAccount[] = [];
  for (const account of statement.accounts) {
    const name = account.iban ?? account.id;
    if (
      options.account &&
      name &&
      ![account.iban, account.id].some((own) => sameAccount(own, options.account))
    ) {
      errors.push({
        ...lineOf(account),
        code: "STATEMENT_WRONG_ACCOUNT",
        reason: `This is a statement of account ${name}, not of ${options.account}: its ${account.payments.length} rows were left out. Give it for the account it belongs to.`,
      });
      continue;
    }
    accounts.push(inCurrency(account, options.currency, errors));
  }
  return { ...statement, accounts, errors: [...statement.errors, ...errors] };
}

function inCurrency(
  account: StatementAccount,
  currency: string | undefined,
  errors: RowError[],
): StatementAccount {
  if (!currency) return account;
  const payments = account.payments.filter((payment) => {
    if (payment.currency === currency) return true;
    errors.push({
      ...(payment.line === undefined ? {} : { line: payment.line }),
      code: "CURRENCY_MISMATCH",
      reason: `The row of ${payment.date} is in ${payment.currency}, not in ${currency}: it was left out.`,
    });
    return false;
  });
  return payments.length === account.payments.length ? account : { ...account, payments };
}

function lineOf(account: StatementAccount): { line?: number } {
  const line = account.payments[0]?.line;
  return line === undefined ? {} : { line };
}
