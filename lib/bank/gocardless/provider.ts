import { apiBase, type HttpClientOptions } from "../../http";
import type { BankAccount, Payment, Store } from "../../store";
import { TallyError, addDays, localDate, makeId, type CalendarDate } from "../../values";
import {
  earlier,
  isSafeUrl,
  later,
  pagesOfDays,
  planDays,
  quoted,
  readDayCursor,
  recordOf,
  type DayCursor,
  type DayPlan,
} from "../aggregate";
import type { Consent, ConsentBegin, ConsentComplete, ConsentProvider, ConsentStart } from "../consent";
import type { Institution } from "../consent";
import type { BankProvider, PaymentPage, PaymentsRequest, RowError } from "../port";
import { sourceName } from "../source";
import { identify } from "../statements/ids";
import { Pendings } from "../statements/pending";
import { Accounts, type KnownAccount } from "./accounts";
import { GoCardlessConnection, malformed } from "./connection";
import { Consents } from "./consents";
import { paymentsOf, type MappedRow } from "./mapping";
import type { Requisition } from "./wire";

export const GOCARDLESS_URL = "https://bankaccountdata.gocardless.com/api/v2";

export interface GoCardlessOptions {
  /** Both parts of a user secret of the GoCardless portal. */
  secretId: string;
  secretKey: string;
  /** With or without `/api/v2`; GoCardless' own when absent. */
  url?: string;
  /** Name of the connection; `gocardless` when absent. */
  source?: string;
  /** IANA zone of the accounts' dates; `Europe/Amsterdam` when absent. */
  timeZone?: string;
  /** Keeps the quotas, and the few facts of accounts that cost one. */
  store: Store;
  /** Requests a day for each account and kind (payments, balances, details); 4 when absent. */
  callsPerDay?: number;
  /**
   * `own`, the default: consents that were begun by this connection. `all`: every one of the GoCardless account, such
   * as those made in its portal.
   */
  consents?: "own" | "all";
  /**
   * What tells payments apart. `provider`, the default: GoCardless' id of a row, with its date and amount. `content`:
   * date, amount, text and other party, for banks whose rows get other ids each time.
   */
  ids?: "provider" | "content";
  /** Time-outs, retries, clock. */
  http?: Partial<HttpClientOptions>;
}

/** Payments on a page, more to finish a day. */
const PAGE = 500;
/** Days that are read again each time: banks book late, and change what they booked. */
const OVERLAP_DAYS = 10;
/** What every bank gives under PSD2 where the agreement says nothing. */
const HISTORY_DAYS = 90;

/**
 * A connection to GoCardless Bank Account Data (formerly Nordigen). Nothing is sent before the first call. Each call
 * of `payments` costs one of the few requests a day that an account has, however many pages come of it.
 *
 * @throws TallyError CONFIG_INVALID for an empty secret, a URL that is none or not safe, or a colon in the source's name
 */
export function openGoCardless(options: GoCardlessOptions): BankProvider & ConsentProvider {
  const [secretId, secretKey] = [options.secretId.trim(), options.secretKey.trim()];
  if (!secretId || !secretKey) {
    throw new TallyError(
      "CONFIG_INVALID",
      "The secret id and key of GoCardless are missing. Make a user secret in the GoCardless portal (Developers, User secrets) and enter both parts.",
    );
  }
  const source = sourceName(options.source ?? "gocardless");
  const callsPerDay = options.callsPerDay ?? 4;
  if (!Number.isInteger(callsPerDay) || callsPerDay < 1) {
    throw new TallyError("CONFIG_INVALID", "The requests a day must be a whole number, at least 1.");
  }
  const url = options.url ?? GOCARDLESS_URL;
  if (!isSafeUrl(url)) {
    throw new TallyError(
      "CONFIG_INVALID",
      `"${quoted(url, 80)}" is not a safe address of the GoCardless API: it must begin with https://.`,
    );
  }
  const connection = new GoCardlessConnection({
    secretId,
    secretKey,
    url: apiBase(url, "/api/v2"),
    store: options.store,
    callsPerDay,
    ...(options.http ? { http: options.http } : {}),
  });
  return new GoCardless(connection, { ...options, source, callsPerDay });
}

class GoCardless implements BankProvider, ConsentProvider {
  readonly kind = "gocardless";
  readonly listsPending = true;
  readonly source: string;
  readonly #connection: GoCardlessConnection;
  readonly #accounts: Accounts;
  readonly #consents: Consents;
  readonly #options: GoCardlessOptions;

