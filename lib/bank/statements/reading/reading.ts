import type { BankAccount, Payment } from "../../../store";
import { makeId, type CalendarDate, type ErrorCode, type Id } from "../../../values";
import type { RowError } from "../../port";
import { normaliseAccount, sameAccount, unnamedAccounts } from "../accounts";
import { identify, type IdentifiedPayment } from "../ids";
import { parseStatement } from "../parse";
import type { ParsedStatement, ReaderOptions, StatementAccount, StatementPayment } from "../types";

/** How the files of a connection are read. */
export interface ReadingSettings {
  /** Of the connection: the first part of the ids. */
  source: string;
  /** What the file is called in errors. */
  name: string;
  options: ReaderOptions;
}

/** An account as a file names it. */
export type FileAccount = Omit<BankAccount, "source" | "timeZone">;

/** What a file says beside its rows; JSON. */
export interface FileFacts {
  /** Each account once, in the order of the file. */
  accounts: FileAccount[];
  /** How many errors are the file's, and not an account's. */
  errors: number;
  /** The first of them where the file has no account: nobody else tells them. */
  told: RowError[];
  /** The different codes among all of them. */
  codes: ErrorCode[];
}

/** Which rows of a file are wanted. */
export interface RowsRequest {
  account: { id: Id; currency: string };
  since?: CalendarDate;
  /** The errors of the file are wanted too: they are told with one of its accounts. */
  speaks: boolean;
  /** From this row and this error on ... */
  from: number;
  /** ... at most so many of each. */
  count: number;
}

export interface Rows {
  payments: Payment[];
  errors: RowError[];
  /** There are rows or errors behind these. */
  more: boolean;
}

/** How many errors one message repeats. */
export const TOLD = 20;

/** A statement file that was read: its facts, and its rows as payments, page by page. */
export class Reading {
  readonly facts: FileFacts;
  readonly #statement: ParsedStatement;
  readonly #settings: ReadingSettings;
  readonly #errors: RowError[];
  #prepared: { key: string; rows: IdentifiedPayment[]; errors: RowError[] } | undefined;

