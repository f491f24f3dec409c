import { z } from "zod";
import { cursors, type BankAccount, type Store } from "../../store";
import { TallyError, isIban, makeId, normaliseIban, sha256, toTallyError, type Json } from "../../values";
import { amountOf, currencyOf, quoted, recordOf, said } from "../aggregate";
import type { RowError } from "../port";
import { malformed, type GoCardlessConnection } from "./connection";
import { readAgreement, readMetadata, readRequisition, type Agreement, type Requisition } from "./wire";

/** An account that some consent covers or covered. */
export interface KnownAccount {
  account: BankAccount;
  /** GoCardless' id of it under the consent that counts now. */
  ownId: string;
  /** Status of the requisition (`LN`, `EX`, ...) and of the account (`READY`, ...). */
  requisition: string;
  status: string;
  /** How many days back payments reach; absent when the agreement does not say. */
  historyDays: number | undefined;
}

export interface AccountsOptions {
  source: string;
  timeZone: string;
  store: Store;
  callsPerDay: number;
  /** Is this requisition one of this connection? */
  isOwn(requisition: Requisition): boolean;
}

const DAY_MS = 86_400_000;

/**
 * What is kept of an account, since details and balances can be asked for a few times a day only. No secret, and
 * nothing that the stored accounts do not hold too.
 */
const factsSchema = z.object({
  iban: z.string().optional(),
  number: z.string().optional(),
  currency: z.string(),
  name: z.string(),
  type: z.enum(["current", "savings", "credit", "other"]),
  institution: z.string(),
  balance: z.object({ amount: z.number(), at: z.string() }).optional(),
  /** When a balance was last asked for, in milliseconds since the epoch. */
  balanceAsked: z.number().optional(),
});
type Facts = z.infer<typeof factsSchema>;

/**
 * The accounts of a connection. An account is known by its IBAN and currency, because GoCardless' own id of it may
 * change when the consent is given anew; one without an IBAN by GoCardless' id.
 */
export class Accounts {
  readonly #connection: GoCardlessConnection;
  readonly #options: AccountsOptions;
  readonly #known = new Map<string, KnownAccount>();
  /** What is to be told with the next page of payments. */
  notices: RowError[] = [];

