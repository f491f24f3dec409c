import { z } from "zod";
import { TallyError, canonicalJson, makeId } from "../../values";
import { isSafeUrl, quoted } from "../aggregate";
import type { BankHint, BankWebhooks } from "../port";
import type { BunqEnvironment } from "./addresses";
import type { BunqConnection } from "./connection";
import { readAs } from "./protocol";

/**
 * bunq's callbacks. A filter (`notification-filter-url`) says which category is sent where; a call that writes filters
 * replaces the whole list, so it is read first, written back with ours, and read once more. Source: bunq's OpenAPI
 * description and documentation, "Callbacks".
 */

/** "Callbacks for the production environment will be made from"; for the sandbox from changing addresses of AWS. */
const RANGES: Readonly<Record<BunqEnvironment, readonly string[]>> = {
  production: ["185.40.108.0/22"],
  sandbox: [],
};

/**
 * What is asked for. `MUTATION` is sent for whatever changes a balance, "for each payment-like object, such as a
 * request, iDEAL-payment or a regular payment", so that the categories of those would only say the same again.
 * `CARD_TRANSACTION_SUCCESSFUL` tells of reservations, which change no balance.
 */
export const BUNQ_CATEGORIES = ["MUTATION", "CARD_TRANSACTION_SUCCESSFUL"] as const;

/** bunq takes up to so many ids at once. */
const REPLAYED_AT_ONCE = 100;
const PAGE = 200;

/** A filter with whatever else bunq says of it, which is written back as it was. */
const filterSchema = z.looseObject({
  category: z.string().min(1),
  notification_target: z.string().nullish(),
});
type Filter = z.infer<typeof filterSchema>;

/** bunq's description wraps the list in an object; its clients know the filters one by one. */
const listedSchema = z.union([
  z.looseObject({ notification_filters: z.array(filterSchema).nullable() }),
  filterSchema,
]);

/** What bunq adds to a filter by itself. */
const READ_ONLY = ["id", "created", "updated"];

const failureSchema = z.object({
  id: z.number().int().positive().nullish(),
  notification_filters: z.array(z.object({ notification_target: z.string().nullish() })).nullish(),
  notification_target: z.string().nullish(),
});

const callbackSchema = z.object({
  NotificationUrl: z.object({
    category: z.string().min(1).max(100),
    event_type: z.string().max(200).nullish(),
    object: z.record(z.string().max(100), z.unknown()).nullish(),
  }),
});
const idField = z.number().int().positive();
const objectSchema = z.looseObject({ id: idField.nullish(), monetary_account_id: idField.nullish() });

export class BunqWebhooks implements BankWebhooks {
  readonly ranges: readonly string[];

  constructor(
    private readonly connect: () => Promise<BunqConnection>,
    private readonly source: string,
    environment: BunqEnvironment,
  ) {
    this.ranges = RANGES[environment];
  }

