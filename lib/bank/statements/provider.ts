import type { BankAccount, Payment, Store } from "../../store";
import { makeId, sha256, TallyError, toTallyError } from "../../values";
import type { Json } from "../../values";
import type { BankProvider, PaymentPage, PaymentsRequest, RowError } from "../port";
import { normaliseAccount, sameAccount, unnamedAccounts } from "./accounts";
import { folderFiles, givenFiles, type FoundFile, type StatementFile } from "./files";
import { identify } from "./ids";
import { parseStatement } from "./parse";
import { settledBy } from "./pending";
import type { CsvMapping, ParsedStatement, ReaderOptions, StatementAccount, StatementPayment } from "./types";

export type { StatementFile } from "./files";

export interface StatementFileOptions {
  /** Names the connection; `files` when absent. */
  source?: string;
  /** A folder that is watched: every file in it is a statement. */
  folder?: string;
  /** Files in memory. */
  files?: readonly StatementFile[];
  /** IANA name of the accounts' time zone. */
  timeZone: string;
  /** Currency of the account: of files that name none, and rows in another one are refused. */
  currency?: string;
  /** The account: of files that name none, and statements of another one are refused. */
  account?: string;
  mapping?: CsvMapping;
  dayFirst?: boolean;
  /** Where stored payments are looked up, so that a pending one is linked to the row that booked it. */
  store?: Store;
  /** Larger files are refused without being loaded; 256 MiB when absent. */
  maxBytes?: number;
  /** A file that changed within this time is still being written; 1,000 ms when absent. */
  settleMs?: number;
}

export interface StatementFileProvider extends BankProvider {
  /**
   * Of the last look: files that could not be read at all, and the errors of those in which no account was left, by
   * name with the reason.
   */
  fileErrors(): readonly RowError[];
}

const MAX_BYTES = 256 * 1024 * 1024;
const PAGE = 1000;
/** How many errors one message repeats. */
const TOLD = 20;

/** Cursor: content hash of each file that has been handed out, by name. */
type FilesCursor = Record<string, string>;

interface ReadFile {
  name: string;
  stamp: string;
  hash: string;
  statement?: ParsedStatement;
  error?: RowError;
}

/**
 * The bank provider over statement files. An account is known by its IBAN, else its number, and its currency. Every
 * file is read again only when its content changed; overlapping, renamed and repeated files yield the same payments
 * with the same ids.
 * @throws TallyError CONFIG_INVALID when neither a folder nor files are given
 */
export function openStatementFiles(options: StatementFileOptions): StatementFileProvider {
  if (options.folder === undefined && options.files === undefined) {
    throw new TallyError("CONFIG_INVALID", "Statement files need a folder to watch or files to read.");
  }
  return new FilesProvider(options);
}

class FilesProvider implements StatementFileProvider {
  readonly kind = "files";
  readonly source: string;
  /** Statement files need no requests. */
  readonly calls = 0;
  private known = new Map<string, ReadFile>();

  constructor(private readonly options: StatementFileOptions) {
    this.source = options.source ?? "files";
  }

  async accounts(signal?: AbortSignal): Promise<BankAccount[]> {
    const files = await this.look(signal);
    const found = new Map<string, BankAccount>();
    for (const { statement } of files) {
      for (const account of statement?.accounts ?? []) {
        const id = this.accountId(account);
        if (id === undefined) continue;
        const known = found.get(id);
        found.set(id, {
          ...this.bankAccount(id, account),
          ...(known ? { name: known.name } : {}),
          ...this.newest(known, account),
        });
      }
    }
    // With no account there is nobody to tell these with.
    const errors =
      found.size > 0 ? [] : files.flatMap((file) => (file.error ? [file.error] : this.errorsOf(file)));
    if (errors.length > 0) {
      const codes = new Set(errors.flatMap(({ code }) => code ?? []));
      const [code] = codes.size === 1 ? codes : [];
      const told = errors.slice(0, TOLD).map(({ reason }) => reason);
      throw new TallyError(code ?? "STATEMENT_UNREADABLE", told.join("\n"));
    }
    return [...found.values()];
  }

