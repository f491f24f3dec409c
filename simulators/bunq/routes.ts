import { randomBytes } from "node:crypto";
import type { HouseholdAccount } from "../household";
import type { Access } from "./access";
import { positionOf, type Bank, type Row } from "./bank";
import type { Callbacks } from "./callbacks";
import type { Cards } from "./cards";
import { BunqError } from "./errors";
import {
  accountObject,
  cardActionObject,
  paymentObject,
  requestObject,
  scheduledObject,
  timestamp,
  userObject,
} from "./objects";
import type { Orders } from "./orders";

/** The operations of bunq's API v1 that reading a household's accounts needs. */

export interface Call {
  method: string;
  /** Below `/v1`. */
  path: string;
  query: URLSearchParams;
  headers: Record<string, string | undefined>;
  body: string;
}

export interface World {
  access: Access;
  bank: Bank;
  cards: Cards;
  orders: Orders;
  callbacks: Callbacks;
  filterShape: "flat" | "listed";
  userType: "person" | "company" | "apiKey";
  sessionSeconds: number;
  userId: number;
  newerPages: "next" | "newest";
  now(): number;
}

type Wrapped = Record<string, unknown>;

interface Answer {
  Response: Wrapped[];
  Pagination?: Record<"future_url" | "newer_url" | "older_url", string | null>;
}

/** Default and largest number of rows on a page. Source: bunq's documentation, "Pagination". */
const DEFAULT_COUNT = 10;
const MAX_COUNT = 200;
const CREATED = Date.parse("2019-03-01T09:00:00Z");

/** A path with its ids left out: what rate limits are counted by. */
export function endpointOf(path: string): string {
  return path.replace(/\/\d+/g, "/{id}");
}

/**
 * Answer a call.
 * @throws BunqError with the status and words of bunq
 */
export function answer(world: World, call: Call): Answer {
  const { access } = world;
  const token = call.headers["x-bunq-client-authentication"];
  const signature = call.headers["x-bunq-client-signature"];
  if (!call.headers["user-agent"]) throw new BunqError(400, "The User-Agent header is required.");
  const opening = `${call.method} ${call.path}`;

  if (opening === "POST /installation") {
    const made = access.install(bodyOf(call)["client_public_key"]);
    const at = timestamp(world.now());
    return {
      Response: [
        { Id: { id: made.id } },
        { Token: { id: made.id + 1, created: at, updated: at, token: made.token } },
        { ServerPublicKey: { server_public_key: made.serverPublicKey } },
      ],
    };
  }
  if (opening === "POST /device-server" || opening === "POST /session-server") {
    const installation = access.installation(token);
    access.checkRequestId(call.headers["x-bunq-client-request-id"]);
    access.checkSignature(installation, signature, call.body, true);
    const { secret, description } = bodyOf(call);
    if (opening === "POST /device-server") {
      if (typeof description !== "string") throw new BunqError(400, "Missing mandatory field description.");
      return { Response: [{ Id: { id: access.registerDevice(installation, secret) } }] };
    }
    const session = access.openSession(installation, secret);
    return {
      Response: [
        { Id: { id: session.id } },
        { Token: { id: session.id, token: session.token } },
        user(world, session.byOAuth),
      ],
    };
  }
  if (opening === "POST /sandbox-user-person" || opening === "POST /sandbox-user-company") {
    const api_key = access.newKey(`sandbox_${randomBytes(32).toString("hex")}`, false);
    return { Response: [{ ApiKey: { api_key, user: user(world) } }] };
  }

  const installation = access.session(token);
  access.checkRequestId(call.headers["x-bunq-client-request-id"]);
  access.checkSignature(installation, signature, call.body, call.body !== "");
  if (call.method === "DELETE" && /^\/session\/\d+$/.test(call.path)) {
    access.closeSession(token);
    return { Response: [] };
  }
  const hook = /^\/user\/(\d+)\/notification-filter-(url|failure)$/.exec(call.path);
  if (hook && (call.method === "GET" || call.method === "POST")) {
    if (Number(hook[1]) !== world.userId) throw new BunqError(404, "User not found.");
    return hook[2] === "url" ? filters(world, call) : failures(world, call);
  }
  if (call.method !== "GET") throw new BunqError(405, "Method not allowed.");
  return read(world, call);
}

/** Reading and replacing the list of filters. */
function filters({ callbacks, filterShape }: World, call: Call): Answer {
  if (call.method === "POST") callbacks.replace(bodyOf(call)["notification_filters"]);
  const all = callbacks.state.filters;
  if (filterShape === "flat") return { Response: all.map((filter) => ({ NotificationFilterUrl: filter })) };
  if (call.method === "POST") return { Response: [{ Id: { id: callbacks.state.lastId } }] };
  return { Response: [{ NotificationFilterUrl: { notification_filters: all } }] };
}