  hintsOf(body: unknown): BankHint[] {
    const callback = callbackSchema.safeParse(body);
    if (!callback.success) {
      throw new TallyError("PROVIDER_MALFORMED", "This is not a callback of bunq.");
    }
    const hints = new Map<string, BankHint>();
    for (const [kind, object] of Object.entries(callback.data.NotificationUrl.object ?? {}))
      for (const hint of this.#hintsOf(kind, object))
        hints.set(`${hint.accountId} ${hint.paymentId ?? ""}`, hint);
    return [...hints.values()];
  }

  /** Whatever names an account is a hint at it; a payment names itself beside. */
  #hintsOf(kind: string, object: unknown): BankHint[] {
    const parsed = objectSchema.safeParse(object);
    if (!parsed.success) return [];
    const { id, monetary_account_id: account } = parsed.data;
    const inner = parsed.data["payments"];
    if (kind === "PaymentBatch" && inner) {
      const payments = Array.isArray(inner) ? inner : ((inner as { Payment?: unknown }).Payment ?? []);
      return Array.isArray(payments) ? payments.flatMap((each) => this.#hintsOf("Payment", each)) : [];
    }
    if (!account) return [];
    const accountId = makeId(this.source, account);
    return [kind === "Payment" && id ? { accountId, paymentId: makeId(this.source, id) } : { accountId }];
  }

  async register(
    url: string,
    options: { replaces?: (url: string) => boolean; signal?: AbortSignal } = {},
  ): Promise<{ added: number; removed: number }> {
    const { replaces = () => false, signal } = options;
    if (!isSafeUrl(url)) {
      throw new TallyError(
        "CONFIG_INVALID",
        `bunq calls addresses with https:// only; "${quoted(URL.canParse(url) ? new URL(url).origin : url, 80)}" is none.`,
      );
    }
    const before = await this.#filters(signal);
    const kept = before.filter(
      ({ notification_target: target }) => !target || target === url || !replaces(target),
    );
    const has = new Set(
      kept.filter(({ notification_target }) => notification_target === url).map(({ category }) => category),
    );
    const added = BUNQ_CATEGORIES.filter((category) => !has.has(category));
    const removed = before.length - kept.length;
    if (added.length > 0 || removed > 0) {
      const own = added.map((category): Filter => ({ category, notification_target: url }));
      await this.#write([...kept, ...own], signal);
    }
    return { added: added.length, removed };
  }

  async unregister(isOurs: (url: string) => boolean, signal?: AbortSignal): Promise<number> {
    const before = await this.#filters(signal);
    const kept = before.filter(({ notification_target: target }) => !target || !isOurs(target));
    if (kept.length < before.length) await this.#write(kept, signal);
    return before.length - kept.length;
  }

  async replay(url: string, signal?: AbortSignal): Promise<number> {
    const connection = await this.connect();
    const failures = await this.#list("/notification-filter-failure", signal);
    const ids: number[] = [];
    for (const item of failures) {
      const failure = readAs(failureSchema, item, "a callback that failed");
      const targets = [failure, ...(failure.notification_filters ?? [])];
      const ours = targets.some(({ notification_target: target }) => target === url);
      if (ours && failure.id) ids.push(failure.id);
    }
    for (let at = 0; at < ids.length; at += REPLAYED_AT_ONCE) {
      const some = ids.slice(at, at + REPLAYED_AT_ONCE).join(",");
      await connection.write(
        "/notification-filter-failure",
        { notification_filter_failed_ids: some },
        signal,
      );
    }
    return ids.length;
  }

  /** A list that cannot be read whole is not written back: what could not be read would be lost. */
  async #filters(signal: AbortSignal | undefined): Promise<Filter[]> {
    const items = await this.#list("/notification-filter-url", signal);
    return items.flatMap((item) => {
      const read = readAs(listedSchema, item, "a notification filter");
      return isListed(read) ? (read.notification_filters ?? []) : [read];
    });
  }

  async #list(path: string, signal: AbortSignal | undefined): Promise<unknown[]> {
    const connection = await this.connect();
    const items: unknown[] = [];
    let query: Record<string, number> = { count: PAGE };
    for (;;) {
      const { Response, Pagination } = await connection.get(path, query, signal);
      items.push(...Response.flatMap((wrapped) => Object.values(wrapped)));
      const older = Pagination?.older_url
        ? new URL(Pagination.older_url, "http://bunq.invalid").searchParams.get("older_id")
        : null;
      if (!older || Response.length === 0) return items;
      query = { count: PAGE, older_id: Number(older) };
    }
  }

  /** @throws TallyError PROVIDER_REFUSED when bunq does not have the list afterwards */
  async #write(filters: readonly Filter[], signal: AbortSignal | undefined): Promise<void> {
    const connection = await this.connect();
    const sent = filters.map(writable);
    await connection.write("/notification-filter-url", { notification_filters: sent }, signal);
    const has = new Set((await this.#filters(signal)).map((filter) => canonicalJson(essence(filter))));
    const missing = filters.filter((filter) => !has.has(canonicalJson(essence(filter))));
    if (missing.length === 0) return;
    const names = [...new Set(missing.map(({ category }) => category))].sort().join(", ");
    throw new TallyError(
      "PROVIDER_REFUSED",
      `bunq took the list of callbacks, but does not have all of it: ${names}. Perhaps another program changed it at the same moment. Check its callbacks, and deploy again.`,
      { retryable: true, details: { missing: missing.length } },
    );
  }
}

function isListed(read: z.infer<typeof listedSchema>): read is { notification_filters: Filter[] | null } {
  return "notification_filters" in read;
}

/** As it is written: what bunq adds by itself and what says nothing is left out. */
function writable(filter: Filter): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filter).filter(
      ([name, value]) => !READ_ONLY.includes(name) && value !== null && value !== undefined,
    ),
  );
}

/** What makes two filters the same. bunq may add lists that are empty and the means of delivery. */
function essence(filter: Filter): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(writable(filter)).filter(
      ([name, value]) =>
        name !== "notification_delivery_method" && !(Array.isArray(value) && value.length === 0),
    ),
  );
}
