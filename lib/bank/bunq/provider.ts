import { z } from "zod";
import { apiBase, type HttpClientOptions } from "../../http";
import type { BankAccount, Store } from "../../store";
import { TallyError, ownId, type CalendarDate, type Json } from "../../values";
import type { BankProvider, PaymentPage, PaymentsRequest } from "../port";
import { sourceName } from "../source";
import { BunqConnection } from "./connection";
import { accountOf, paymentsOf, type MappedPage, type MappingContext } from "./mapping";
import { BUNQ_PRODUCTION_URL, BUNQ_SANDBOX_URL, type KeyStore } from "./protocol";

export interface BunqOptions {
  apiKey: string;
  /** With or without `/v1`; by default production, or the sandbox for keys that begin with `sandbox_`. */
  url?: string;
  /** Name of the connection; `bunq` when absent. */
  source?: string;
  /** IANA zone of the accounts' dates; bunq says UTC only. `Europe/Amsterdam` when absent. */
  timeZone?: string;
  /** Keeps the rate budgets. */
  store: Store;
  /** Keeps the installation; without one, every start registers with bunq anew. */
  keyStore?: KeyStore;
  /** Name of this device in the bunq app. */
  description?: string;
  /** IP addresses that may use the key from now on; bunq takes the present one when absent. */
  permittedIps?: readonly string[];
  /** Time-outs, retries, limits, clock. */
  http?: Partial<HttpClientOptions>;
}

/** bunq's largest page. */
const PAGE = 200;
/** What is read again each time, to see changes: at least so many payments and so many days. */
const OVERLAP_ROWS = 50;
const OVERLAP_MS = 2 * 86_400_000;

/**
 * Where the reading of an account stands. All ids are bunq's. History is filled backwards from `newest` down to
 * `oldest`; when that is `complete`, reading goes forward from `from`, which lies an overlap before `newest`.
 */
const cursorSchema = z.object({
  newest: z.number(),
  oldest: z.number(),
  complete: z.boolean(),
  from: z.number(),
  /** The date that the filling went back to; absent when it went to the beginning. */
  since: z.string().optional(),
});
type BunqCursor = z.infer<typeof cursorSchema>;

/**
 * A connection to bunq. Nothing is sent before the first call; the first one registers a key pair, which the key
 * store keeps. Booked payments only: bunq shows a card reservation elsewhere and under another id.
 *
 * @throws TallyError CONFIG_INVALID for an empty key, a URL that is none, or a colon in the source's name
 */
export function openBunq(options: BunqOptions): BankProvider {
  const apiKey = options.apiKey.trim();
  if (!apiKey) {
    throw new TallyError(
      "CONFIG_INVALID",
      "The bunq API key is missing. Make one in the bunq app and enter it.",
    );
  }
  const url = options.url ?? (apiKey.startsWith("sandbox_") ? BUNQ_SANDBOX_URL : BUNQ_PRODUCTION_URL);
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new TallyError("CONFIG_INVALID", `"${url.slice(0, 80)}" is not the address of a bunq API.`);
  }
  const source = sourceName(options.source ?? "bunq");
  const connection = new BunqConnection({
    apiKey,
    url: apiBase(url, "/v1"),
    store: options.store,
    description: options.description ?? "Tallyflow",
    ...(options.keyStore ? { keyStore: options.keyStore } : {}),
    ...(options.permittedIps ? { permittedIps: options.permittedIps } : {}),
    ...(options.http ? { http: options.http } : {}),
  });
  return new Bunq(connection, {
    source,
    timeZone: options.timeZone ?? "Europe/Amsterdam",
    now: () => new Date().toISOString(),
  });
}

class Bunq implements BankProvider {
  readonly kind = "bunq";
  readonly #connection: BunqConnection;
  readonly #context: MappingContext;

  constructor(connection: BunqConnection, context: MappingContext) {
    this.#connection = connection;
    this.#context = context;
  }

  get source(): string {
    return this.#context.source;
  }

  get calls(): number {
    return this.#connection.calls;
  }

