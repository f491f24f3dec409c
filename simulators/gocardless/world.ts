import { randomUUID } from "node:crypto";
import { addDays, formatAmount, localDate } from "../../lib/values";
import { TwinQuota, TwinRefusal, type TwinAnswer, type TwinRequest } from "../twin-http";
import { bankPage, wantsPage } from "../consent-page";
import { Bank, refusal } from "./bank";
import { OWNER, detailsObject, institutionObject, uuidOf } from "./objects";
import type { GoCardlessTwinOptions } from "./types";

/** The operations of GoCardless Bank Account Data v2, and the page at the bank where a person gives a consent. */

interface Agreement {
  id: string;
  created: string;
  institution_id: string;
  max_historical_days: number;
  access_valid_for_days: number;
  access_scope: string[];
  accepted: string | null;
}

interface Requisition {
  id: string;
  created: string;
  redirect: string;
  status: string;
  institution_id: string;
  agreement: string;
  reference: string;
  accounts: string[];
  user_language: string;
  link: string;
  ssn: null;
  account_selection: boolean;
}

const BASE = "/api/v2";
const DAY_MS = 86_400_000;
const INSTITUTIONS = [
  ["SIMULATED_TWINNL2A", "Simulated Bank"],
  ["ANOTHER_OTHRNL2A", "Another Bank"],
] as const;

export class World {
  readonly agreements: Agreement[] = [];
  readonly requisitions: Requisition[] = [];
  readonly statuses = new Map<string, string>();
  readonly bank: Bank;
  readonly tokens = { made: 0, renewed: 0 };
  readonly secretId = randomUUID();
  readonly secretKey = `${randomUUID()}${randomUUID()}`.replaceAll("-", "");
  revoked = false;
  origin = "";
  readonly #tokens = new Map<string, { kind: "access" | "refresh"; until: number }>();
  readonly #quota: TwinQuota | undefined;
  /** GoCardless' account id -> the household's key and the consent it came with. */
  readonly #accounts = new Map<string, { key: string; requisition: string }>();

  constructor(
    private readonly options: GoCardlessTwinOptions,
    private readonly now: () => number,
  ) {
    this.bank = new Bank(options.household, now, options.ids ?? "both");
    const calls = options.callsPerDay ?? 4;
    this.#quota = calls === "off" ? undefined : new TwinQuota(calls, DAY_MS, now);
  }

  answer(request: TwinRequest): TwinAnswer {
    try {
      const page = /^\/psd2\/start\/([\w-]+)\/\w+$/.exec(request.path);
      if (page) return this.#atTheBank(page[1]!, request);
      if (!request.path.startsWith(`${BASE}/`)) throw refusal("Not found.", "Not found.", 404);
      return this.#api(request, request.path.slice(BASE.length));
    } catch (error) {
      if (error instanceof TwinRefusal) return error.answer;
      throw error;
    }
  }

  revokeTokens(all: boolean): void {
    for (const [token, { kind }] of this.#tokens) if (all || kind === "access") this.#tokens.delete(token);
  }

  /** What a person does at the bank. */
  grant(id: string): Requisition {
    const requisition = this.#requisition(id);
    requisition.status = "LN";
    this.agreements.find((each) => each.id === requisition.agreement)!.accepted = this.#instant();
    requisition.accounts = this.bank.accounts.map(({ key, iban }) => {
      const ownId = uuidOf(`account ${iban}${this.options.newAccountIds ? requisition.id : ""}`);
      this.#accounts.set(ownId, { key, requisition: requisition.id });
      return ownId;
    });
    return requisition;
  }

  /** A consent that was given, under a reference. */
  link(reference: string): string {
    const [institution_id] = INSTITUTIONS[0];
    const { historyDays = 540, consentDays = 90 } = this.options;
    const agreement = this.#newAgreement({
      institution_id,
      max_historical_days: historyDays,
      access_valid_for_days: consentDays,
    });
    return this.grant(this.#newRequisition({ institution_id, agreement, reference, redirect: null }).id).id;
  }

