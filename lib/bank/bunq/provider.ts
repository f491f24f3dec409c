import type { HttpClientOptions } from "../../http";
import type { BankAccount, Payment } from "../../store";
import { ownId, toTallyError, type CalendarDate, type Id, type Json } from "../../values";
import type {
  BankProvider,
  BankWebhooks,
  PaymentPage,
  PaymentsRequest,
  RefetchedPayments,
  RowError,
} from "../port";
import { sourceName } from "../source";
import type { BunqEnvironment } from "./addresses";
import { CardActions } from "./cards";
import type { BunqConnection } from "./connection";
import { filled, overlapStart, reachesFurtherBack, readCursor, withCards, type BunqCursor } from "./cursor";
import { accountOf, paymentsOf, type MappedPage, type MappingContext } from "./mapping";
import type { Envelope } from "./protocol";
import { BunqWebhooks } from "./webhooks";

/** bunq's largest page. */
const PAGE = 200;
/** A connection to bunq, with what bunq has beside other banks. */
export interface BunqBank extends BankProvider {
  readonly webhooks: BankWebhooks;
  refetch(account: BankAccount, ids: readonly Id[], signal?: AbortSignal): Promise<RefetchedPayments>;
}

/** What reading needs of the options of `openBunq`, which has their meaning. */
interface Settings {
  source?: string;
  timeZone?: string;
  pending?: boolean;
  http?: Partial<HttpClientOptions>;
}

/** What `openBunq` opens. */
export class Bunq implements BunqBank {
  readonly kind = "bunq";
  /** They last by bunq's words; should one not, its content and its instant tell that it is the same payment. */
  readonly ids = "changing";
  readonly webhooks: BankWebhooks;
  readonly #connect: () => Promise<BunqConnection>;
  readonly #context: MappingContext;
  readonly #pending: boolean;
  readonly #connections = new Set<BunqConnection>();