  async accounts(signal?: AbortSignal): Promise<BankAccount[]> {
    const accounts: BankAccount[] = [];
    let query: Record<string, number> = { count: PAGE };
    for (;;) {
      const envelope = await this.#connection.get("/monetary-account", query, signal);
      for (const wrapped of envelope.Response) {
        const account = accountOf(wrapped, this.#context);
        if (account) accounts.push(account);
      }
      const older = olderId(envelope.Pagination?.older_url);
      if (older === undefined || envelope.Response.length === 0) {
        // Oldest first: the account that a household began with leads.
        return accounts.sort((a, b) => Number(ownId(a.id)) - Number(ownId(b.id)));
      }
      query = { count: PAGE, older_id: older };
    }
  }

  async *payments(
    account: BankAccount,
    request: PaymentsRequest,
  ): AsyncGenerator<PaymentPage, void, undefined> {
    let cursor = readCursor(request.cursor);
    const known = cursor !== undefined;
    if (cursor && reachesFurtherBack(request.since, cursor.since)) cursor = { ...cursor, complete: false };
    while (!cursor?.complete) {
      const page = await this.#page(account, cursor ? { older_id: cursor.oldest } : {}, request.signal);
      const next = filled(cursor, page, request.since);
      // An account on which nothing ever happened: the next call starts from nothing again.
      yield answer(page, next ?? null, request.since);
      if (!next) return;
      cursor = next;
    }
    // What came while history was being filled in one go is seen next time.
    if (known) yield* this.#forward(account, cursor, request);
  }

  /** From the overlap to the newest payment there is. The overlap moves up only when its end is reached. */
  async *#forward(
    account: BankAccount,
    start: BunqCursor,
    request: PaymentsRequest,
  ): AsyncGenerator<PaymentPage, void, undefined> {
    const seen: MappedPage["rows"] = [];
    const note = ({ rows }: MappedPage) => seen.push(...rows.map(({ id, created }) => ({ id, created })));
    const end = (newest: number): BunqCursor => ({
      ...start,
      newest,
      from: Math.max(start.from, overlapStart(seen, start.from)),
    });
    let at = start.from;
    for (;;) {
      const page = await this.#page(account, { newer_id: at }, request.signal);
      note(page);
      const top = Math.max(at, ...page.rows.map(({ id }) => id));
      const newest = Math.max(start.newest, top);
      if (!page.more.newer && page.rows.length >= PAGE) {
        // bunq does not say whether a page of newer rows lies next to the id or at the newest end. A full page
        // with nothing newer may be either, so the rows between are asked for before the cursor moves.
        yield answer(page, start, request.since);
        for await (const between of this.#between(account, at, page, request.signal)) {
          note(between);
          yield answer(between, start, request.since);
        }
        yield { payments: [], errors: [], cursor: end(newest) };
        return;
      }
      const last = !page.more.newer || top === at;
      yield answer(page, last ? end(newest) : { ...start, newest }, request.since);
      if (last) return;
      at = top;
    }
  }

  /** The pages below a page, down to an id. */
  async *#between(
    account: BankAccount,
    floor: number,
    above: MappedPage,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<MappedPage, void, undefined> {
    for (let page = above; page.rows.length > 0;) {
      const low = Math.min(...page.rows.map(({ id }) => id));
      if (low <= floor + 1) return;
      page = await this.#page(account, { older_id: low }, signal);
      if (page.rows.some(({ id }) => id > floor)) yield page;
    }
  }

  async #page(
    account: BankAccount,
    place: { older_id?: number; newer_id?: number },
    signal: AbortSignal | undefined,
  ): Promise<MappedPage & { more: { newer: boolean; older: boolean } }> {
    const path = `/monetary-account/${ownId(account.id)}/payment`;
    const envelope = await this.#connection.get(path, { count: PAGE, ...place }, signal);
    const { newer_url: newer, older_url: older } = envelope.Pagination ?? {};
    return {
      ...(await paymentsOf(envelope, account, this.#context)),
      more: { newer: Boolean(newer), older: Boolean(older) },
    };
  }

  async close(): Promise<void> {
    // Nothing is held open: bunq's session is kept for the next start and ends by itself.
  }
}

/** The cursor after a page of the backward fill; undefined for an account without any payment. */
function filled(
  before: BunqCursor | undefined,
  page: MappedPage & { more: { older: boolean } },
  since: CalendarDate | undefined,
): BunqCursor | undefined {
  const ids = page.rows.map(({ id }) => id);
  if (!before && ids.length === 0) return undefined;
  const newest = before?.newest ?? Math.max(...ids);
  // Rows before `since` are left out and so not counted as read: an earlier date set later finds them.
  const kept = page.rows
    .filter(({ payment }) => !payment || !since || payment.date >= since)
    .map(({ id }) => id);
  const passed = page.rows.some(({ payment }) => since !== undefined && payment && payment.date < since);
  return {
    newest,
    oldest: Math.min(before?.oldest ?? newest + 1, ...kept),
    complete: passed || !page.more.older || ids.length === 0,
    from: before?.from ?? overlapStart(page.rows, Math.min(...ids) - 1),
    ...(since === undefined ? {} : { since }),
  };
}

/** The id after which reading starts next time, so that the overlap is read again; `otherwise` when all is overlap. */
function overlapStart(rows: MappedPage["rows"], otherwise: number): number {
  const newestFirst = [...rows].sort((a, b) => b.id - a.id);
  const latest = newestFirst.find(({ created }) => created !== undefined)?.created;
  if (latest === undefined) return otherwise;
  const outside = newestFirst
    .slice(OVERLAP_ROWS)
    .find(({ created }) => created !== undefined && created < latest - OVERLAP_MS);
  return outside?.id ?? otherwise;
}

function answer(page: MappedPage, cursor: BunqCursor | null, since: CalendarDate | undefined): PaymentPage {
  const payments = page.payments.filter(({ date }) => since === undefined || date >= since);
  return { payments, errors: page.errors, cursor: cursor as Json };
}

/** Was `since` moved to an earlier date than the history was filled to? */
function reachesFurtherBack(wanted: CalendarDate | undefined, filledTo: CalendarDate | undefined): boolean {
  return filledTo !== undefined && (wanted === undefined || wanted < filledTo);
}

/** A cursor that cannot be read is no cursor: everything is read again, and nothing is written twice. */
function readCursor(value: Json): BunqCursor | undefined {
  const parsed = cursorSchema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

function olderId(url: string | null | undefined): number | undefined {
  const text = url ? new URL(url, "http://bunq.invalid").searchParams.get("older_id") : null;
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}