  async *payments(account: BankAccount, request: PaymentsRequest): AsyncIterable<PaymentPage> {
    const files = await this.look(request.signal);
    const done = new Set(Object.values(cursorOf(request.cursor)));
    // Files that are gone leave the cursor; the ids stay the same if they come back.
    const cursor: FilesCursor = {};
    for (const { name, hash } of files) if (done.has(hash)) cursor[name] = hash;
    const speaker = this.speaker(files);
    let unsaid = false;
    for (const file of files) {
      if (done.has(file.hash)) continue;
      request.signal?.throwIfAborted();
      const rows = this.rowsOf(file, account, request.since);
      const errors = [...(speaker === account.id && file.error ? [file.error] : []), ...rows.errors];
      // Most files of a folder are of other accounts: a page for each would be a write for each.
      unsaid = rows.payments.length === 0 && errors.length === 0;
      if (unsaid) {
        cursor[file.name] = file.hash;
        done.add(file.hash);
        continue;
      }
      for (let at = 0; at === 0 || at < rows.payments.length; at += PAGE) {
        const last = at + PAGE >= rows.payments.length;
        if (last) cursor[file.name] = file.hash;
        const page = rows.payments.slice(at, at + PAGE);
        yield {
          payments: [...page, ...(await settledBy(page, account, this.source, this.options.store))],
          errors: at === 0 ? errors : [],
          cursor: { files: { ...cursor } },
        };
      }
      done.add(file.hash);
    }
    if (unsaid) yield { payments: [], errors: [], cursor: { files: { ...cursor } } };
  }

  fileErrors(): readonly RowError[] {
    return [...this.known.values()].flatMap((file) => {
      const { error, statement } = file;
      if (error) return [error];
      if (!statement || statement.accounts.some((account) => this.accountId(account) !== undefined))
        return [];
      return statement.errors.map((row) => ({ ...row, reason: `${file.name}: ${row.reason}` }));
    });
  }

  async close(): Promise<void> {
    this.known.clear();
  }

  /** All files as they are now; one that did not change since the last look is not read again. */
  private async look(signal?: AbortSignal): Promise<ReadFile[]> {
    const max = this.options.maxBytes ?? MAX_BYTES;
    const found = [
      ...(this.options.files ? givenFiles(this.options.files, max) : []),
      ...(this.options.folder === undefined
        ? []
        : await folderFiles(this.options.folder, max, this.options.settleMs ?? 1000, signal)),
    ];
    const now = new Map<string, ReadFile>();
    for (const file of found) {
      signal?.throwIfAborted();
      // Two given files may share a name.
      const key = now.has(file.name) ? `${file.name}#${now.size}` : file.name;
      const before = this.known.get(key);
      now.set(key, before?.stamp === file.stamp ? before : await this.read(file, key));
    }
    this.known = now;
    return [...now.values()];
  }

  private async read(file: FoundFile, name: string): Promise<ReadFile> {
    let hash = sha256(`unread|${file.stamp}`);
    try {
      const content = await file.load();
      hash = sha256(content);
      const options = this.readerOptions(file.name);
      const statement = parseStatement(content, options);
      const errors = [...statement.errors, ...unnamedAccounts(statement, options)];
      return { name, stamp: file.stamp, hash, statement: { ...statement, errors } };
    } catch (thrown) {
      const error = toTallyError(thrown);
      return {
        name,
        stamp: file.stamp,
        hash,
        error: { code: error.code, reason: `${file.name}: ${error.message}` },
      };
    }
  }

  private readerOptions(fileName: string): ReaderOptions {
    const { currency, account, mapping, dayFirst } = this.options;
    return {
      fileName,
      ...(currency === undefined ? {} : { currency }),
      ...(account === undefined ? {} : { account }),
      ...(mapping === undefined ? {} : { mapping }),
      ...(dayFirst === undefined ? {} : { dayFirst }),
    };
  }

  /** The account that speaks for files that have none: so their errors are told once. */
  private speaker(files: readonly ReadFile[]): string | undefined {
    for (const { statement } of files) {
      for (const account of statement?.accounts ?? []) {
        const id = this.accountId(account);
        if (id !== undefined) return id;
      }
    }
    return undefined;
  }

