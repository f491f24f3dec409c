import { createHash, randomUUID } from "node:crypto";
import { addDays, isCalendarDate, localDate } from "../../lib/values";
import type { Bank } from "./bank";
import { ApiError } from "./errors";
import type { Sessions, TwinSession } from "./sessions";
import type { EnableBankingTwinOptions, Row, TwinBank } from "./types";

/** The API's operations on accounts. Source: enablebanking.com/docs/api/reference. */

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const HALF_YEAR_S = 180 * 86_400;

export interface Call {
  method: string;
  path: string;
  query: URLSearchParams;
  body: string;
  headers: Record<string, string | string[] | undefined>;
}

export class Api {
  /** Keys of an earlier generation hold no more. */
  generation = 0;
  /** Moments of first readings, by account and kind. */
  readonly #accesses = new Map<string, number[]>();
  /** The rows of the last reading, for its further pages. */
  #listed: { key: string; rows: Row[] } | undefined;

  constructor(
    private readonly options: EnableBankingTwinOptions,
    private readonly banks: readonly TwinBank[],
    private readonly bank: Bank,
    private readonly sessions: Sessions,
    private readonly applicationId: string,
    private readonly now: () => number,
    /** Address of this server, for the bank's page. */
    private readonly origin: () => string,
  ) {}

  /** @throws ApiError */
  answer(call: Call): unknown {
    const [first = "", id = "", last = ""] = call.path.split("/").slice(1).map(decodeURIComponent);
    switch (`${call.method} ${first}${id ? "/*" : ""}${last ? `/${last}` : ""}`) {
      case "GET application":
        return {
          kid: this.applicationId,
          name: "Twin",
          environment: "SANDBOX",
          active: true,
          services: ["AIS"],
        };
      case "GET aspsps":
        return { aspsps: this.#aspsps(call.query) };
      case "POST auth":
        return this.#auth(parsed(call.body));
      case "POST sessions":
        return this.#open(parsed(call.body));
      case "GET sessions/*":
        return this.#session(this.sessions.get(id));
      case "DELETE sessions/*": {
        const session = this.sessions.get(id);
        if (session.status === "AUTHORIZED") session.status = "CLOSED";
        return { message: "OK" };
      }
      case "GET accounts/*/details": {
        const { account, session } = this.sessions.ofAccount(id);
        return this.#account(account, id, session);
      }
      case "GET accounts/*/balances": {
        const { account } = this.sessions.ofAccount(id);
        this.#count(account, "balances", call);
        return { balances: this.bank.balances(account) };
      }
      case "GET accounts/*/transactions":
        return this.#transactions(id, call);
      default:
        throw new ApiError(404, "NOT_FOUND", "Not found");
    }
  }

  #aspsps(query: URLSearchParams): unknown[] {
    const country = query.get("country");
    return this.banks
      .filter((bank) => country === null || bank.country === country)
      .map(({ name, country, bic, maxConsentSeconds }) => ({
        name,
        country,
        logo: `https://example.org/${encodeURIComponent(name)}.png`,
        psu_types: ["personal", "business"],
        auth_methods: [],
        maximum_consent_validity: maxConsentSeconds ?? HALF_YEAR_S,
        beta: false,
        ...(bic ? { bic } : {}),
      }));
  }

