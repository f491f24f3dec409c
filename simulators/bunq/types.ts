import type { FaultTarget, TwinExchange } from "../twin-server";
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
  /** Serve `/__control`, for demos and tests in other processes. */
  controlRoute?: boolean;
  /** Called with every exchange, for judges of the protocol. */
  onExchange?(exchange: TwinExchange): void;
}

/** What goes wrong with the next requests that it applies to. */
export interface Fault extends FaultTarget {
  kind:
    | "rate-limit"
    | "server-error"
    | "malformed"
    | "slow"
    | "reset"
    | "tamper-signature"
    | "drop-signature"
    | "forbidden";
  /** Seconds in `Retry-After` of a `rate-limit`; the header is left out when absent, as bunq does. */
  retryAfter?: number;
  /** How long `slow` takes, in milliseconds. */
  delayMs?: number;
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
  /** The twin's present moment when absent. */
  instant?: Instant;
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
  control: BunqTwinControl;
  stop(): Promise<void>;
}