  /** Payments of one account in one file, with its errors; those of a file are told with its first account. */
  private rowsOf(
    file: ReadFile,
    account: BankAccount,
    since: string | undefined,
  ): { payments: Payment[]; errors: RowError[] } {
    const statement = file.statement;
    if (!statement) return { payments: [], errors: [] };
    const named = statement.accounts.map((item) => this.accountId(item));
    const first = named.find((id) => id !== undefined);
    const withFile = (error: RowError): RowError => inFile(file, error);
    const speaksFor =
      first === account.id || (first === undefined && this.speaker([...this.known.values()]) === account.id);
    const errors = speaksFor ? this.errorsOf(file) : [];
    const rows: StatementPayment[] = [];
    const copies = new Set<string>();
    statement.accounts.forEach((item, at) => {
      if (named[at] !== account.id) return;
      // The same statement twice in one file is a copy, not new payments.
      const copy = JSON.stringify([
        item.statementId,
        item.openingBalance,
        item.closingBalance,
        item.payments.map(({ line, ...row }) => (line === undefined ? row : row)),
      ]);
      if (
        item.statementId !== undefined &&
        item.payments.length > 0 &&
        item.closingBalance &&
        copies.has(copy)
      ) {
        errors.push(
          withFile({
            ...lineOf(item.payments[0]),
            reason: `Statement ${item.statementId} stands in the file twice; the second was left out.`,
          }),
        );
        return;
      }
      copies.add(copy);
      for (const payment of item.payments) {
        if (payment.currency === account.currency) rows.push(payment);
        else {
          errors.push(
            withFile({
              ...lineOf(payment),
              code: "CURRENCY_MISMATCH",
              reason: `The row of ${payment.date} is in ${payment.currency}, but the account is in ${account.currency}: it was left out.`,
            }),
          );
        }
      }
    });
    const fetchedAt = new Date().toISOString();
    const own = account.id.slice(this.source.length + 1);
    const seen = new Set<string>();
    const payments: Payment[] = [];
    for (const { payment, id, occurrence } of identify(own, rows)) {
      if (seen.has(id) || (since !== undefined && payment.date < since)) continue;
      seen.add(id);
      const { line: _line, category: _category, bankId: _bankId, raw, ...fields } = payment;
      payments.push({
        ...fields,
        id: makeId(this.source, id),
        source: this.source,
        accountId: account.id,
        ...(occurrence ? { occurrence } : {}),
        raw: { ...raw, ...(payment.bankId === undefined ? {} : { bankId: payment.bankId }) },
        fetchedAt,
      });
    }
    return { payments, errors };
  }

  /** Errors of a file that was read, and its rows that belong to no account. */
  private errorsOf(file: ReadFile): RowError[] {
    const errors = file.statement?.errors ?? [];
    const unnamed = (file.statement?.accounts ?? [])
      .filter((account) => account.payments.length > 0 && this.accountId(account) === undefined)
      .map((account): RowError => ({
        ...lineOf(account.payments[0]),
        code: "CONFIG_INVALID",
        reason: `The file does not name its account, so its ${account.payments.length} rows were left out. Set the account (IBAN or number), and keep the files of other accounts in another folder.`,
      }));
    return [...errors, ...unnamed].map((error) => inFile(file, error));
  }

  private accountId(account: StatementAccount): string | undefined {
    // An account that is set stands for itself in every format: MT940 may have its number, CAMT its IBAN.
    const { account: set } = this.options;
    const stated = account.iban ?? account.id ?? set;
    const own = set !== undefined && sameAccount(stated, set) ? set : stated;
    return own === undefined
      ? undefined
      : makeId(this.source, `${normaliseAccount(own)}/${account.currency}`);
  }

  private bankAccount(id: string, account: StatementAccount): BankAccount {
    const name = account.name ?? account.iban ?? account.id ?? this.options.account ?? id;
    return {
      id,
      source: this.source,
      ...(account.iban === undefined ? {} : { iban: account.iban }),
      name,
      currency: account.currency,
      timeZone: this.options.timeZone,
    };
  }

  /** The newest closing balance that a file states. */
  private newest(known: BankAccount | undefined, account: StatementAccount): Pick<BankAccount, "balance"> {
    const { closingBalance: closing } = account;
    if (!closing?.date || closing.currency !== account.currency)
      return known?.balance ? { balance: known.balance } : {};
    const at = `${closing.date}T23:59:59.000Z`;
    if (known?.balance && known.balance.at > at) return { balance: known.balance };
    return { balance: { amount: closing.amount, at } };
  }
}

function inFile(file: ReadFile, error: RowError): RowError {
  return { ...error, reason: `${file.name}: ${error.reason}` };
}

function lineOf(payment: StatementPayment | undefined): { line?: number } {
  return payment?.line === undefined ? {} : { line: payment.line };
}

function cursorOf(cursor: Json): FilesCursor {
  const files =
    cursor !== null && typeof cursor === "object" && !Array.isArray(cursor) ? cursor["files"] : undefined;
  if (files === null || typeof files !== "object" || Array.isArray(files)) return {};
  return Object.fromEntries(
    Object.entries(files).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
