import type { BankAccount, Store } from "../../store";
import { sha256, TallyError, toTallyError } from "../../values";
import type { Json } from "../../values";
import type { BankProvider, PaymentPage, PaymentsRequest, RowError } from "../port";
import { folderFiles, givenFiles, type FoundFile, type StatementFile } from "./files";
import { KnownFiles, readingKey, type KnownFile } from "./known";
import { Pendings } from "./pending";
import {
  Desk,
  mergeAccounts,
  TOLD,
  type FileFacts,
  type OpenedFile,
  type ReadingSettings,
  type ReadingThread,
  type Rows,
  type RowsRequest,
} from "./reading";
import type { CsvMapping, ReaderOptions } from "./types";

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
  /**
   * Where stored payments are looked up, so that a pending one is linked to the row that booked it, and where it is
   * kept what the files of the folder gave, so that the next process need not read them.
   */
  store?: Store;
  /** Larger files are refused without being loaded; 256 MiB when absent. */
  maxBytes?: number;
  /** A file that changed within this time is still being written; 1,000 ms when absent. */
  settleMs?: number;
  /** Where large files are read; a thread that all connections of the process share when absent. */
  thread?: ReadingThread;
}

const MAX_BYTES = 256 * 1024 * 1024;
const PAGE = 1000;
/** A file that took too much memory or time is read again after this time: the machine may have been busy. */
const AGAIN_MS = 6 * 3_600_000;

/**
 * Cursor: a mark for each file that has been handed out, by name. The mark of a file of which payments were taken is
 * its content hash: read in another way, the same rows may get other ids, and would be written twice. The mark of a
 * file that gave nothing names the way of reading too, so that it is looked at again with other settings.
 */
type FilesCursor = Record<string, string>;

interface ReadFile {
  name: string;
  found: FoundFile;
  hash: string;
  facts?: FileFacts;
  error?: RowError;
  /** Its rows, when it was read by this process. */
  rows?: OpenedFile["rows"];
  /** What is kept of it for the next process. */
  known?: KnownFile;
  /** It is worth another try after this moment, in milliseconds since the epoch. */
  again?: number;
}

/**
 * The bank provider over statement files. An account is known by its IBAN, else its number, and its currency. Every
 * file is read again only when its content changed; overlapping, renamed and repeated files yield the same payments
 * with the same ids.
 * @throws TallyError CONFIG_INVALID when neither a folder nor files are given
 */
export function openStatementFiles(options: StatementFileOptions): BankProvider {
  if (options.folder === undefined && options.files === undefined) {
    throw new TallyError("CONFIG_INVALID", "Statement files need a folder to watch or files to read.");
  }
  return new FilesProvider(options);
}

class FilesProvider implements BankProvider {
  readonly kind = "files";
  readonly ids = "perFile";
  readonly source: string;
  /** Statement files need no requests. */
  readonly calls = 0;
  readonly #options: StatementFileOptions;
  readonly #desk: Desk;
  /** The way in which files are read. */
  readonly #key: string;
  readonly #given: readonly FoundFile[];
  readonly #kept: KnownFiles | undefined;
  #files = new Map<string, ReadFile>();

  constructor(options: StatementFileOptions) {
    this.#options = options;
    this.source = options.source ?? "files";
    this.#desk = new Desk(options.thread);
    this.#key = readingKey({ source: this.source, options: this.#readerOptions() });
    this.#given = givenFiles(options.files ?? [], options.maxBytes ?? MAX_BYTES);
    const { store, folder } = options;
    this.#kept = store && folder !== undefined ? new KnownFiles(store, this.source, folder) : undefined;
  }

  async accounts(signal?: AbortSignal): Promise<BankAccount[]> {
    const files = await this.#look(signal);
    const found = mergeAccounts(files.flatMap(({ facts }) => facts?.accounts ?? []));
    // With no account there is nobody to tell these with.
    if (found.length === 0) throwErrors(files);
    const { source } = this;
    const { timeZone } = this.#options;
    return found.map(({ id, iban, name, currency, ...rest }) => ({
      id,
      source,
      ...(iban === undefined ? {} : { iban }),
      name,
      currency,
      timeZone,
      ...rest,
    }));
  }