  accountId(key: string): string {
    const found = [...this.#accounts].filter(([, each]) => each.key === key).at(-1);
    if (!found) throw new Error(`no consent covers ${key}`);
    return found[0];
  }

  #api(request: TwinRequest, path: string): TwinAnswer {
    const { method, query } = request;
    const body = request.body ? (JSON.parse(request.body) as Record<string, unknown>) : {};
    if (method === "POST" && path === "/token/new/") return this.#login(body);
    if (method === "POST" && path === "/token/refresh/") return this.#renew(body);
    this.#authorise(request.headers["authorization"]);
    const ok = (value: unknown): TwinAnswer => ({ status: 200, body: value });
    if (method === "GET" && path === "/institutions/") return ok(this.#institutions(query.get("country")));
    if (method === "POST" && path === "/agreements/enduser/") {
      const id = this.#newAgreement(body);
      return { status: 201, body: this.agreements.find((each) => each.id === id) };
    }
    if (method === "POST" && path === "/requisitions/")
      return { status: 201, body: this.#newRequisition(body) };
    if (method === "GET" && path === "/agreements/enduser/") return ok(this.#page(this.agreements, request));
    if (method === "GET" && path === "/requisitions/") return ok(this.#page(this.requisitions, request));
    const [, kind, ...rest] = path.split("/");
    if (method === "GET" && kind === "institutions") return ok(this.#institution(rest[0] ?? ""));
    if (method === "GET" && kind === "agreements")
      return ok(found(this.agreements.find(({ id }) => id === rest[1])));
    if (kind === "requisitions") {
      const requisition = this.#requisition(rest[0] ?? "");
      if (method === "DELETE") this.requisitions.splice(this.requisitions.indexOf(requisition), 1);
      return ok(method === "DELETE" ? { summary: "Requisition deleted", detail: "" } : requisition);
    }
    if (method === "GET" && kind === "accounts") return this.#account(rest[0] ?? "", rest[1] ?? "", query);
    throw refusal("Not found.", "Not found.", 404);
  }

  #login(body: Record<string, unknown>): TwinAnswer {
    if (this.revoked || body["secret_id"] !== this.secretId || body["secret_key"] !== this.secretKey) {
      throw refusal("Authentication failed", "No active account found with the given credentials", 401);
    }
    this.tokens.made++;
    const [access_expires, refresh_expires] = [
      this.options.accessSeconds ?? 86_400,
      this.options.refreshSeconds ?? 2_592_000,
    ];
    return {
      status: 200,
      body: {
        access: this.#token("access", access_expires),
        access_expires,
        refresh: this.#token("refresh", refresh_expires),
        refresh_expires,
      },
    };
  }

  #renew(body: Record<string, unknown>): TwinAnswer {
    const known = this.#tokens.get(String(body["refresh"]));
    if (known?.kind !== "refresh" || known.until <= this.now())
      throw refusal("Invalid token", "Token is invalid or expired", 401);
    this.tokens.renewed++;
    const access_expires = this.options.accessSeconds ?? 86_400;
    return { status: 200, body: { access: this.#token("access", access_expires), access_expires } };
  }

  #token(kind: "access" | "refresh", seconds: number): string {
    const token = `ey${kind}.${randomUUID()}.${randomUUID()}`;
    this.#tokens.set(token, { kind, until: this.now() + seconds * 1000 });
    return token;
  }

  #authorise(header: string | undefined): void {
    const known = this.#tokens.get(/^Bearer (.+)$/.exec(header ?? "")?.[1] ?? "");
    if (known?.kind !== "access" || known.until <= this.now())
      throw refusal("Invalid token", "Token is invalid or expired", 401);
  }

  #institutions(country: string | null): unknown[] {
    if (country !== "NL" && country !== "BE") {
      const body = {
        country: { summary: "Invalid country choice.", detail: `${country} is not a valid choice.` },
        status_code: 400,
      };
      throw new TwinRefusal({ status: 400, body });
    }
    return INSTITUTIONS.map(([id]) => this.#institution(id));
  }

  #institution(id: string): unknown {
    const { historyDays = 540, consentDays = 90 } = this.options;
    const [, name] = found(INSTITUTIONS.find((each) => each[0] === id));
    return institutionObject(id, name, historyDays, consentDays);
  }

  #newAgreement(body: Record<string, unknown>): string {
    const { historyDays = 540, consentDays = 90 } = this.options;
    const institution_id = String(body["institution_id"]);
    this.#institution(institution_id);
    const history = Number(body["max_historical_days"] ?? 90);
    const valid = Number(body["access_valid_for_days"] ?? 90);
    const bound = (name: string, value: number, most: number) => {
      if (value > 0 && value <= most) return;
      const fault = { summary: `Incorrect ${name}`, detail: `${name} must be > 0 and <= ${most}` };
      throw new TwinRefusal({ status: 400, body: { [name]: fault, status_code: 400 } });
    };
    bound("max_historical_days", history, historyDays);
    bound("access_valid_for_days", valid, consentDays);
    const agreement: Agreement = {
      id: randomUUID(),
      created: this.#instant(),
      institution_id,
      max_historical_days: history,
      access_valid_for_days: valid,
      access_scope: (body["access_scope"] as string[] | undefined) ?? ["balances", "details", "transactions"],
      accepted: null,
    };
    this.agreements.unshift(agreement);
    return agreement.id;
  }

  #newRequisition(body: Record<string, unknown>): Requisition {
    const reference = String(body["reference"] ?? randomUUID());
    if (this.requisitions.some((each) => each.reference === reference)) {
      const fault = {
        summary: "Client Reference must be unique",
        detail: `Client Reference: ${reference} already exists`,
      };
      throw new TwinRefusal({ status: 400, body: { reference: fault, status_code: 400 } });
    }
    const id = randomUUID();
    const institution_id = String(body["institution_id"]);
    const requisition: Requisition = {
      id,
      created: this.#instant(),
      redirect: String(body["redirect"]),
      status: "CR",
      institution_id,
      agreement: String(body["agreement"]),
      reference,
      accounts: [],
      user_language: "EN",
      link: `${this.origin}/psd2/start/${id}/${institution_id}`,
      ssn: null,
      account_selection: false,
    };
    this.requisitions.unshift(requisition);
    return requisition;
  }

