import { apiBase, type HttpClientOptions } from "../../http";
import type { BankAccount, Store } from "../../store";
import { TallyError, localDate, makeId, ownId, sha256, toTallyError, type Instant } from "../../values";
import type {
  Consent,
  ConsentBegin,
  ConsentComplete,
  ConsentProvider,
  ConsentStart,
  Institution,
} from "../consent";
import type { BankProvider, PaymentPage, PaymentsRequest } from "../port";
import { sourceName } from "../source";
import { Pendings } from "../statements/pending";
import { z } from "zod";
import { Connection } from "./connection";
import { Consents, isOver } from "./consents";
import { consentOver, sessionStateOf, type About } from "./errors";
import { Kept, type AccountLink, type KeptAccount } from "./kept";
import { balanceOf, paymentsOf } from "./mapping";
import { ENABLE_BANKING_URL, balancesSchema, transactionsSchema } from "./protocol";
import { Accesses } from "./quota";
import { read, type PageRequest } from "./reading";
import { TokenMaker, readPrivateKey } from "./token";

export interface EnableBankingOptions {
  /** The application's id: the name of the .pem file that was saved at its registration. */
  applicationId: string;
  /** Text of that file. */
  privateKey: string;
  /** Another address than Enable Banking's, for tests. */
  url?: string;
  /** Name of the connection; `enable-banking` when absent. */
  source?: string;
  /** IANA zone in which the banks' dates are; `Europe/Amsterdam` when absent. */
  timeZone?: string;
  /** Keeps sessions, their accounts and the daily limits. */
  store: Store;
  /** Whose accounts they are; a person's when absent. */
  psuType?: "personal" | "business";
  /** Are pending payments wanted too? Not when absent. */
  pending?: boolean;
  /** Times a day that a bank lets an account be read unattended; 4 when absent. */
  accessesPerDay?: number;
  /** Time-outs, retries, clock. */
  http?: Partial<HttpClientOptions>;
}

/** Balances are asked for so often at most: they must not use up the day's accesses for nothing. */
const BALANCE_MS = 6 * 3_600_000;
/** What goes wrong with a balance and concerns the whole connection. The rest says nothing that payments do not. */
const NOT_THE_BALANCES_OWN = ["AUTH_FAILED", "CANCELLED", "STORE_UNAVAILABLE", "CONFIG_INVALID", "INTERNAL"];

export interface EnableBanking extends BankProvider, ConsentProvider {
  /**
   * Give a consent up, at the bank too where it allows that.
   * @throws TallyError NOT_FOUND, AUTH_FAILED, PROVIDER_*
   */
  end(consentId: string, signal?: AbortSignal): Promise<void>;
}

/**
 * A connection to banks through Enable Banking. Nothing is sent before the first call. Several banks may be allowed in
 * it, each by a consent of its own; the end of one concerns its accounts only.
 *
 * @throws TallyError CONFIG_INVALID for an id or key that is none, a URL that is none, or a colon in the source's name
 */
export function openEnableBanking(options: EnableBankingOptions): EnableBanking {
  return new Provider(options);
}

class Provider implements EnableBanking {
  readonly kind = "enable-banking";
  readonly source: string;
  readonly #options: EnableBankingOptions;
  readonly #connection: Connection;
  readonly #kept: Kept;
  readonly #consents: Consents;
  readonly #accesses: Accesses;
  readonly #timeZone: string;
  readonly #now: () => number;