  async *payments(account: BankAccount, request: PaymentsRequest): AsyncIterable<PaymentPage> {
    const { signal, since } = request;
    const files = await this.#look(signal);
    const done = new Set(Object.values(cursorOf(request.cursor)));
    const unread = (hash: string) => `${hash}~${this.#key}`;
    // Files that are gone leave the cursor; the ids stay the same if they come back.
    const cursor: FilesCursor = {};
    for (const { name, hash } of files) {
      const mark = [hash, unread(hash)].find((one) => done.has(one));
      if (mark !== undefined) cursor[name] = mark;
    }
    const speaker = files.find(({ facts }) => facts?.accounts.length)?.facts?.accounts[0]?.id;
    const pendings = new Pendings(account, this.source, this.#options.store);
    let unsaid = false;
    for (const file of files) {
      if (done.has(file.hash) || done.has(unread(file.hash))) continue;
      signal?.throwIfAborted();
      const own = file.facts?.accounts ?? [];
      const wanted: Omit<RowsRequest, "from" | "count"> = {
        account: { id: account.id, currency: account.currency },
        speaks: (own[0]?.id ?? speaker) === account.id,
        ...(since === undefined ? {} : { since }),
      };
      let taken = false;
      const concerns = own.some(({ id }) => id === account.id);
      const pages = this.#pages(file, wanted, concerns, signal);
      for await (const { payments, errors, more } of pages) {
        taken ||= payments.length > 0;
        if (!more) cursor[file.name] = taken ? file.hash : unread(file.hash);
        // Most files of a folder are of other accounts: a page for each would be a write for each.
        unsaid = !taken && errors.length === 0;
        if (unsaid) continue;
        yield {
          payments: [...payments, ...(await pendings.settledBy(payments))],
          errors,
          cursor: { files: { ...cursor } },
        };
      }
      if (cursor[file.name] !== undefined) done.add(cursor[file.name]!);
    }
    if (unsaid) yield { payments: [], errors: [], cursor: { files: { ...cursor } } };
  }

  async close(): Promise<void> {
    this.#files.clear();
    this.#desk.clear();
  }

  /** What a file has for an account, page by page. A file that cannot be read to its end has no last page. */
  async *#pages(
    file: ReadFile,
    wanted: Omit<RowsRequest, "from" | "count">,
    concerns: boolean,
    signal: AbortSignal | undefined,
  ): AsyncIterable<Rows> {
    if (!concerns && !(wanted.speaks && (file.error || file.facts!.errors > 0))) {
      yield { payments: [], errors: [], more: false };
      return;
    }
    if (file.error) {
      yield { payments: [], errors: [file.error], more: false };
      return;
    }
    try {
      for (let from = 0, more = true; more; from += PAGE) {
        const rows = await this.#rows(file, { ...wanted, from, count: PAGE }, signal);
        // It changed since it was looked at: the next look finds it as it is then.
        if (!rows) return;
        yield rows;
        more = rows.more;
      }
    } catch (thrown) {
      if (!gaveUp(thrown)) throw thrown;
      yield { payments: [], errors: [errorOf(file.name, thrown)], more: true };
    }
  }