  #auth(body: Record<string, unknown>): unknown {
    const wrong = (what: string) =>
      new ApiError(422, "WRONG_REQUEST_PARAMETERS", `Wrong request parameters: ${what}`);
    const {
      access,
      aspsp,
      state,
      redirect_url: redirectUrl,
      psu_type: psuType,
    } = body as {
      access?: { valid_until?: unknown };
      aspsp?: { name?: unknown; country?: unknown };
    } & Record<string, unknown>;
    const until = access?.valid_until;
    // RFC 3339 with a zone, says the description.
    if (
      typeof until !== "string" ||
      !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/.test(until)
    )
      throw wrong("access.valid_until");
    if (typeof state !== "string" || typeof redirectUrl !== "string" || !URL.canParse(redirectUrl))
      throw wrong("state or redirect_url");
    if (psuType !== "personal" && psuType !== "business") throw wrong("psu_type");
    const bank = this.banks.find(({ name, country }) => name === aspsp?.name && country === aspsp.country);
    if (!bank) throw new ApiError(422, "WRONG_ASPSP_PROVIDED", "Wrong ASPSP name provided");
    const { redirectUrls } = this.options;
    if (redirectUrls && !redirectUrls.includes(redirectUrl))
      throw new ApiError(422, "REDIRECT_URI_NOT_ALLOWED", "Redirect URI not allowed");
    const validUntil = Date.parse(until);
    const seconds = (validUntil - this.now()) / 1000;
    if (seconds <= 0 || seconds > (bank.maxConsentSeconds ?? HALF_YEAR_S)) throw wrong("access.valid_until");
    const made = this.sessions.authorise({ bank, validUntil, state, redirectUrl, psuType });
    return { url: `${this.origin()}/consent/${made.id}`, authorization_id: made.id, psu_id_hash: "twin" };
  }

  #open({ code }: Record<string, unknown>): unknown {
    const session = this.sessions.open(String(code));
    return {
      session_id: session.id,
      accounts: [...session.accounts].map(([uid, key]) => this.#account(key, uid, session)),
      aspsp: { name: session.bank.name, country: session.bank.country },
      psu_type: "personal",
      access: { valid_until: new Date(session.validUntil).toISOString(), balances: true, transactions: true },
    };
  }

  #session(session: TwinSession): unknown {
    return {
      status: session.status,
      accounts: [...session.accounts.keys()],
      accounts_data: [...session.accounts].map(([uid, key]) => ({
        uid,
        identification_hash: this.#account(key, uid, session)["identification_hash"],
      })),
      aspsp: { name: session.bank.name, country: session.bank.country },
      psu_type: "personal",
      psu_id_hash: "twin",
      access: { valid_until: new Date(session.validUntil).toISOString() },
      created: new Date(session.created).toISOString(),
    };
  }

  #account(key: string, uid: string, session: TwinSession): Row {
    const account = { ...this.bank.details(key), uid };
    return this.options.shapeAccount?.(account, { account: key, session: session.number }) ?? account;
  }

  #transactions(uid: string, call: Call): unknown {
    const { session, account } = this.sessions.ofAccount(uid);
    const { query } = call;
    const asked = ["date_from", "date_to", "strategy", "transaction_status"].map(
      (name) => query.get(name) ?? "",
    );
    const from = query.get("date_from");
    const today = localDate(this.now(), "UTC");
    if (from !== null && !isCalendarDate(from))
      throw new ApiError(422, "WRONG_REQUEST_PARAMETERS", "Wrong request parameters: date_from");
    if (from !== null && from > addDays(today, 1))
      throw new ApiError(422, "DATE_FROM_IN_FUTURE", "date_from can not be in the future");
    const strategy = query.get("strategy") ?? "default";
    if (session.bank.noStrategy ? strategy === "longest" : !["default", "longest"].includes(strategy))
      throw new ApiError(422, "WRONG_REQUEST_PARAMETERS", "Wrong request parameters: strategy");
    const key = query.get("continuation_key");
    const place = key === null ? undefined : this.#place(key, uid, asked.join("|"));
    if (!place) {
      this.#checkPeriod(session, from, strategy, today);
      this.#count(account, "transactions", call);
    }
    const at = place?.at ?? this.now();
    const rows = this.#rows(account, session, from, strategy, this.options.shifting ? this.now() : at);
    const size = this.options.pageSize ?? 50;
    const offset = place?.offset ?? 0;
    const empty = !place && this.options.emptyFirstPage === true;
    const end = empty ? 0 : offset + size;
    const more = end < rows.length;
    return {
      transactions: empty ? [] : rows.slice(offset, end),
      continuation_key: more
        ? Buffer.from(
            JSON.stringify({
              uid,
              asked: asked.join("|"),
              offset: this.options.circling ? 0 : end,
              at,
              generation: this.generation,
            }),
          ).toString("base64url")
        : null,
    };
  }

  /** A key holds in its session and with the parameters of the first page only. */
  #place(key: string, uid: string, asked: string): { offset: number; at: number } {
    const wrong = new ApiError(422, "WRONG_CONTINUATION_KEY", "Wrong continuation key provided");
    let place: { uid?: string; asked?: string; offset: number; at: number; generation?: number };
    try {
      place = JSON.parse(Buffer.from(key, "base64url").toString("utf8")) as typeof place;
    } catch {
      throw wrong;
    }
    if (place.uid !== uid || place.asked !== asked || place.generation !== this.generation) throw wrong;
    return place;
  }

  #checkPeriod(session: TwinSession, from: string | null, strategy: string, today: string): void {
    const { historyDays, namesFirstDay } = this.options;
    if (historyDays === undefined || strategy === "longest" || this.now() - session.created < HOUR_MS) return;
    const first = addDays(today, -historyDays);
    if (from === null || from >= first) return;
    const named = namesFirstDay ? `: the earliest is ${first}` : "";
    throw new ApiError(422, "WRONG_TRANSACTIONS_PERIOD", `Wrong transactions period requested${named}`);
  }

  #rows(account: string, session: TwinSession, from: string | null, strategy: string, at: number): Row[] {
    const listed = [account, session.number, from, strategy, at, this.bank.changes, this.now()].join("|");
    if (this.#listed?.key === listed) return this.#listed.rows;
    const { historyDays, order } = this.options;
    // `longest` without a day goes back two years; some banks show less once the first hour is over.
    const late = historyDays !== undefined && this.now() - session.created >= HOUR_MS;
    const lower = from ?? addDays(localDate(at, "UTC"), strategy === "longest" ? -730 : -90);
    const first = late ? later(lower, addDays(localDate(at, "UTC"), -historyDays)) : lower;
    const rows = this.bank.rows(account, session.number, at).filter(({ date }) => date >= first);
    if (order === "newest" || order === undefined) rows.reverse();
    const list = rows.map(({ row }) => row);
    this.#listed = { key: listed, rows: order === "mixed" ? mixed(list) : list };
    return this.#listed.rows;
  }

  /** @throws ApiError 429 when the account was read as often as a bank allows unattended */
  #count(account: string, kind: string, { headers }: Call): void {
    const limit = this.options.accessesPerDay ?? 4;
    if (limit === "off" || headers["psu-ip-address"] !== undefined) return;
    const key = `${account} ${kind}`;
    const recent = (this.#accesses.get(key) ?? []).filter((at) => at > this.now() - DAY_MS);
    if (recent.length >= limit) {
      throw new ApiError(
        429,
        "ASPSP_RATE_LIMIT_EXCEEDED",
        "ASPSP Rate limit exceeded",
        {},
        { request: randomUUID() },
      );
    }
    this.#accesses.set(key, [...recent, this.now()]);
  }
}

function later(one: string, other: string): string {
  return one > other ? one : other;
}

/** In some order that has nothing to do with time, and is the same in every session. */
function mixed(rows: readonly Row[]): Row[] {
  return rows
    .map((row) => {
      const text = JSON.stringify({ ...row, transaction_id: null });
      return { row, hash: createHash("sha256").update(text).digest("hex") };
    })
    .sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0))
    .map(({ row }) => row);
}

function parsed(body: string): Record<string, unknown> {
  try {
    return JSON.parse(body) as Record<string, unknown>;
  } catch {
    throw new ApiError(400, "WRONG_REQUEST_PARAMETERS", "The body is not JSON");
  }
}
