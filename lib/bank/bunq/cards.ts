import { z } from "zod";
import type { BankAccount, Payment } from "../../store";
import { localDate, makeId, parseAmount, toTallyError, type Instant, type Json } from "../../values";
import type { RowError } from "../port";
import type { BunqConnection } from "./connection";
import {
  amountSchema,
  instantOf,
  isCardRow,
  labelSchema,
  merchantOf,
  partyOf,
  type CardDetails,
  type MappingContext,
} from "./mapping";
import { reasonOf, type Envelope } from "./protocol";

/**
 * Card actions: what happened with a card, beside the payments that come of it. They tell what was paid in the
 * merchant's currency, where, and for what kind of merchant, and what is reserved and not booked yet. bunq says which
 * payments an action led to (`mastercard-action/{id}/payment`): nothing here is guessed by amount or time; the amount
 * only decides for which actions bunq is asked. Source: bunq's OpenAPI description, MasterCardActionListing.
 */

const detailsSchema = z.object({
  original: z.object({ amount: z.number(), currency: z.string() }).optional(),
  city: z.string().optional(),
  category: z.string().optional(),
});

/** Part of the cursor of an account. */
export const cardsSchema = z.object({
  /** The newest action that was looked at. */
  newest: z.number(),
  /** Actions that were reserved and not booked when they were last looked at. */
  open: z.array(z.number()),
  /** By bunq's id of the payment, for those that are read again: equal rows stay equal. */
  details: z.record(z.string(), detailsSchema),
});
export type CardsState = z.infer<typeof cardsSchema>;

const actionSchema = z.object({
  id: z.number().int().positive(),
  created: z.string().nullish(),
  maturity_date: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/)
    .nullish(),
  amount_billing: amountSchema,
  amount_local: amountSchema.nullish(),
  amount_original_local: amountSchema.nullish(),
  amount_original_billing: amountSchema.nullish(),
  decision: z.string().nullish(),
  payment_status: z.string().nullish(),
  description: z.string().nullish(),
  authorisation_status: z.string().nullish(),
  clearing_status: z.string().nullish(),
  reservation_expiry_time: z.string().nullish(),
  city: z.string().nullish(),
  merchant_category_code: z.string().nullish(),
  counterparty_alias: labelSchema.nullish(),
});
type Action = z.infer<typeof actionSchema>;

const linkedSchema = z.object({ id: z.number().int().positive() });

/** Statuses of an authorisation under which money is held back. */
const AUTHORISED: ReadonlySet<string> = new Set([
  "AUTHORISED",
  "AUTHORISED_PARTIAL",
  "PRE_AUTHORISED",
  "PRE_AUTHORISATION_FINALISED",
  "STAND_IN_AUTHORISED",
  "ACQUIRER_AUTHORISED",
]);
/** bunq's largest page, and how many of them are gone through at most. */
const PAGE = 200;
const PAGES = 5;
/** For so many actions bunq is asked in one reading which payments they led to; one call each. */
const MAX_LOOKUPS = 60;

/** The card actions of one account, for as long as its payments are read. */
export class CardActions {
  readonly #links = new Map<number, number[]>();
  readonly #found = new Map<number, Action>();
  readonly #raw = new Map<number, Json>();
  /** Payments of which something is known, and what. */
  readonly details: Map<number, CardDetails>;
  readonly errors: RowError[] = [];
  #newest: number;
  #open: number[];
  #loaded = false;
  #lookups = 0;

  constructor(
    private readonly connection: BunqConnection,
    private readonly account: BankAccount,
    private readonly context: MappingContext,
    before: CardsState | undefined,
    private readonly signal: AbortSignal | undefined,
  ) {
    this.#newest = before?.newest ?? 0;
    this.#open = before?.open ?? [];
    this.details = new Map(Object.entries(before?.details ?? {}).map(([id, known]) => [Number(id), known]));
  }

