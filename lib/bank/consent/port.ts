import type { CalendarDate, Instant } from "../../values";

/** What a bank connection has beside its payments when a person must allow it at the bank, for a time (PSD2). */

/** A bank that an aggregator reaches. */
export interface Institution {
  /** The aggregator's own id. */
  id: string;
  name: string;
  /** ISO 3166-1 alpha-2. */
  country: string;
  bic?: string;
  /** The longest consent the bank gives. */
  maxConsentDays?: number;
  /** How far back payments reach. */
  maxHistoryDays?: number;
}

/**
 * `pending`: the person was sent to the bank and is not back; `valid`; `expired`: its time is over; `ended`: the person
 * or the bank took it back, or it was refused.
 */
export type ConsentState = "pending" | "valid" | "expired" | "ended";

/** What a person allowed at a bank. Holds no secret. */
export interface Consent {
  /** The aggregator's own id of it: requisition, session. */
  id: string;
  /** Id and name of the institution. */
  institution: string;
  institutionName: string;
  state: ConsentState;
  createdAt: Instant;
  /** When it ends by itself; absent when the aggregator does not say. */
  validUntil?: Instant;
  /** First day of the payments it lets see, where limited. */
  historyFrom?: CalendarDate;
  /** The provider's own ids of the accounts it covers. */
  accounts: string[];
  /** Names of those accounts, for people, as far as they are known. */
  accountNames?: string[];
}

/** How the person goes on: the bank's page, and the word under which the aggregator sends them back. */
export interface ConsentStart {
  /** Page of the bank (or of the aggregator) to open in the browser. */
  url: string;
  /** Names the attempt when the person comes back: what `complete` gets as `reference`. */
  reference: string;
}

export interface ConsentBegin {
  institution: string;
  /** Where the bank sends the person afterwards: a page of this Node-RED. */
  redirectUrl: string;
  /** Unguessable; comes back with the person, so that nobody else can complete the attempt. */
  state: string;
  signal?: AbortSignal;
}

export interface ConsentComplete {
  reference: string;
  /** The query parameters with which the person came back. */
  query: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** Providers implement this beside BankProvider; of it only `consents` is called while payments are extracted. */
export interface ConsentProvider {
  /** Banks of a country, by name. Throws AUTH_FAILED, PROVIDER_*. */
  institutions(country: string, signal?: AbortSignal): Promise<Institution[]>;
  begin(request: ConsentBegin): Promise<ConsentStart>;
  /** @throws TallyError AUTH_FAILED when the person or the bank refused; NOT_FOUND for an unknown reference */
  complete(request: ConsentComplete): Promise<Consent>;
  /** Every consent of this connection that is known, as it stands now, newest first. */
  consents(signal?: AbortSignal): Promise<Consent[]>;
}

/** Is it a provider with consents? */
export function hasConsents<P extends object>(provider: P): provider is P & ConsentProvider {
  return (["institutions", "begin", "complete", "consents"] as const).every(
    (name) => typeof (provider as Partial<ConsentProvider>)[name] === "function",
  );
}