  constructor(
    connection: GoCardlessConnection,
    options: GoCardlessOptions & { source: string; callsPerDay: number },
  ) {
    const { source, store, callsPerDay } = options;
    const timeZone = options.timeZone ?? "Europe/Amsterdam";
    const mark = `tallyflow-${source}-`;
    const isOwn = ({ reference }: Requisition) =>
      options.consents === "all" || (reference ?? "").startsWith(mark);
    this.source = source;
    this.#options = options;
    this.#connection = connection;
    this.#accounts = new Accounts(connection, { source, timeZone, store, callsPerDay, isOwn });
    this.#consents = new Consents(connection, {
      timeZone,
      mark,
      isOwn,
      known: (ownId) => this.#accounts.keyed(ownId),
    });
  }

  get calls(): number {
    return this.#connection.calls;
  }

  async accounts(signal?: AbortSignal): Promise<BankAccount[]> {
    return (await this.#accounts.list(signal)).map(({ account }) => account);
  }

  async *payments(
    account: BankAccount,
    request: PaymentsRequest,
  ): AsyncGenerator<PaymentPage, void, undefined> {
    const known = await this.#accounts.find(account, request.signal);
    checkReady(known, account);
    const now = this.#connection.clock.now();
    const today = localDate(now, account.timeZone);
    const reachable = addDays(today, -(known.historyDays ?? HISTORY_DAYS));
    const wanted = later(request.since ?? reachable, reachable);
    const plan = planDays(readDayCursor(request.cursor), wanted, today, OVERLAP_DAYS, reachable);

    const answer = await this.#transactions(known, account, plan.from, request.signal);
    const lists = recordOf(recordOf(answer)?.["transactions"]);
    if (!lists) throw malformed(`payments of ${account.name}`);
    const context = { source: this.source, now: () => now };
    const booked = paymentsOf(lists["booked"], "booked", account, context);
    const pending = paymentsOf(lists["pending"], "pending", account, context);
    const errors = [...this.#accounts.notices.splice(0), ...booked.errors, ...pending.errors];
    if (plan.gap) errors.push(gapError(account, plan.gap));

    const { since } = request;
    const payments = this.#identified(account, booked.rows, pending.rows).filter(
      ({ date }) => since === undefined || date >= since,
    );
    yield* this.#pages(account, payments, errors, plan, today);
  }

  /** Booked payments by day, the pending ones on the last page, and what was pending and is booked now. */
  async *#pages(
    account: BankAccount,
    payments: readonly Payment[],
    errors: RowError[],
    plan: DayPlan,
    today: CalendarDate,
  ): AsyncGenerator<PaymentPage, void, undefined> {
    const settling = new Pendings(account, this.source, this.#options.store);
    const pages = pagesOfDays(
      payments.filter(({ status }) => status === "booked"),
      PAGE,
    );
    const last = [...(pages.pop() ?? []), ...payments.filter(({ status }) => status === "pending")];
    for (const [index, page] of [...pages, last].entries()) {
      const settled = await settling.settledBy(page);
      const reached = index < pages.length ? earlier(page.at(-1)!.date, today) : today;
      const cursor: DayCursor = { filled: plan.filled, through: later(reached, plan.done ?? reached) };
      yield { payments: [...page, ...settled], errors: index === 0 ? errors : [], cursor: { ...cursor } };
    }
  }

  async #transactions(
    known: KnownAccount,
    account: BankAccount,
    from: string,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    return this.#connection.get({
      path: `/accounts/${encodeURIComponent(known.ownId)}/transactions/`,
      query: { date_from: from },
      what: `payments of ${account.name}`,
      quota: { account: known.ownId, scope: "transactions" },
      signal,
    });
  }

  /** Ids of all rows of an answer together, booked ones first: a row that is in both lists is booked. */
  #identified(account: BankAccount, booked: readonly MappedRow[], pending: readonly MappedRow[]): Payment[] {
    const facts = [...booked, ...pending].map(({ payment, ownId, undated }) => ({
      ...payment,
      whole: payment,
      // A pending row without a date is of today, every day anew: its id is the same all the time.
      ...(undated ? { date: "" } : {}),
      ...(ownId !== undefined && this.#options.ids !== "content" ? { bankId: ownId } : {}),
    }));
    const found = new Map<string, Payment>();
    for (const { payment, id, occurrence } of identify(account.id, facts)) {
      const whole: Payment = {
        id: makeId(this.source, id),
        ...payment.whole,
        ...(occurrence === undefined ? {} : { occurrence }),
      };
      if (found.get(whole.id)?.status !== "booked") found.set(whole.id, whole);
    }
    return [...found.values()];
  }

  institutions(country: string, signal?: AbortSignal): Promise<Institution[]> {
    return this.#consents.institutions(country, signal);
  }

  begin(request: ConsentBegin): Promise<ConsentStart> {
    return this.#consents.begin(request);
  }

  complete(request: ConsentComplete): Promise<Consent> {
    return this.#consents.complete(request);
  }

  consents(signal?: AbortSignal): Promise<Consent[]> {
    return this.#consents.consents(signal);
  }

  async close(): Promise<void> {
    // Nothing is held open: tokens are forgotten with the provider.
  }
}

const AGAIN = "Open the bank connection in the editor and give the consent again.";

/**
 * Can payments be asked for? An account with status ERROR can: only an answer takes the status away.
 * @throws TallyError AUTH_EXPIRED, PROVIDER_UNAVAILABLE
 */
function checkReady({ requisition, status }: KnownAccount, account: BankAccount): void {
  const details = { account: account.id, requisition, status };
  const over = (why: string) =>
    new TallyError("AUTH_EXPIRED", `The consent for ${account.name} ${why}. ${AGAIN}`, { details });
  if (requisition === "SU") throw over("was suspended by GoCardless after many errors");
  if (requisition === "EX") throw over("has ended");
  if (status === "EXPIRED") throw over("has ended");
  if (status === "SUSPENDED") throw over("was suspended by GoCardless after many errors");
  if (status === "PROCESSING" || status === "DISCOVERED") {
    throw new TallyError(
      "PROVIDER_UNAVAILABLE",
      `The bank is still preparing ${account.name}. It is tried again later.`,
      { retryable: true, details },
    );
  }
}

function gapError(account: BankAccount, gap: { from: string; to: string }): RowError {
  return {
    reason: `Payments of ${account.name} from ${gap.from} to ${gap.to} lie before what the consent lets see, and were never read. Import a statement of these days.`,
  };
}