  #page(items: readonly unknown[], { query, path }: TwinRequest): unknown {
    const limit = Math.min(Number(query.get("limit") ?? 100), this.options.pageSize ?? 100);
    const offset = Number(query.get("offset") ?? 0);
    const at = (place: number) => `${this.origin}${path}?limit=${limit}&offset=${place}`;
    return {
      count: items.length,
      next: offset + limit < items.length ? at(offset + limit) : null,
      previous: offset > 0 ? at(Math.max(0, offset - limit)) : null,
      results: items.slice(offset, offset + limit),
    };
  }

  #account(id: string, scope: string, query: URLSearchParams): TwinAnswer {
    const { key, requisition: requisitionId } = found(this.#accounts.get(id));
    const requisition = this.requisitions.find((each) => each.id === requisitionId);
    const agreement = this.agreements.find((each) => each.id === requisition?.agreement);
    const status = this.statuses.get(key) ?? "READY";
    const account = this.bank.account(key);
    if (scope === "") {
      const body = {
        id,
        created: agreement?.created ?? this.#instant(),
        last_accessed: null,
        iban: account.iban,
        institution_id: agreement?.institution_id ?? "",
        status,
        owner_name: OWNER,
      };
      return { status: 200, body };
    }
    const words = `Couldn't update account ${scope}`;
    const expired = (detail: string) => refusal(words, detail, 401, "AccessExpiredError");
    const until = Date.parse(agreement?.accepted ?? "") + (agreement?.access_valid_for_days ?? 0) * DAY_MS;
    if (requisition?.status !== "LN" || status === "EXPIRED")
      throw expired("Access has expired or it has been revoked. To restore access reconnect the account.");
    if (!(until > this.now())) {
      throw refusal(
        `End User Agreement (EUA) ${agreement?.id} has expired`,
        "EUA was valid for 90 days. The end user must connect the account once more with new EUA and Requisition",
        401,
      );
    }
    if (status === "SUSPENDED") {
      throw refusal(
        "Account suspended",
        "This account or its requisition was suspended due to numerous errors that occurred while accessing it.",
        409,
      );
    }
    const quota = this.#quota?.take(`${id} ${scope}`);
    const headers: Record<string, string> = quota
      ? {
          HTTP_X_RATELIMIT_ACCOUNT_SUCCESS_REMAINING: String(quota.left),
          HTTP_X_RATELIMIT_ACCOUNT_SUCCESS_RESET: String(quota.resetSeconds),
        }
      : {};
    if (quota && !quota.taken) {
      const detail = "Daily request limit set by the Institution has been exceeded.";
      return { ...refusal(words, detail, 429, "RateLimitError").answer, headers };
    }
    const reachable = addDays(
      localDate(this.now(), this.options.household.timeZone),
      -(agreement?.max_historical_days ?? 90),
    );
    return { status: 200, headers, body: this.#data(key, scope, query, reachable) };
  }

  #data(key: string, scope: string, query: URLSearchParams, reachable: string): unknown {
    const account = this.bank.account(key);
    if (scope === "transactions") return this.bank.transactions(key, query, reachable);
    if (scope === "details") return { account: detailsObject(account) };
    if (scope !== "balances") throw refusal("Not found.", "Not found.", 404);
    const amount = formatAmount(this.bank.balance(key), account.currency);
    const balanceAmount = { amount, currency: account.currency };
    return {
      balances: ["interimAvailable", "interimBooked"].map((balanceType) => ({ balanceAmount, balanceType })),
    };
  }

  /** The bank's page: the person says `?accept=1` or `?decline=1` and is sent back; a program says yes at once. */
  #atTheBank(id: string, { query, headers }: TwinRequest): TwinAnswer {
    const requisition = this.#requisition(id);
    if (!query.has("accept") && !query.has("decline") && wantsPage(headers["accept"])) {
      const name = INSTITUTIONS.find(([own]) => own === requisition.institution_id)?.[1] ?? "Bank";
      const text = bankPage(name, "?accept=1", "?decline=1");
      return { status: 200, headers: { "Content-Type": "text/html; charset=utf-8" }, text };
    }
    const back = new URL(requisition.redirect);
    back.searchParams.set("ref", requisition.reference);
    if (query.has("decline")) {
      requisition.status = "RJ";
      back.searchParams.set("error", "UserCancelledSession");
      back.searchParams.set("details", "User cancelled the session");
    } else this.grant(id);
    return { status: 302, headers: { Location: back.href }, text: "" };
  }

  #requisition(id: string): Requisition {
    return found(this.requisitions.find((each) => each.id === id));
  }

  #instant(): string {
    return new Date(this.now()).toISOString();
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw refusal("Not found.", "Not found.", 404);
  return value;
}