  /** What the cursor keeps, details of payments up to this id left out; undefined while there is nothing. */
  state(from: number): CardsState | undefined {
    const kept = [...this.details].filter(([id]) => id > from);
    if (this.#newest === 0 && this.#open.length === 0 && kept.length === 0) return undefined;
    return { newest: this.#newest, open: this.#open, details: Object.fromEntries(kept) };
  }

  /** Find out what the actions say of the card payments of a page that were not seen before. */
  async explain(page: Envelope, after: number): Promise<void> {
    const amounts = new Set<string>();
    for (const wrapped of page.Response) {
      const row = rowSchema.safeParse(wrapped["Payment"]);
      if (!row.success || !isCardRow(wrapped)) continue;
      const { id, amount } = row.data;
      if (id > after && !this.details.has(id)) amounts.add(`${unsigned(amount.value)} ${amount.currency}`);
    }
    if (amounts.size === 0) return;
    await this.#guarded(async () => {
      await this.#load();
      for (const action of this.#found.values()) {
        const own = [action.amount_billing, action.amount_original_billing];
        if (own.some((each) => each && amounts.has(`${unsigned(each.value)} ${each.currency}`)))
          await this.#linksOf(action);
      }
    });
  }

  /**
   * What is reserved: pending payments that are new or settled since. One that was settled carries `bookedAs`. An
   * action that has led to a payment already when it is first seen was never pending here.
   */
  async pending(): Promise<Payment[]> {
    const found: Payment[] = [];
    await this.#guarded(async () => {
      const since = this.#newest;
      const before = new Set(this.#open);
      await this.#load();
      const open: number[] = [];
      for (const action of [...this.#found.values()].sort((a, b) => a.id - b.id)) {
        const { id } = action;
        const known = before.has(id);
        if (!known && (id <= since || !this.#isReserved(action))) continue;
        const [settled] = await this.#linksOf(action);
        const waits = settled === undefined && (this.#isReserved(action) || isCleared(action));
        if (waits) open.push(id);
        if (known || waits) found.push(this.#pendingOf(action, settled));
      }
      this.#open = open;
    });
    return found;
  }

  /** An account without cards, or a key that may not see them, does not hold up the payments. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const error = toTallyError(thrown);
      if (error.code === "NOT_FOUND") return;
      if (!["PROVIDER_REFUSED", "PROVIDER_MALFORMED", "AUTH_FAILED", "AUTH_EXPIRED"].includes(error.code))
        throw error;
      this.errors.push({
        reason: `The card payments of ${this.account.name} are without details, since bunq does not show its card actions: ${error.message}`,
        code: error.code,
      });
    }
  }

  /** The actions since the last time, and those that were open. */
  async #load(): Promise<void> {
    if (this.#loaded) return;
    this.#loaded = true;
    const before = this.#newest;
    let query: Record<string, number> = { count: PAGE };
    for (let page = 1; page <= PAGES; page++) {
      const envelope = await this.connection.get(this.#path(), query, this.signal);
      const ids = envelope.Response.map((wrapped) => this.#keep(wrapped));
      const lowest = Math.min(...ids.filter((id) => id !== undefined));
      this.#newest = Math.max(this.#newest, ...ids.filter((id) => id !== undefined));
      // At first the newest page will do: there is nothing before it that waits to be explained.
      const whole = before === 0 || lowest <= before || !envelope.Pagination?.older_url;
      if (whole || !Number.isFinite(lowest)) break;
      query = { count: PAGE, older_id: lowest };
    }
    for (const id of this.#open) {
      if (this.#found.has(id)) continue;
      const envelope = await this.connection.get(this.#path(`/${id}`), {}, this.signal);
      for (const wrapped of envelope.Response) this.#keep(wrapped);
    }
  }

  #keep(wrapped: Record<string, unknown>): number | undefined {
    const raw = wrapped["MasterCardAction"];
    const parsed = actionSchema.safeParse(raw);
    const id = linkedSchema.safeParse(raw).data?.id;
    const problem = parsed.success ? problemOf(parsed.data) : `${reasonOf(parsed.error)}.`;
    if (parsed.success && problem === undefined) {
      this.#found.set(parsed.data.id, parsed.data);
      this.#raw.set(parsed.data.id, raw as Json);
    } else {
      const named = id === undefined ? "A card action without an id" : `Card action ${id}`;
      this.errors.push({ reason: `${named} of ${this.account.name} cannot be read: ${problem}` });
    }
    return id;
  }

  /** The payments that an action led to, oldest first. What it says of them is noted. */
  async #linksOf(action: Action): Promise<number[]> {
    const known = this.#links.get(action.id);
    if (known) return known;
    if (++this.#lookups > MAX_LOOKUPS) return [];
    const envelope = await this.connection.get(
      this.#path(`/${action.id}/payment`),
      { count: PAGE },
      this.signal,
    );
    const rows = envelope.Response.flatMap((wrapped) => rowSchema.safeParse(wrapped["Payment"]).data ?? []);
    for (const { id, amount } of rows) this.details.set(id, detailsOf(action, amount));
    const links = rows.map(({ id }) => id).sort((a, b) => a - b);
    this.#links.set(action.id, links);
    return links;
  }

  #isReserved(action: Action): boolean {
    const { authorisation_status: status, reservation_expiry_time: until } = action;
    if (!status || !AUTHORISED.has(status) || (action.decision ?? "ALLOWED") !== "ALLOWED") return false;
    if (action.payment_status === "CREDIT_TRANSFER" || isCleared(action)) return false;
    if (!/[1-9]/.test(action.amount_billing.value)) return false;
    return !until || Date.parse(instantOf(until)) > Date.parse(this.context.now());
  }

  #pendingOf(action: Action, settled: number | undefined): Payment {
    const { amount_billing: billing, counterparty_alias: other } = action;
    const instant: Instant | undefined = action.created ? instantOf(action.created) : undefined;
    const date = instant ? localDate(instant, this.account.timeZone) : action.maturity_date!;
    const { original, city, category } = detailsOf(action, billing);
    const counterparty = other ? partyOf(other) : undefined;
    const merchant = merchantOf(city, category);
    return {
      id: makeId(this.context.source, `card-${action.id}`),
      source: this.context.source,
      accountId: this.account.id,
      status: "pending",
      date,
      ...(instant ? { instant } : {}),
      amount: -Math.abs(parseAmount(billing.value, billing.currency, ".")),
      currency: billing.currency,
      ...(original ? { original: { ...original, amount: -original.amount } } : {}),
      ...(counterparty ? { counterparty } : {}),
      ...(merchant ? { merchant } : {}),
      description: action.description ?? "",
      type: "card",
      ...(settled === undefined ? {} : { bookedAs: makeId(this.context.source, settled) }),
      raw: this.#raw.get(action.id) ?? null,
      fetchedAt: this.context.now(),
    };
  }

  #path(rest = ""): string {
    return `/monetary-account/${this.account.id.slice(this.context.source.length + 1)}/mastercard-action${rest}`;
  }
}

const rowSchema = z.object({ id: z.number().int().positive(), amount: amountSchema });

const unsigned = (value: string) => value.replace(/^-/, "");

/** What makes an action that has the right form unreadable all the same, in words. */
function problemOf(action: Action): string | undefined {
  try {
    detailsOf(action, action.amount_billing);
    parseAmount(action.amount_billing.value, action.amount_billing.currency, ".");
    for (const text of [action.created, action.reservation_expiry_time]) if (text) instantOf(text);
  } catch (thrown) {
    const error = toTallyError(thrown);
    if (error.code === "INTERNAL") throw error;
    return error.message;
  }
  return action.created || action.maturity_date ? undefined : "it has no date.";
}

function isCleared({ clearing_status: status }: Action): boolean {
  return status === "FIRST_PRESENTMENT_COMPLETE" || status === "REFUND_LENIENCY";
}

/** What an action says of a payment of this amount. A part of the amount has no original amount of its own. */
function detailsOf(action: Action, amount: Action["amount_billing"]): CardDetails {
  const local = action.amount_original_local ?? action.amount_local;
  const billed = [action.amount_billing, action.amount_original_billing];
  const whole = billed.some((each) => each && unsigned(each.value) === unsigned(amount.value));
  const foreign = local && whole && local.currency !== amount.currency;
  const category = action.merchant_category_code ?? action.counterparty_alias?.merchant_category_code;
  return {
    ...(foreign
      ? {
          original: {
            amount: Math.abs(parseAmount(local.value, local.currency, ".")),
            currency: local.currency,
          },
        }
      : {}),
    ...(action.city ? { city: action.city } : {}),
    ...(category ? { category } : {}),
  };
}