  constructor(connect: () => Promise<BunqConnection>, environment: BunqEnvironment, options: Settings) {
    const source = sourceName(options.source ?? "bunq");
    const now = options.http?.now ?? Date.now;
    this.#connect = async () => {
      const connection = await connect();
      this.#connections.add(connection);
      return connection;
    };
    this.#context = {
      source,
      timeZone: options.timeZone ?? "Europe/Amsterdam",
      now: () => new Date(now()).toISOString(),
    };
    this.#pending = options.pending ?? false;
    this.webhooks = new BunqWebhooks(this.#connect, source, environment);
  }

  get source(): string {
    return this.#context.source;
  }

  get calls(): number {
    return [...this.#connections].reduce((sum, { calls }) => sum + calls, 0);
  }

  async accounts(signal?: AbortSignal): Promise<BankAccount[]> {
    const connection = await this.#connect();
    const accounts: BankAccount[] = [];
    let query: Record<string, number> = { count: PAGE };
    for (;;) {
      const envelope = await connection.get("/monetary-account", query, signal);
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
    const connection = await this.#connect();
    const { signal } = request;
    let cursor = readCursor(request.cursor);
    const cards = new CardActions(connection, account, this.#context, cursor?.cards, signal);
    const reading: Reading = { connection, account, cards, signal };
    // What the first page brings beside its own: what is reserved, and what could not be read of that.
    const beside = { payments: this.#pending ? await cards.pending() : [] };
    const known = cursor !== undefined;
    if (cursor && reachesFurtherBack(request.since, cursor.since)) cursor = { ...cursor, complete: false };
    while (!cursor?.complete) {
      const page = await this.#page(reading, cursor ? { older_id: cursor.oldest } : {});
      const next = filled(cursor, page, request.since);
      // An account on which nothing ever happened: the next call starts from nothing again.
      yield answer(page, next ? withCards(next, cards) : null, request.since, beside, cards.errors);
      if (!next) return;
      cursor = next;
    }
    // What came while history was being filled in one go is seen next time.
    if (known) yield* this.#forward(reading, cursor, request, beside);
  }

  /** From the overlap to the newest payment there is. The overlap moves up only when its end is reached. */
  async *#forward(
    reading: Reading,
    start: BunqCursor,
    request: PaymentsRequest,
    beside: Beside,
  ): AsyncGenerator<PaymentPage, void, undefined> {
    const { cards } = reading;
    const seen: MappedPage["rows"] = [];
    const note = ({ rows }: MappedPage) => seen.push(...rows.map(({ id, created }) => ({ id, created })));
    const hand = (page: MappedPage, cursor: BunqCursor) =>
      answer(page, withCards(cursor, cards), request.since, beside, cards.errors);
    const end = (newest: number): BunqCursor => ({
      ...start,
      newest,
      from: Math.max(start.from, overlapStart(seen, start.from)),
    });
    let at = start.from;
    for (;;) {
      const page = await this.#page(reading, { newer_id: at }, start.newest);
      note(page);
      const top = Math.max(at, ...page.rows.map(({ id }) => id));
      const newest = Math.max(start.newest, top);
      if (!page.more.newer && page.rows.length >= PAGE) {
        // bunq does not say whether a page of newer rows lies next to the id or at the newest end. A full page
        // with nothing newer may be either, so the rows between are asked for before the cursor moves.
        yield hand(page, start);
        for await (const between of this.#between(reading, at, page, start.newest)) {
          note(between);
          yield hand(between, start);
        }
        yield hand(NO_ROWS, end(newest));
        return;
      }
      const last = !page.more.newer || top === at;
      yield hand(page, last ? end(newest) : { ...start, newest });
      if (last) return;
      at = top;
    }
  }

  /** The pages below a page, down to an id. */
  async *#between(
    reading: Reading,
    floor: number,
    above: MappedPage,
    explainAfter: number,
  ): AsyncGenerator<MappedPage, void, undefined> {
    for (let page = above; page.rows.length > 0;) {
      const low = Math.min(...page.rows.map(({ id }) => id));
      if (low <= floor + 1) return;
      page = await this.#page(reading, { older_id: low }, explainAfter);
      if (page.rows.some(({ id }) => id > floor)) yield page;
    }
  }

  /** @param explainAfter card payments with ids above this are new: their card actions are looked at */
  async #page(
    { connection, account, cards, signal }: Reading,
    place: { older_id?: number; newer_id?: number },
    explainAfter?: number,
  ): Promise<MappedPage & { more: { newer: boolean; older: boolean } }> {
    const path = `/monetary-account/${ownId(account.id)}/payment`;
    const envelope = await connection.get(path, { count: PAGE, ...place }, signal);
    if (explainAfter !== undefined) await cards.explain(envelope, explainAfter);
    const { newer_url: newer, older_url: older } = envelope.Pagination ?? {};
    return {
      ...(await paymentsOf(envelope, account, this.#context, cards.details)),
      more: { newer: Boolean(newer), older: Boolean(older) },
    };
  }

  async refetch(account: BankAccount, ids: readonly Id[], signal?: AbortSignal): Promise<RefetchedPayments> {
    const connection = await this.#connect();
    const found: RefetchedPayments = { payments: [], errors: [], missing: [] };
    for (const id of new Set(ids)) {
      const path = `/monetary-account/${ownId(account.id)}/payment/${encodeURIComponent(ownId(id))}`;
      let envelope: Envelope;
      try {
        envelope = await connection.get(path, {}, signal);
      } catch (thrown) {
        if (toTallyError(thrown).code !== "NOT_FOUND") throw thrown;
        found.missing.push(id);
        continue;
      }
      const { payments, errors } = await paymentsOf(envelope, account, this.#context);
      found.payments.push(...payments.filter((payment) => payment.id === id));
      found.errors.push(...errors);
    }
    return found;
  }

  async close(): Promise<void> {
    // Nothing is held open: bunq's session is kept for the next start and ends by itself.
  }
}

/** One reading of an account. */
interface Reading {
  connection: BunqConnection;
  account: BankAccount;
  cards: CardActions;
  signal: AbortSignal | undefined;
}

/** What goes with the next page beside its own payments. */
interface Beside {
  payments: Payment[];
}

const NO_ROWS: MappedPage = { payments: [], errors: [], rows: [] };

function answer(
  page: MappedPage,
  cursor: BunqCursor | null,
  since: CalendarDate | undefined,
  beside: Beside,
  cardErrors: RowError[],
): PaymentPage {
  const all = [...beside.payments.splice(0), ...page.payments];
  const payments = all.filter(({ date }) => since === undefined || date >= since);
  return { payments, errors: [...cardErrors.splice(0), ...page.errors], cursor: cursor as Json };
}

function olderId(url: string | null | undefined): number | undefined {
  const text = url ? new URL(url, "http://bunq.invalid").searchParams.get("older_id") : null;
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}