/** Callbacks that were given up, and trying them again. */
function failures({ callbacks, filterShape }: World, call: Call): Answer {
  if (call.method === "POST") {
    callbacks.retry(bodyOf(call)["notification_filter_failed_ids"]);
    return { Response: [{ Id: { id: callbacks.state.lastId } }] };
  }
  const shown = callbacks.state.failures.map(({ id, target, body: _, ...failure }) => ({
    NotificationFilterFailure: {
      ...(filterShape === "flat" ? { id } : {}),
      ...failure,
      notification_filters: [
        { notification_delivery_method: "URL", notification_target: target, category: failure.category },
      ],
    },
  }));
  return { Response: shown };
}

function read(world: World, call: Call): Answer {
  const { bank, userId } = world;
  const own = (text: string | undefined) => {
    if (Number(text) !== userId) throw new BunqError(404, "User not found.");
  };
  if (call.path === "/user") return { Response: [user(world)], Pagination: NO_PAGES };
  let found = /^\/user\/(\d+)$/.exec(call.path);
  if (found) {
    own(found[1]);
    return { Response: [user(world)] };
  }
  found = /^\/user\/(\d+)\/monetary-account(-bank|-savings|-card)?(?:\/(\d+))?$/.exec(call.path);
  if (found) {
    own(found[1]);
    return accounts(world, call, found[2] ?? "", found[3]);
  }
  found =
    /^\/user\/(\d+)\/monetary-account\/(\d+)\/(payment|mastercard-action|schedule-payment|request-response)(?:\/(\d+)(\/payment)?)?$/.exec(
      call.path,
    );
  if (!found) throw new BunqError(404, "Route not found.");
  own(found[1]);
  const accountId = Number(found[2]);
  const account = bank.accountOf(accountId);
  if (!account) throw new BunqError(404, "MonetaryAccount not found.");
  const place: Place = { world, call, account, accountId, id: found[4] ? Number(found[4]) : undefined };
  if (found[3] === "mastercard-action") return cardActions(place, found[5] !== undefined);
  if (found[5] !== undefined) throw new BunqError(404, "Route not found.");
  if (found[3] === "payment") return payments(place);
  return found[3] === "schedule-payment" ? scheduledPayments(place) : requests(place);
}

/** An account, and what is asked of it: one thing by its id, or a list. */
interface Place {
  world: World;
  call: Call;
  account: HouseholdAccount;
  accountId: number;
  id: number | undefined;
}

/** A row as bunq writes it. */
export function paymentWrapped(world: World, row: Row): { Payment: { id: number } } {
  const { bank } = world;
  const accountId = bank.accountId(row.account);
  const own = row.iban !== undefined && bank.accounts.some(({ iban }) => iban === row.iban);
  return { Payment: paymentObject(row, bank.accountOf(accountId)!, accountId, own) as { id: number } };
}

function payments({ world, call, account, id }: Place): Answer {
  if (id !== undefined) {
    const row = world.bank.find(account.key, id);
    if (!row) throw new BunqError(404, "Payment not found.");
    return { Response: [paymentWrapped(world, row)] };
  }
  const { rows, count } = world.bank.visible(account.key);
  const { page, pagination } = paginate(world, call, rows, count);
  return { Response: page.map((row) => paymentWrapped(world, row)), Pagination: pagination };
}

function cardActions({ world, call, account, accountId, id }: Place, itsPayments: boolean): Answer {
  const { cards, bank } = world;
  const actions = cards.visible(account.key).filter((action) => id === undefined || action.id === id);
  if (id !== undefined && actions.length === 0) throw new BunqError(404, "MasterCardAction not found.");
  if (itsPayments) {
    const ids = cards.paymentsOf(actions[0]!);
    const rows = ids.flatMap((each) => bank.find(account.key, each) ?? []);
    return { Response: rows.map((row) => paymentWrapped(world, row)), Pagination: NO_PAGES };
  }
  const { page, pagination } = paginate(world, call, actions, actions.length);
  const wrapped = page.map((action) => ({
    MasterCardAction: cardActionObject(action, account, accountId, bank.now()),
  }));
  return { Response: wrapped, ...(id === undefined ? { Pagination: pagination } : {}) };
}