  constructor(options: EnableBankingOptions) {
    const applicationId = options.applicationId.trim();
    if (!/^[\w-]{1,128}$/.test(applicationId)) {
      throw new TallyError(
        "CONFIG_INVALID",
        "The Enable Banking application id is missing or is none. It is the name of the .pem file, without `.pem`.",
      );
    }
    const url = options.url ?? ENABLE_BANKING_URL;
    if (!URL.canParse(url) || !/^https?:/.test(url))
      throw new TallyError(
        "CONFIG_INVALID",
        `"${url.slice(0, 80)}" is not the address of Enable Banking's API.`,
      );
    this.source = sourceName(options.source ?? "enable-banking");
    const { store, http = {} } = options;
    this.#options = options;
    this.#timeZone = options.timeZone ?? "Europe/Amsterdam";
    this.#now = http.now ?? Date.now;
    const key = readPrivateKey(options.privateKey);
    const tokens = new TokenMaker(applicationId, key, this.#now);
    const secrets = [options.privateKey];
    this.#connection = new Connection({ url: apiBase(url, ""), tokens, store, secrets, http });
    this.#kept = new Kept(store, this.source, this.#instant);
    const prefix = `enable-banking:${sha256(applicationId).slice(0, 16)}`;
    this.#accesses = new Accesses(prefix, options.accessesPerDay ?? 4, store, http, this.#now);
    this.#consents = new Consents({
      connection: this.#connection,
      kept: this.#kept,
      psuType: options.psuType ?? "personal",
      now: this.#instant,
    });
  }

  get calls(): number {
    return this.#connection.calls;
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

  end(consentId: string, signal?: AbortSignal): Promise<void> {
    return this.#consents.end(consentId, signal);
  }

  /**
   * Accounts of all consents, those that are over included: their payments are there still, and reading them says what
   * to do. Balances are as new as the banks' limits allow.
   */
  async accounts(signal?: AbortSignal): Promise<BankAccount[]> {
    const kept = await this.#kept.all("account");
    if (kept.length === 0) await this.#checkKey(signal);
    const accounts: BankAccount[] = [];
    for (const account of kept) {
      const balance = await this.#balance(account, signal);
      const currency = account.currency === "XXX" ? (balance?.currency ?? "XXX") : account.currency;
      accounts.push({
        id: makeId(this.source, account.own),
        source: this.source,
        ...(account.iban ? { iban: account.iban } : {}),
        name: account.name,
        currency,
        timeZone: this.#timeZone,
        type: account.type,
        closed: false,
        ...(balance ? { balance: { amount: balance.amount, at: balance.at } } : {}),
      });
    }
    return accounts.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id < b.id ? -1 : 1));
  }

  /**
   * @throws TallyError AUTH_EXPIRED when the consent for this account's bank is over; RATE_LIMITED with when to go on;
   *   NOT_FOUND for an account of no consent
   */
  async *payments(
    account: BankAccount,
    request: PaymentsRequest,
  ): AsyncGenerator<PaymentPage, void, undefined> {
    const own = ownId(account.id);
    const kept = await this.#kept.get("account", own);
    if (!kept) {
      throw new TallyError(
        "NOT_FOUND",
        `No consent of this connection holds ${account.name}. Open the bank connection in the editor and give one.`,
      );
    }
    const about = { bank: kept.institutionName, account: kept.name };
    const link = await this.#link(kept);
    const pendings = this.#options.pending
      ? new Pendings(account, this.source, this.#options.store)
      : undefined;
    const context = { source: this.source, pending: pendings !== undefined, now: this.#instant };
    let counted = false;
    yield* read(account, own, request, {
      link,
      now: this.#now,
      today: () => localDate(this.#now(), this.#timeZone),
      page: async (asked) => {
        const first = asked.key === undefined;
        // A period that is refused and asked for anew in shorter form is one access.
        if (first && !counted) await this.#accesses.of(own, "transactions", about).take();
        counted = first;
        const page = await this.#guarded(own, "transactions", link, () =>
          this.#page(link, asked, about, request.signal),
        );
        counted = false;
        return page;
      },
      map: async (rows, seen) => {
        const page = paymentsOf(rows, account, seen, context);
        const settled = pendings ? await pendings.settledBy(page.payments) : [];
        return settled.length > 0 ? { ...page, payments: [...page.payments, ...settled] } : page;
      },
      reach: () => this.#kept.get("reach", own),
      learn: (reach) => this.#kept.put("reach", own, reach),
    });
  }

  async close(): Promise<void> {
    // Nothing is held open.
  }

  readonly #instant = (): Instant => new Date(this.#now()).toISOString();

  async #page(link: AccountLink, asked: PageRequest, about: About, signal: AbortSignal | undefined) {
    const { transactions, continuation_key: key } = await this.#connection.call(
      {
        method: "GET",
        path: `/accounts/${encodeURIComponent(link.uid)}/transactions`,
        // The key holds only together with what the first page was asked for with.
        query: {
          date_from: asked.from,
          strategy: asked.strategy,
          ...(asked.key === undefined ? {} : { continuation_key: asked.key }),
        },
        ...(signal ? { signal } : {}),
      },
      transactionsSchema,
      "payments",
      about,
    );
    return { transactions, ...(key ? { key } : {}) };
  }

  /**
   * The session through which the account can be read: the newest that has not ended.
   * @throws TallyError AUTH_EXPIRED
   */
  async #link(account: KeptAccount): Promise<AccountLink> {
    let ended: Instant | undefined;
    for (const link of account.links) {
      const session = await this.#kept.get("session", link.session);
      if (!session) continue;
      if (session.state === "valid" && !isOver(session.validUntil, this.#instant())) return link;
      if (session.state !== "ended") ended ??= session.validUntil;
    }
    const on = isOver(ended, this.#instant()) ? ended : undefined;
    throw new TallyError("AUTH_EXPIRED", consentOver(account.institutionName, on), {
      details: { bank: account.institutionName, account: account.name },
    });
  }

  /** Remember what an error says of the session and of the bank's limit, so that nothing is sent in vain. */
  async #guarded<T>(
    own: string,
    endpoint: "transactions" | "balances",
    link: AccountLink,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      const error = toTallyError(thrown);
      const state = sessionStateOf(error);
      const session = state && (await this.#kept.get("session", link.session));
      if (session) await this.#kept.put("session", session.id, { ...session, state });
      if (error.code === "RATE_LIMITED" && error.retryAfterMs !== undefined)
        await this.#accesses.of(own, endpoint).block(error.retryAfterMs);
      throw error;
    }
  }

  /** The last known balance, asked for anew when it is old and the bank may be asked. */
  async #balance(account: KeptAccount, signal: AbortSignal | undefined) {
    const { own } = account;
    const known = await this.#kept.get("balance", own);
    if (known && this.#now() - Date.parse(known.askedAt) < BALANCE_MS) return known.balance;
    const about = { bank: account.institutionName, account: account.name };
    let balance = known?.balance;
    try {
      const link = await this.#link(account);
      await this.#accesses.of(own, "balances", about).take();
      const { balances } = await this.#guarded(own, "balances", link, () =>
        this.#connection.call(
          {
            method: "GET",
            path: `/accounts/${encodeURIComponent(link.uid)}/balances`,
            ...(signal ? { signal } : {}),
          },
          balancesSchema,
          "balances",
          about,
        ),
      );
      const found = balanceOf(balances, account.currency);
      if (found) balance = { ...found, at: this.#instant() };
    } catch (thrown) {
      const error = toTallyError(thrown);
      // A bank that does not say its balance must not hold up the payments, which will say what is wrong with it.
      if (NOT_THE_BALANCES_OWN.includes(error.code)) throw error;
    }
    await this.#kept.put("balance", own, { askedAt: this.#instant(), ...(balance ? { balance } : {}) });
    return balance;
  }

  /** Without accounts nothing else would show that the key is wrong. */
  async #checkKey(signal: AbortSignal | undefined): Promise<void> {
    const path = "/application";
    await this.#connection.call(
      { method: "GET", path, ...(signal ? { signal } : {}) },
      z.unknown(),
      "the application",
    );
  }
}