  /** @throws TallyError STATEMENT_UNREADABLE when nothing of the file can be read */
  constructor(content: Uint8Array | string, settings: ReadingSettings) {
    this.#settings = settings;
    const statement = parseStatement(content, settings.options);
    this.#statement = statement;
    this.#errors = [
      ...statement.errors,
      ...unnamedAccounts(statement, settings.options),
      ...this.#homeless(),
    ].map((error) => this.#named(error));
    const accounts = this.#accounts();
    this.facts = {
      accounts,
      errors: this.#errors.length,
      told: accounts.length > 0 ? [] : this.#errors.slice(0, TOLD),
      codes: [...new Set(this.#errors.flatMap(({ code }) => code ?? []))],
    };
  }

  /** Some of the payments of one account, and of the errors that are told with it. */
  rows({ account, since, speaks, from, count }: RowsRequest): Rows {
    const { rows, errors } = this.#prepare(account, since, speaks);
    const fetchedAt = new Date().toISOString();
    const { source } = this.#settings;
    return {
      payments: rows.slice(from, from + count).map(({ payment, id, occurrence }): Payment => {
        const { line: _line, category: _category, bankId, raw, ...fields } = payment;
        return {
          ...fields,
          id: makeId(source, id),
          source,
          accountId: account.id,
          ...(occurrence ? { occurrence } : {}),
          raw: { ...raw, ...(bankId === undefined ? {} : { bankId }) },
          fetchedAt,
        };
      }),
      errors: errors.slice(from, from + count),
      more: from + count < Math.max(rows.length, errors.length),
    };
  }

  #prepare(
    account: RowsRequest["account"],
    since: CalendarDate | undefined,
    speaks: boolean,
  ): { rows: IdentifiedPayment[]; errors: RowError[] } {
    const key = JSON.stringify([account.id, account.currency, since, speaks]);
    if (this.#prepared?.key === key) return this.#prepared;
    const errors = speaks ? this.#errors.slice() : [];
    const own = account.id.slice(this.#settings.source.length + 1);
    const seen = new Set<string>();
    const rows = identify(own, this.#rowsOf(account, errors)).filter(({ id, payment }) => {
      if (seen.has(id) || (since !== undefined && payment.date < since)) return false;
      seen.add(id);
      return true;
    });
    this.#prepared = { key, rows, errors };
    return this.#prepared;
  }

  /** The rows of one account, without copies and rows in another currency, of which errors are added. */
  #rowsOf(account: RowsRequest["account"], errors: RowError[]): StatementPayment[] {
    const own = this.#statement.accounts.filter((item) => this.#idOf(item) === account.id);
    const named = new Map<string, number>();
    for (const { statementId } of own)
      if (statementId !== undefined) named.set(statementId, (named.get(statementId) ?? 0) + 1);
    const copies = new Set<string>();
    const rows: StatementPayment[] = [];
    for (const item of own) {
      const { statementId, closingBalance, payments } = item;
      // The same statement twice in one file is a copy, not new payments.
      if (statementId !== undefined && closingBalance && payments.length > 0 && named.get(statementId)! > 1) {
        const copy = copyKey(item);
        if (copies.has(copy)) {
          errors.push(
            this.#named({
              ...lineOf(payments[0]),
              reason: `Statement ${statementId} stands in the file twice; the second was left out.`,
            }),
          );
          continue;
        }
        copies.add(copy);
      }
      for (const payment of payments) {
        if (payment.currency === account.currency) rows.push(payment);
        else {
          errors.push(
            this.#named({
              ...lineOf(payment),
              code: "CURRENCY_MISMATCH",
              reason: `The row of ${payment.date} is in ${payment.currency}, but the account is in ${account.currency}: it was left out.`,
            }),
          );
        }
      }
    }
    return rows;
  }

  /** Rows that belong to no account. */
  #homeless(): RowError[] {
    return this.#statement.accounts
      .filter((account) => account.payments.length > 0 && this.#idOf(account) === undefined)
      .map((account): RowError => ({
        ...lineOf(account.payments[0]),
        code: "CONFIG_INVALID",
        reason: `The file does not name its account, so its ${account.payments.length} rows were left out. Set the account (IBAN or number), and keep the files of other accounts in another folder.`,
      }));
  }

  #accounts(): FileAccount[] {
    const found: FileAccount[] = [];
    for (const account of this.#statement.accounts) {
      const id = this.#idOf(account);
      if (id === undefined) continue;
      const { iban, name, currency } = account;
      found.push({
        id,
        ...(iban === undefined ? {} : { iban }),
        name: name ?? iban ?? account.id ?? this.#settings.options.account ?? id,
        currency,
        ...balanceOf(account),
      });
    }
    return mergeAccounts(found);
  }

  #idOf(account: StatementAccount): Id | undefined {
    // An account that is set stands for itself in every format: MT940 may have its number, CAMT its IBAN.
    const { source, options } = this.#settings;
    const set = options.account;
    const stated = account.iban ?? account.id ?? set;
    const own = set !== undefined && sameAccount(stated, set) ? set : stated;
    return own === undefined ? undefined : makeId(source, `${normaliseAccount(own)}/${account.currency}`);
  }

  #named(error: RowError): RowError {
    return { ...error, reason: `${this.#settings.name}: ${error.reason}` };
  }
}

/** Each account once: under its first name, with the last IBAN and the newest balance that is stated of it. */
export function mergeAccounts(stated: Iterable<FileAccount>): FileAccount[] {
  const found = new Map<Id, FileAccount>();
  for (const account of stated) {
    const known = found.get(account.id);
    const { balance: own, ...rest } = account;
    const balance = known?.balance && !(own && own.at >= known.balance.at) ? known.balance : own;
    found.set(account.id, { ...rest, name: known?.name ?? account.name, ...(balance ? { balance } : {}) });
  }
  return [...found.values()];
}

/** The closing balance, where it is in the account's currency and of a day. */
function balanceOf({ closingBalance: closing, currency }: StatementAccount): Pick<FileAccount, "balance"> {
  if (!closing?.date || closing.currency !== currency) return {};
  return { balance: { amount: closing.amount, at: `${closing.date}T23:59:59.000Z` } };
}

function copyKey(item: StatementAccount): string {
  return JSON.stringify([
    item.statementId,
    item.openingBalance,
    item.closingBalance,
    item.payments.map(({ line: _line, ...row }) => row),
  ]);
}

function lineOf(payment: StatementPayment | undefined): { line?: number } {
  return payment?.line === undefined ? {} : { line: payment.line };
}