  constructor(connection: GoCardlessConnection, options: AccountsOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** @throws TallyError AUTH_FAILED, RATE_LIMITED, PROVIDER_*, CANCELLED; what befalls one account only when it is the only one */
  async list(signal?: AbortSignal): Promise<KnownAccount[]> {
    const requisitions = (await requisitionsOf(this.#connection, signal)).filter((each) =>
      this.#options.isOwn(each),
    );
    const agreements = requisitions.length > 0 ? await agreementsOf(this.#connection, signal) : new Map();
    this.#known.clear();
    this.notices = [];
    let failure: TallyError | undefined;
    const seen = new Set<string>();
    for (const requisition of inOrder(requisitions)) {
      const own = new Set<string>();
      for (const ownId of requisition.accounts ?? []) {
        if (seen.has(ownId)) continue;
        seen.add(ownId);
        try {
          const known = await this.#account(ownId, requisition, agreements, own, signal);
          if (known && !this.#known.has(known.account.id)) this.#known.set(known.account.id, known);
        } catch (thrown) {
          const error = toTallyError(thrown);
          if (["CANCELLED", "AUTH_FAILED", "STORE_UNAVAILABLE", "INTERNAL"].includes(error.code)) throw error;
          failure ??= error;
          this.notices.push({ reason: error.message, code: error.code });
        }
      }
    }
    if (this.#known.size === 0 && failure) throw failure;
    return [...this.#known.values()];
  }

  /** @throws TallyError AUTH_EXPIRED when no consent covers the account any more, and as `list` */
  async find(account: BankAccount, signal?: AbortSignal): Promise<KnownAccount> {
    if (!this.#known.has(account.id)) await this.list(signal);
    const known = this.#known.get(account.id);
    if (known) return known;
    throw new TallyError(
      "AUTH_EXPIRED",
      `No consent covers ${account.name} any more. Open the bank connection in the editor and give the consent again.`,
      { details: { account: account.id } },
    );
  }

  /** What is known of an account without asking: its name, and what it has in common under every consent. */
  async keyed(ownId: string): Promise<{ key: string; name: string } | undefined> {
    const facts = await this.#kept(ownId);
    return facts && { key: digest(keyOf(ownId, facts)), name: facts.name };
  }

  async #account(
    ownId: string,
    requisition: Requisition,
    agreements: ReadonlyMap<string, Agreement>,
    own: Set<string>,
    signal: AbortSignal | undefined,
  ): Promise<KnownAccount | undefined> {
    const linked = requisition.status === "LN";
    const kept = await this.#kept(ownId);
    // Of a consent that is over, only an account that was once read is of interest.
    if (!linked && !kept) return undefined;
    let status = linked ? "READY" : "EXPIRED";
    let facts = kept;
    if (linked) {
      const what = kept
        ? `the account ${kept.name}`
        : `an account at ${quoted(requisition.institution_id, 60)}`;
      try {
        const path = `/accounts/${encodeURIComponent(ownId)}/`;
        const metadata = readMetadata(await this.#connection.get({ path, what, signal }));
        status = metadata.status ?? "READY";
        facts ??= await this.#details(ownId, metadata.iban ?? undefined, requisition, what, signal);
        facts = await this.#withBalance(ownId, facts, status, signal);
      } catch (thrown) {
        const error = toTallyError(thrown);
        // A known account whose status cannot be had now still has payments, or says by itself what is wrong.
        if (!facts || ["CANCELLED", "AUTH_FAILED", "STORE_UNAVAILABLE"].includes(error.code)) throw error;
        this.notices.push({ reason: error.message, code: error.code });
      }
    }
    return {
      account: this.#bankAccount(ownId, facts!, own),
      ownId,
      requisition: requisition.status ?? "",
      status,
      historyDays: agreements.get(requisition.agreement ?? "")?.max_historical_days ?? undefined,
    };
  }

  /** @param own ids that other accounts of the same consent have */
  #bankAccount(ownId: string, facts: Facts, own: Set<string>): BankAccount {
    const { source, timeZone } = this.#options;
    const key = keyOf(ownId, facts);
    let id = makeId(source, digest(key));
    // Pots and cards below one IBAN: told apart by name, else by GoCardless' id.
    if (own.has(id)) id = makeId(source, digest([...key, facts.name]));
    if (own.has(id)) id = makeId(source, digest([...key, ownId]));
    own.add(id);
    return {
      id,
      source,
      ...(facts.iban ? { iban: facts.iban } : {}),
      name: facts.name,
      currency: facts.currency,
      timeZone,
      type: facts.type,
      ...(facts.balance ? { balance: facts.balance } : {}),
    };
  }

  async #details(
    ownId: string,
    iban: string | undefined,
    requisition: Requisition,
    what: string,
    signal: AbortSignal | undefined,
  ): Promise<Facts> {
    const answer = await this.#connection.get({
      path: `/accounts/${encodeURIComponent(ownId)}/details/`,
      what: `details of ${what}`,
      quota: { account: ownId, scope: "details" },
      signal,
    });
    const details = recordOf(recordOf(answer)?.["account"]);
    if (!details) throw malformed(`details of ${what}`);
    let currency: string;
    try {
      currency = currencyOf(details["currency"]);
    } catch (cause) {
      throw new TallyError("PROVIDER_MALFORMED", `GoCardless does not say the currency of ${what}.`, {
        cause,
      });
    }
    const number = said(details["iban"]) ?? iban ?? "";
    const name = [details["name"], details["product"], details["displayName"], details["ownerName"]]
      .map((text) => quoted(text, 100))
      .find(Boolean);
    const facts: Facts = {
      ...(isIban(number) ? { iban: normaliseIban(number) } : {}),
      ...(said(details["bban"]) ? { number: said(details["bban"])! } : {}),
      currency,
      name: name ?? (number || requisition.institution_id),
      type: TYPES[String(details["cashAccountType"])] ?? "other",
      institution: requisition.institution_id,
    };
    await this.#keep(ownId, facts);
    return facts;
  }

  /** The balance, as often as the quota allows when it is spread over the day. */
  async #withBalance(
    ownId: string,
    facts: Facts,
    status: string,
    signal: AbortSignal | undefined,
  ): Promise<Facts> {
    const now = this.#connection.clock.now();
    const every = DAY_MS / this.#options.callsPerDay;
    if (status !== "READY" || now - (facts.balanceAsked ?? -Infinity) < every) return facts;
    const asked = { ...facts, balanceAsked: now };
    await this.#keep(ownId, asked);
    const answer = await this.#connection.get({
      path: `/accounts/${encodeURIComponent(ownId)}/balances/`,
      what: `the balance of ${facts.name}`,
      quota: { account: ownId, scope: "balances" },
      signal,
    });
    const balance = balanceOf(answer, facts, now);
    if (!balance) return asked;
    const told = { ...asked, balance };
    await this.#keep(ownId, told);
    return told;
  }

