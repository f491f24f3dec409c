import { randomBytes } from "node:crypto";
import { formatAmount } from "../../lib/values";
import type { Household, HouseholdAccount, HouseholdPayment } from "../household";
import { TwinHttp, TwinQuota, type TwinAnswer, type TwinFault, type TwinRequest } from "../twin-http";
import type { TwinExchange } from "../twin-server";

export interface SimpleFinTwinOptions {
  household: Household;
  /** 0, the default, takes any free port. */
  port?: number;
  /** Milliseconds since the epoch; payments after it cannot be seen yet. The end of the household when absent. */
  now?: () => number;
  /** Version of the protocol: 2 answers with `errlist` and `connections`, 1 with `errors` and `org`. */
  version?: 1 | 2;
  /** Requests a day; 24 when absent, `off` for no limit. */
  callsPerDay?: number | "off";
  /** The longest range, in days; a longer one is cut at its begin, with an error. 60 when absent. */
  maxDays?: number;
  onExchange?(exchange: TwinExchange): void;
}

export interface SimpleFinTwinError {
  code: string;
  msg: string;
  account_id?: string;
  conn_id?: string;
}

export interface SimpleFinTwinControl {
  fault(fault: TwinFault): void;
  clearFaults(): void;
  /** A setup token that was not claimed yet. */
  newToken(): string;
  /** Disable the access URL. */
  revoke(): void;
  /** Told with every answer from now on. */
  setErrors(errors: readonly SimpleFinTwinError[]): void;
  /** Members of an account that are not as the household has them: `currency`, `transactions`, ... */
  changeAccount(key: string, change: Record<string, unknown>): void;
  /** Leave an account out, as when its bank is disconnected. */
  hideAccount(key: string): void;
  /** The bank gives nothing newer than this moment (milliseconds since the epoch). */
  freeze(key: string, at: number | undefined): void;
  accountId(key: string): string;
  readonly requests: number;
}

export interface SimpleFinTwin {
  /** An access URL that was claimed: with name and password. */
  accessUrl: string;
  control: SimpleFinTwinControl;
  stop(): Promise<void>;
}

const ROOT = "/simplefin";
const CONNECTION = "CON-simulated";

/** An offline twin of a SimpleFIN server (such as the SimpleFIN bridge) for a household. */
export async function startSimpleFinTwin(options: SimpleFinTwinOptions): Promise<SimpleFinTwin> {
  const world = new World(options);
  const http = new TwinHttp((request) => world.answer(request), options.onExchange);
  world.origin = await http.listen(options.port ?? 0);
  return {
    accessUrl: world.accessUrl,
    control: {
      fault: (fault) => http.faults.add(fault),
      clearFaults: () => http.faults.clear(),
      newToken: () => world.newToken(),
      revoke: () => void (world.revoked = true),
      setErrors: (errors) => void (world.errors = errors),
      changeAccount: (key, change) => void world.changes.set(key, change),
      hideAccount: (key) => void world.hidden.add(key),
      freeze: (key, at) => void (at === undefined ? world.frozen.delete(key) : world.frozen.set(key, at)),
      accountId,
      get requests() {
        return http.requests;
      },
    },
    stop: () => http.close(),
  };
}

const accountId = (key: string) => `ACT-${key}`;

class World {
  origin = "";
  revoked = false;
  errors: readonly SimpleFinTwinError[] = [];
  readonly changes = new Map<string, Record<string, unknown>>();
  readonly hidden = new Set<string>();
  readonly frozen = new Map<string, number>();
  readonly #password = randomBytes(24).toString("hex");
  readonly #name = randomBytes(12).toString("hex");
  readonly #tokens = new Set<string>();
  readonly #quota: TwinQuota | undefined;
  readonly #now: () => number;

  constructor(private readonly options: SimpleFinTwinOptions) {
    const { household, callsPerDay = 24 } = options;
    const end = Date.parse(household.payments.at(-1)?.instant ?? household.options.until);
    this.#now = options.now ?? (() => end);
    this.#quota = callsPerDay === "off" ? undefined : new TwinQuota(callsPerDay, 86_400_000, this.#now);
  }

  get accessUrl(): string {
    return `${this.origin.replace("://", `://${this.#name}:${this.#password}@`)}${ROOT}`;
  }

  newToken(): string {
    const word = randomBytes(16).toString("hex").toUpperCase();
    this.#tokens.add(word);
    return Buffer.from(`${this.origin}${ROOT}/claim/${word}`).toString("base64");
  }

