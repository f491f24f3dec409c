import type { FaultTarget } from "../twin-server";
import type { Instant } from "../../lib/values";
import type { Household } from "../household";

/** A bank that the twin reaches. */
export interface TwinBank {
  name: string;
  country: string;
  bic?: string;
  /** The household's keys of its accounts. */
  accounts: string[];
  /** Seconds; 180 days when absent. */
  maxConsentSeconds?: number;
  /** Sandbox of a bank that knows no `strategy`. */
  noStrategy?: boolean;
}

/** A row as the API gives it. */
export type Row = Record<string, unknown>;

export interface EnableBankingTwinOptions {
  household: Household;
  /** 0, the default, takes any free port. */
  port?: number;
  /** Two banks of the Netherlands when absent: one with current and savings account, one with the card. */
  banks?: TwinBank[];
  /** Made up when absent. */
  applicationId?: string;
  /** PEM of the application's public key; a pair is made when absent, and the private one handed out. */
  publicKey?: string;
  /** Addresses that may be come back to; any when absent. */
  redirectUrls?: string[];
  /** The twin's clock, in milliseconds; the real one when absent. */
  now?: () => number;
  /** Rows of a page; 50 when absent. */
  pageSize?: number;
  /** Order of rows; newest first when absent. `mixed` has none. */
  order?: "newest" | "oldest" | "mixed";
  /** An empty first page with a key, as some banks give. */
  emptyFirstPage?: boolean;
  /** Rows that come in between shift the pages, so that rows come twice. */
  shifting?: boolean;
  /** The first page names itself as the next one, for ever. */
  circling?: boolean;
  /** First readings of an account and kind in 24 hours; 4 when absent. */
  accessesPerDay?: number | "off";
  /** Days that a session may look back, once its first hour is over; no limit when absent. */
  historyDays?: number;
  /** Does the refusal of a period name the first day that is allowed? */
  namesFirstDay?: boolean;
  /** Changes what a bank says: one row, several, or none. `session` counts from 1. */
  shape?(row: Row, about: { account: string; session: number; sequence: number }): Row | Row[];
  /** Changes what a session says of an account. */
  shapeAccount?(account: Row, about: { account: string; session: number }): Row;
  /** Called with every exchange. */
  onExchange?(exchange: TwinExchange): void;
}

export interface TwinExchange {
  method: string;
  /** With the query. */
  path: string;
  authorization: string;
  requestBody: string;
  status: number;
  responseBody: string;
}

/** What goes wrong with the next requests that it applies to. */
export interface TwinFault extends FaultTarget {
  kind: "status" | "malformed" | "slow" | "reset";
  status?: number;
  /** Enable Banking's error code; a body that is no JSON when absent. */
  error?: string;
  message?: string;
  /** Seconds in `Retry-After`; no header when absent. */
  retryAfter?: number;
  /** How long `slow` takes; a second when absent. */
  ms?: number;
}

export type TwinSessionStatus =
  | "AUTHORIZED"
  | "PENDING_AUTHORIZATION"
  | "RETURNED_FROM_BANK"
  | "EXPIRED"
  | "CANCELLED"
  | "CLOSED"
  | "REVOKED"
  | "INVALID";

export interface NewTwinRow {
  /** The household's key of the account. */
  account: string;
  /** Minor units. */
  amount: number;
  name: string;
  description?: string;
  /** The twin's present moment when absent. */
  instant?: Instant;
}

export interface EnableBankingTwinControl {
  /** Book a payment; its sequence. */
  addPayment(row: NewTwinRow): number;
  /** Set the status of a session. */
  setStatus(session: string, status: TwinSessionStatus): void;
  /** Every continuation key that was given holds no more. */
  expireKeys(): void;
  fault(fault: TwinFault): void;
  clearFaults(): void;
  /**
   * What the person does at the bank: goes through the page that `POST /auth` gave.
   * @returns the query parameters with which they come back
   */
  consent(url: string, answer?: "give" | "refuse"): Promise<Record<string, string>>;
  /** Sequences of the booked payments of an account that can be seen now, in order. */
  visible(account: string): number[];
  /** Ids of the sessions, in the order in which they were made. */
  readonly sessions: readonly string[];
  readonly requests: number;
}

export interface EnableBankingTwin {
  url: string;
  applicationId: string;
  /** PEM; empty when the public key was given. */
  privateKey: string;
  control: EnableBankingTwinControl;
  stop(): Promise<void>;
}