function scheduledPayments({ world, account, id }: Place): Answer {
  if (id !== undefined) throw new BunqError(404, "ScheduledPayment not found.");
  const own = world.orders.state.scheduled.filter(({ payment }) => payment.account === account.key);
  const shown = own.map((each) => ({ ScheduledPayment: scheduledObject(each, account, world.bank.now()) }));
  return { Response: shown, Pagination: NO_PAGES };
}

function requests({ world, account, accountId, id }: Place): Answer {
  const own = world.orders.state.requests.filter(
    (each) => each.account === account.key && (id === undefined || each.id === id),
  );
  if (id !== undefined && own.length === 0) throw new BunqError(404, "RequestResponse not found.");
  const shown = own.map((each) => ({ RequestResponse: requestObject(each, account, accountId) }));
  return { Response: shown, ...(id === undefined ? { Pagination: NO_PAGES } : {}) };
}

const NO_PAGES = { future_url: null, newer_url: null, older_url: null };

/**
 * A page of a list that is sorted by id, oldest first: newest first on the wire. `older_id` asks for what comes
 * before an id, `newer_id` for the rows next after it. `future_url` stands in for `newer_url` where nothing newer
 * is there yet.
 */
function paginate<T extends { id: number }>(
  world: World,
  call: Call,
  items: readonly T[],
  size: number,
): { page: T[]; pagination: NonNullable<Answer["Pagination"]> } {
  const number = (name: string) => {
    const text = call.query.get(name);
    if (text === null) return undefined;
    if (!/^\d+$/.test(text)) throw new BunqError(400, `The value of ${name} is not a valid id.`);
    return Number(text);
  };
  const count = number("count") ?? DEFAULT_COUNT;
  const [older, newer] = [number("older_id"), number("newer_id")];
  if (count < 1 || count > MAX_COUNT)
    throw new BunqError(400, `The count must be between 1 and ${MAX_COUNT}.`);
  if (older !== undefined && newer !== undefined) {
    throw new BunqError(400, "The older_id and the newer_id cannot be used together.");
  }
  const place = (id: number) => Math.min(size, positionOf(items, id));
  const end = older !== undefined ? place(older) : newer !== undefined ? undefined : size;
  const above = newer === undefined ? 0 : place(newer + 1);
  const from =
    end !== undefined
      ? Math.max(0, end - count)
      : world.newerPages === "next"
        ? above
        : Math.max(above, size - count);
  const to = end ?? Math.min(size, from + count);
  const page = items.slice(from, to).reverse();
  const url = (name: "newer_id" | "older_id", id: number) => `/v1${call.path}?count=${count}&${name}=${id}`;
  const newest = page[0]?.id ?? newer ?? (older === undefined ? 0 : older - 1);
  const hasNewer = to < size;
  return {
    page,
    pagination: {
      future_url: hasNewer ? null : url("newer_id", newest),
      newer_url: hasNewer && page.length > 0 ? url("newer_id", newest) : null,
      older_url: from > 0 && page.length > 0 ? url("older_id", page.at(-1)!.id) : null,
    },
  };
}

const KINDS: Record<string, string> = {
  "-bank": "MonetaryAccountBank",
  "-savings": "MonetaryAccountSavings",
  "-card": "MonetaryAccountCard",
};

function accounts(world: World, call: Call, kind: string, id: string | undefined): Answer {
  const found: { id: number; wrapped: Wrapped }[] = [];
  for (const account of world.bank.accounts) {
    const accountId = world.bank.accountId(account.key);
    const balance = world.bank.balance(account.key);
    const [name, object] = accountObject(account, accountId, world.userId, balance, CREATED);
    const wanted = kind === "" || KINDS[kind] === name;
    if (wanted && (id === undefined || Number(id) === accountId))
      found.push({ id: accountId, wrapped: { [name]: object } });
  }
  if (id === undefined) {
    const { page, pagination } = paginate(world, call, found, found.length);
    return { Response: page.map(({ wrapped }) => wrapped), Pagination: pagination };
  }
  if (!found[0]) throw new BunqError(404, "MonetaryAccount not found.");
  return { Response: [found[0].wrapped] };
}

function user(world: World, byOAuth = false): Wrapped {
  const [name, object] = userObject(
    byOAuth ? "apiKey" : world.userType,
    world.userId,
    world.sessionSeconds,
    CREATED,
  );
  return { [name]: object };
}

function bodyOf(call: Call): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(call.body);
    if (body !== null && typeof body === "object" && !Array.isArray(body))
      return body as Record<string, unknown>;
  } catch (cause) {
    throw Object.assign(new BunqError(400, "The request body is not valid JSON."), { cause });
  }
  throw new BunqError(400, "The request body is not a JSON object.");
}
