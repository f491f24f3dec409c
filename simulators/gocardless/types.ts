import type { Household } from "../household";
import type { TwinFault } from "../twin-http";
import type { TwinExchange } from "../twin-server";

export interface GoCardlessTwinOptions {
  household: Household;
  /** 0, the default, takes any free port. */
  port?: number;
  /** Milliseconds since the epoch; payments after it cannot be seen yet. The end of the household when absent. */
  now?: () => number;
  /** Successful calls a day for each account and kind; 4 when absent, `off` for no limit. */
  callsPerDay?: number | "off";
  /** Life of tokens in seconds; a day and thirty days when absent. */
  accessSeconds?: number;
  refreshSeconds?: number;
  /** What the bank gives to tell payments apart; `both` when absent. */
  ids?: "both" | "bank" | "none";
  /** Give accounts new ids with each consent, as happens when one is given anew. */
  newAccountIds?: boolean;
  /** Days of history and of a consent that the bank gives; 540 and 90 when absent. */
  historyDays?: number;
  consentDays?: number;
  /** Rows of a page of a listing; 100 when absent. */
  pageSize?: number;
  /** Begin with a consent that was given, under this reference. */
  linked?: string;
  /** Called with every exchange, for judges of the protocol. */
  onExchange?(exchange: TwinExchange): void;
}

export type TwinRow = Record<string, unknown>;

export interface GoCardlessTwinControl {
  fault(fault: TwinFault): void;
  clearFaults(): void;
  /** Take all tokens away; refresh tokens too with `all`. */
  revokeTokens(all?: boolean): void;
  /** As if the user secret was deleted. */
  revokeSecret(): void;
  /** Give a consent that was begun, as a person at the bank does. */
  grant(requisition: string): void;
  /** Make a consent that was given; its requisition's id. */
  link(reference: string): string;
  setRequisition(id: string, status: string): void;
  setAccount(key: string, status: string): void;
  /** Replace what the bank shows of an account. */
  setRows(key: string, rows: { booked?: unknown; pending?: unknown }): void;
  /** Change each row that the household has. */
  mapRows(change: (row: TwinRow) => TwinRow): void;
  /** GoCardless' id of an account, under the newest consent. */
  accountId(key: string): string;
  readonly requests: number;
  /** How often a token was asked for: by secret and by refresh token. */
  readonly tokens: { made: number; renewed: number };
}

export interface GoCardlessTwin {
  /** With the base path: `http://127.0.0.1:PORT/api/v2`. */
  url: string;
  secretId: string;
  secretKey: string;
  control: GoCardlessTwinControl;
  stop(): Promise<void>;
}