  /** Rows of a file, which is read again where it was let go; undefined when it has another content by now. */
  async #rows(
    file: ReadFile,
    request: RowsRequest,
    signal: AbortSignal | undefined,
  ): Promise<Rows | undefined> {
    const rows = await file.rows?.(request, signal);
    if (rows) return rows;
    const opened = await this.#desk.open(file.found, this.#settings(file.found), signal);
    file.rows = opened.rows;
    return opened.hash === file.hash ? opened.rows(request, signal) : undefined;
  }

  /** All files as they are now; one that did not change since the last look is not read again. */
  async #look(signal?: AbortSignal): Promise<ReadFile[]> {
    const { folder, maxBytes = MAX_BYTES, settleMs = 1000 } = this.#options;
    const found = [
      ...this.#given,
      ...(folder === undefined ? [] : await folderFiles(folder, maxBytes, settleMs, signal)),
    ];
    const now = new Map<string, ReadFile>();
    for (const file of found) {
      signal?.throwIfAborted();
      // Two given files may share a name.
      const key = now.has(file.name) ? `${file.name}#${now.size}` : file.name;
      const before = this.#files.get(key);
      const same = before?.found.stamp === file.stamp && !(before.again && before.again < Date.now());
      const read = same ? before : await this.#read(file, key, signal);
      // What was read stays read when the look is stopped at a later file.
      this.#files.set(key, read);
      now.set(key, read);
    }
    this.#files = now;
    const known = [...now].flatMap(([name, file]) => (file.known ? [[name, file.known] as const] : []));
    await this.#kept?.keep(new Map(known));
    return [...now.values()];
  }

  async #read(found: FoundFile, name: string, signal: AbortSignal | undefined): Promise<ReadFile> {
    const known = await this.#kept?.find(found, this.#key);
    if (known) return fileOf(name, found, known);
    try {
      const { hash, facts, error, rows } = await this.#desk.open(found, this.#settings(found), signal);
      const read: KnownFile = {
        bytes: found.bytes,
        hash,
        key: this.#key,
        ...(facts ? { facts } : {}),
        ...(error ? { error } : {}),
      };
      return { ...fileOf(name, found, read), rows };
    } catch (thrown) {
      signal?.throwIfAborted();
      const error = errorOf(found.name, thrown);
      const hash = sha256(`unread|${found.stamp}`);
      return { name, found, hash, error, ...(gaveUp(thrown) ? { again: Date.now() + AGAIN_MS } : {}) };
    }
  }

  #settings({ name }: FoundFile): ReadingSettings {
    return { source: this.source, name, options: { ...this.#readerOptions(), fileName: name } };
  }

  #readerOptions(): ReaderOptions {
    const { currency, account, mapping, dayFirst } = this.#options;
    return {
      ...(currency === undefined ? {} : { currency }),
      ...(account === undefined ? {} : { account }),
      ...(mapping === undefined ? {} : { mapping }),
      ...(dayFirst === undefined ? {} : { dayFirst }),
    };
  }
}

function fileOf(name: string, found: FoundFile, known: KnownFile): ReadFile {
  const { hash, facts, error } = known;
  return {
    name,
    found,
    hash,
    known,
    ...(facts ? { facts } : {}),
    ...(error ? { error: { code: error.code, reason: `${found.name}: ${error.message}` } } : {}),
  };
}

function errorOf(name: string, thrown: unknown): RowError {
  const { code, message } = toTallyError(thrown);
  return { code, reason: `${name}: ${message}` };
}

/** Was it not the file's content, but what reading it took? */
function gaveUp(thrown: unknown): boolean {
  return thrown instanceof TallyError && thrown.code === "STATEMENT_UNREADABLE" && thrown.retryable;
}

/** @throws TallyError with the errors of the files, where there are any */
function throwErrors(files: readonly ReadFile[]): void {
  const errors = files.flatMap(({ error, facts }) => (error ? [error] : (facts?.told ?? [])));
  if (errors.length === 0) return;
  const codes = new Set(files.flatMap(({ error, facts }) => error?.code ?? facts?.codes ?? []));
  const [code] = codes.size === 1 ? codes : [];
  const told = errors.slice(0, TOLD).map(({ reason }) => reason);
  throw new TallyError(code ?? "STATEMENT_UNREADABLE", told.join("\n"));
}

function cursorOf(cursor: Json): FilesCursor {
  const files =
    cursor !== null && typeof cursor === "object" && !Array.isArray(cursor) ? cursor["files"] : undefined;
  if (files === null || typeof files !== "object" || Array.isArray(files)) return {};
  return Object.fromEntries(
    Object.entries(files).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
