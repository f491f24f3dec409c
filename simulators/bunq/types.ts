import type { FaultKind, FaultTarget, TwinExchange } from "../twin-server";
import type { CalendarDate, Instant } from "../../lib/values";
import type { Household } from "../household";

/** Calls allowed in a window of milliseconds. */
export interface TwinLimit {
  calls: number;
  perMs: number;
}

export interface TwinLimits {
  GET: TwinLimit;
  POST: TwinLimit;
  PUT: TwinLimit;
  DELETE: TwinLimit;
  /** `POST /v1/session-server` only. */
  session: TwinLimit;
}

export interface BunqTwinOptions {
  household: Household;
  /** 0, the default, takes any free port. */
  port?: number;
  /** Keeps what the twin was told (installations, devices, sessions, added payments) over a restart. */
  stateFile?: string;
  /** The key of the household's owner; made up when absent. */
  apiKey?: string;
  /** Whom the key belongs to; a person when absent. */
  userType?: "person" | "company" | "apiKey";
  /** bunq's documented rate limits unless set; `off` for none. */
  limits?: Partial<TwinLimits> | "off";
  /** Auto logout of the user, in seconds; a week when absent. */
  sessionSeconds?: number;
  /** The twin's clock starts here and runs on; payments after it cannot be seen yet. Everything can when absent. */
  now?: Instant;
  /** What a page after `newer_id` holds: the `next` rows after it (the default), or the `newest` ones. */
  newerPages?: "next" | "newest";
  /** The page that people are sent back to by OAuth; bunq knows which a client has. */
  redirectUrl?: string;
  /** How notification filters are listed: one by one, as bunq's clients know them (the default), or as described. */
  filterShape?: "flat" | "listed";
  /** Serve `/__control`, for demos and tests in other processes. */
  controlRoute?: boolean;
  /** Called with every exchange, for judges of the protocol. */
  onExchange?(exchange: TwinExchange): void;
}

/** What goes wrong with the next requests that it applies to. */
export type Fault = FaultTarget & (FaultKind | { kind: "tamper-signature" } | { kind: "drop-signature" });

/** What goes wrong with the next callbacks; `method` of the target is the category, `path` a part of the URL. */
export interface CallbackFault extends FaultTarget {
  /** Sent so many times, never sent and nowhere listed, or given up after bunq's last try. */
  kind: "repeat" | "drop" | "fail";
  /** Of kind `repeat`; 2 when absent. */
  copies?: number;
}

export interface NewTwinPayment {
  /** The household's key of the account: `current`, `savings`, `card`. */
  account: string;
  /** Minor units. */
  amount: number;
  name: string;
  iban?: string;
  description?: string;
  /** As the household names it: `card`, `ideal`, `transfer`, `direct-debit`, ... */
  type?: string;
  /** bunq's `type` and `sub_type`, where they are not those of the household's kind of payment. */
  bunqType?: [type: string, subType: string];
  /** Id of the scheduled payment it came of. */
  scheduledId?: number;
  /** The twin's present moment when absent. */
  instant?: Instant;
}

export interface NewCardAction {
  account: string;
  /** Minor units of what is reserved, positive. */
  amount: number;
  name: string;
  description?: string;
  city?: string;
  /** Merchant category code. */
  category?: string;
  /** In the merchant's currency; the account's when absent. */
  original?: { amount: number; currency: string };
  /** Refused, reserved first and booked when it is settled (the default), or booked at once as well. */
  outcome?: "blocked" | "reserved" | "booked";
}

export interface NewRequest {
  account: string;
  /** Minor units that somebody asks for, positive. */
  amount: number;
  name: string;
  iban?: string;
  description?: string;
}

export interface TwinCounts {
  installations: number;
  devices: number;
  sessions: number;
  requests: number;
}

export interface BunqTwinControl {
  /** Book a payment now; its bunq id. */
  addPayment(payment: NewTwinPayment): number;
  /** Change what the bank says of a payment that it has already shown. */
  changePayment(id: number, change: { description?: string; name?: string }): void;
  /** Take all sessions away, as an auto logout does. */
  expireSessions(): void;
  /** Delete the API key: nothing works with it any more. */
  revokeKey(): void;
  fault(fault: Fault): void;
  clearFaults(): void;
  callbackFault(fault: CallbackFault): void;
  /** Resolves when all callbacks that are due were tried. */
  settled(): Promise<void>;
  /** URLs and categories that are called now. */
  readonly filters: { category: string; target: string }[];
  /** Add a filter as another program of the owner does. */
  addFilter(filter: { category: string; notification_target: string; [more: string]: unknown }): void;
  /** Callbacks that were given up. */
  readonly failures: { id: number; category: string; target: string }[];
  /** A payment comes again under another id, and is gone under the one before. The new id. */
  rotateId(id: number): number;
  /** A card is used; bunq's id of the card action. */
  useCard(action: NewCardAction): number;
  /** Book what a card action has reserved, or another amount; bunq's id of the payment. */
  settleCard(actionId: number, amount?: number): number;
  /** Give back what a card action has reserved. */
  reverseCard(actionId: number): void;
  /** A payment at a later moment; bunq's id of the scheduled payment. */
  schedulePayment(payment: NewTwinPayment, at: Instant): number;
  /** Somebody asks for money; bunq's id of the request. */
  request(request: NewRequest): number;
  /** The owner pays a request (bunq's id of the payment), or does not. */
  acceptRequest(id: number): number;
  rejectRequest(id: number): void;
  /** The owner refuses, or allows again, whoever comes to the page of OAuth. */
  refuseOAuth(refuse: boolean): void;
  /** Put the twin's clock forward or back: its dates and sessions are as if it was that time. What is seen stays. */
  shiftClock(by: { days?: number; hours?: number; seconds?: number }): Instant;
  /** Move the twin's clock on; what was to happen until then can be seen now. The new moment. */
  advance(
    time: { days?: number; hours?: number; seconds?: number } | { to: Instant | CalendarDate },
  ): Instant;
  readonly counts: TwinCounts;
  /** The bunq id of a household's payment. */
  paymentId(sequence: number): number;
  /** The bunq id of a household's account. */
  accountId(key: string): number;
  /** What the account holds now, in minor units. */
  balance(account: string): number;
  /** Ids of the payments of an account that can be seen now, oldest first. */
  visibleIds(account: string): number[];
}

export interface BunqTwin {
  /** With the base path: `http://127.0.0.1:PORT/v1`. */
  url: string;
  apiKey: string;
  /** The OAuth client that may ask the owner. */
  oauth: {
    clientId: string;
    clientSecret: string;
    redirectUrl: string;
    authorizeUrl: string;
    tokenUrl: string;
  };
  control: BunqTwinControl;
  stop(): Promise<void>;
}
