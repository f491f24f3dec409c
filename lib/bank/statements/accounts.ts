import { normaliseIban } from "../../values";
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
  const [iban, number] = ibanShaped(a) ? [a, other] : ibanShaped(b) ? [b, one] : [undefined, ""];
  if (iban === undefined || ibanShaped(normaliseAccount(number))) return false;
  const german = /^(\d{8})\/(\d{1,10})\D*$/.exec(number.replace(/\s/g, ""));
  if (german) return iban.slice(4) === german[1]! + german[2]!.padStart(10, "0");
  const digits = normaliseAccount(number);
  return digits.length >= 6 && iban.slice(4).endsWith(digits);
}

/** An account number in one form: no separators, no leading zeros, no currency at the end; an IBAN in capitals. */
export function normaliseAccount(text: string): string {
  const plain = normaliseIban(text);
  const withoutCurrency = /^(.*\d)\/?[A-Z]{3}$/.exec(plain)?.[1];
  if (withoutCurrency && ibanShaped(withoutCurrency)) return withoutCurrency;
  if (ibanShaped(plain)) return plain;
  return (withoutCurrency ?? plain).replace(/[^A-Z0-9]/g, "").replace(/^0+(?=.)/, "");
}

/** IBANs of statements are taken as they are: banks and exports mask digits, so check digits are not asked for. */
function ibanShaped(text: string): boolean {
  return /^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text);
}

/** Length of the IBANs of countries, from the SWIFT IBAN Registry. */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 " +
    "FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 " +
    "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 " +
    "SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Has the text the form and the length of an IBAN of its country? Masked digits spoil the check digits, not these. */
export function looksLikeIban(text: string): boolean {
  const plain = normaliseIban(text);
  return /^[A-Z]{2}\d{2}[A-Z0-9]+$/.test(plain) && IBAN_LENGTHS.get(plain.slice(0, 2)) === plain.length;
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
        reason: `This is a statement of account ${name.slice(0, 60)}, not of ${options.account}: its ${account.payments.length} rows were left out. Give it for the account it belongs to.`,
      });
      continue;
    }
    const held = inCurrency(account, options.currency, errors);
    if (held) accounts.push(held);
  }
  return { ...statement, accounts, errors: [...statement.errors, ...errors] };
}

/** What to say of accounts of a file that neither the file nor the settings name: their rows belong nowhere. */
export function unnamedAccounts(statement: ParsedStatement, options: ReaderOptions): RowError[] {
  if (options.account) return [];
  return statement.accounts
    .filter((account) => !account.iban && !account.id && account.payments.length > 0)
    .map((account) => ({
      ...lineOf(account),
      code: "CONFIG_INVALID",
      reason: `The file does not say whose account it is: its ${account.payments.length} rows were left out. Set the account of the bank.`,
    }));
}

/** The rows in the currency; undefined where the whole statement is in another one. */
function inCurrency(
  account: StatementAccount,
  currency: string | undefined,
  errors: RowError[],
): StatementAccount | undefined {
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
  if (account.currency === currency) return { ...account, payments };
  if (payments.length > 0) {
    // Rows of several currencies in one list: balances in the other one say nothing about these rows.
    const { openingBalance: _opening, closingBalance: _closing, ...rest } = account;
    return { ...rest, currency, payments };
  }
  if (account.payments.length === 0) {
    errors.push({
      code: "CURRENCY_MISMATCH",
      reason: `The statement of ${(account.iban ?? account.id ?? "an unnamed account").slice(0, 60)} is in ${account.currency}, not in ${currency}: it was left out.`,
    });
  }
  return undefined;
}

function lineOf(account: StatementAccount): { line?: number } {
  const line = account.payments[0]?.line;
  return line === undefined ? {} : { line };
}