  answer({ method, path, query, headers }: TwinRequest): TwinAnswer {
    if (method === "GET" && path === `${ROOT}/info`) {
      return { status: 200, body: { versions: this.options.version === 1 ? ["1.0"] : ["1.0", "2.0"] } };
    }
    if (method === "POST" && path.startsWith(`${ROOT}/claim/`)) {
      const word = path.slice(`${ROOT}/claim/`.length);
      if (!this.#tokens.delete(word)) return { status: 403, text: "Forbidden" };
      return { status: 200, text: this.accessUrl };
    }
    if (method !== "GET" || path !== `${ROOT}/accounts`) return { status: 404, text: "Not found" };
    const basic = Buffer.from(`${this.#name}:${this.#password}`).toString("base64");
    if (this.revoked || headers["authorization"] !== `Basic ${basic}`)
      return { status: 403, body: { errors: ["Forbidden"], accounts: [] } };
    const quota = this.#quota?.take("accounts");
    if (quota && !quota.taken) {
      return {
        status: 429,
        headers: { "Retry-After": String(quota.resetSeconds) },
        text: "Too many requests",
      };
    }
    return { status: 200, body: this.#accounts(query) };
  }

  #accounts(query: URLSearchParams): unknown {
    const now = Math.floor(this.#now() / 1000);
    const { maxDays = 60, version = 2 } = this.options;
    const end = Number(query.get("end-date") ?? now + 1);
    const asked = Number(query.get("start-date") ?? now - 30 * 86_400);
    const start = Math.max(asked, Math.min(end, now) - maxDays * 86_400);
    const errors = [...this.errors];
    if (start > asked)
      errors.push({ code: "gen.range", msg: `The date range is limited to ${maxDays} days.` });
    const only = query.getAll("account");
    const accounts = this.options.household.accounts
      .filter(({ key }) => !this.hidden.has(key) && (only.length === 0 || only.includes(accountId(key))))
      .map((account) => this.#account(account, start, end, query));
    if (version === 1) return { errors: errors.map(({ msg }) => msg), accounts };
    const connection = { conn_id: CONNECTION, name: "Simulated Bank", org_url: "https://bank.invalid" };
    return { errlist: errors, connections: [connection], accounts };
  }

  #account(account: HouseholdAccount, start: number, end: number, query: URLSearchParams): unknown {
    const { version = 2, household } = this.options;
    const until = Math.min(this.#now(), this.frozen.get(account.key) ?? Infinity);
    const seen = household.payments.filter(
      ({ account: key, instant }) => key === account.key && Date.parse(instant) <= until,
    );
    const booked = seen.filter(({ status }) => status === "booked");
    const pending = seen.filter((payment) => {
      if (payment.status !== "pending") return false;
      const later = payment.bookedAs === undefined ? undefined : household.payments[payment.bookedAs - 1];
      const ends = later ? Date.parse(later.instant) : Date.parse(payment.instant) + 7 * 86_400_000;
      return ends > until;
    });
    const balance = booked.reduce((sum, { amount }) => sum + amount, account.openingBalance);
    const inRange = booked.filter(({ instant }) => {
      const at = seconds(instant);
      return at >= start && at < end;
    });
    const org = { domain: "bank.invalid", name: "Simulated Bank", "sfin-url": `${this.origin}${ROOT}` };
    return {
      ...(version === 1 ? { org } : { conn_id: CONNECTION }),
      id: accountId(account.key),
      name: account.name,
      currency: account.currency,
      balance: formatAmount(balance, account.currency),
      "available-balance": formatAmount(balance, account.currency),
      "balance-date": Math.floor(until / 1000),
      ...(query.get("balances-only") === "1"
        ? {}
        : {
            transactions: [
              ...inRange.map((payment) => transaction(payment, account)),
              ...(query.get("pending") === "1"
                ? pending.map((payment) => transaction(payment, account))
                : []),
            ],
          }),
      ...this.changes.get(account.key),
    };
  }
}

const seconds = (instant: string) => Math.floor(Date.parse(instant) / 1000);

function transaction(payment: HouseholdPayment, account: HouseholdAccount): unknown {
  const pending = payment.status === "pending";
  return {
    id: `TRN-${payment.sequence}`,
    posted: pending ? 0 : seconds(payment.instant),
    amount: formatAmount(payment.amount, account.currency),
    description: payment.description,
    payee: payment.counterparty.name,
    transacted_at: seconds(payment.instant),
    ...(pending ? { pending: true } : {}),
    extra: { category: payment.type },
  };
}