  async #kept(ownId: string): Promise<Facts | undefined> {
    const kept = await this.#options.store.collection(cursors).get(this.#keptId(ownId));
    const parsed = factsSchema.safeParse(kept?.value);
    return parsed.success ? parsed.data : undefined;
  }

  async #keep(ownId: string, facts: Facts): Promise<void> {
    const at = new Date(this.#connection.clock.now()).toISOString();
    const doc = { id: this.#keptId(ownId), value: facts as Json, at };
    await this.#options.store.collection(cursors).upsertMany([doc]);
  }

  #keptId(ownId: string): string {
    return `gocardless-account:${this.#options.source}:${ownId}`;
  }
}

/** @throws TallyError as GoCardlessConnection.list */
export async function requisitionsOf(
  connection: GoCardlessConnection,
  signal?: AbortSignal,
): Promise<Requisition[]> {
  return (await connection.list("/requisitions/", "the consents", signal)).map(readRequisition);
}

/** Agreements by id. @throws TallyError as GoCardlessConnection.list */
export async function agreementsOf(
  connection: GoCardlessConnection,
  signal?: AbortSignal,
): Promise<Map<string, Agreement>> {
  const found = await connection.list("/agreements/enduser/", "the agreements", signal);
  return new Map(found.map(readAgreement).map((each) => [each.id, each]));
}

/** Those that are linked first, then the newest: the first to name an account is the one that counts. */
function inOrder(requisitions: readonly Requisition[]): Requisition[] {
  return requisitions
    .filter(({ status }) => status === "LN" || status === "EX" || status === "SU")
    .sort(
      (a, b) =>
        Number(b.status === "LN") - Number(a.status === "LN") ||
        (b.created ?? "").localeCompare(a.created ?? ""),
    );
}

/** ISO 20022 `cashAccountType`. */
const TYPES: Readonly<Record<string, NonNullable<BankAccount["type"]>>> = {
  CACC: "current",
  TRAN: "current",
  SVGS: "savings",
  LLSV: "savings",
  ONDP: "savings",
  CARD: "credit",
};

/** What is booked before what is expected, and that before what could be spent. */
const BALANCES = [
  "interimBooked",
  "closingBooked",
  "openingBooked",
  "expected",
  "interimAvailable",
  "closingAvailable",
];

function balanceOf(answer: unknown, facts: Facts, now: number): Facts["balance"] {
  const list = recordOf(answer)?.["balances"];
  const found = (Array.isArray(list) ? (list as unknown[]) : []).flatMap((each) => {
    const money = recordOf(recordOf(each)?.["balanceAmount"]);
    const rank = BALANCES.indexOf(String(recordOf(each)?.["balanceType"]));
    if (money?.["currency"] !== facts.currency) return [];
    try {
      const amount = amountOf(money["amount"], facts.currency);
      return [{ amount, rank: rank < 0 ? BALANCES.length : rank }];
    } catch (thrown) {
      if (toTallyError(thrown).code !== "MONEY_INVALID") throw thrown;
      return [];
    }
  });
  const best = found.sort((a, b) => a.rank - b.rank)[0];
  return best && { amount: best.amount, at: new Date(now).toISOString() };
}

function keyOf(ownId: string, facts: Facts): string[] {
  return [facts.iban ?? `${facts.institution} ${facts.number ?? ownId}`, facts.currency];
}

function digest(parts: readonly string[]): string {
  return sha256(JSON.stringify(parts)).slice(0, 24);
}
