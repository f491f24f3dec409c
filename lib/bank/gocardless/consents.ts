import { randomUUID } from "node:crypto";
import { TallyError, toTallyError } from "../../values";
import { quoted } from "../aggregate";
import type { Consent, ConsentBegin, ConsentComplete, ConsentStart, Institution } from "../consent";
import { agreementsOf, requisitionsOf } from "./accounts";
import { malformed, type GoCardlessConnection } from "./connection";
import {
  consentOf,
  readAgreement,
  readInstitution,
  readInstitutions,
  readRequisition,
  type Agreement,
  type Requisition,
} from "./wire";

/** GoCardless' own bounds. Source: its OpenAPI description, EndUserAgreement; consents of 180 days since 2023. */
const MAX_HISTORY_DAYS = 730;
const DEFAULT_DAYS = 90;

/** Consents as agreements and requisitions. Nothing is stored: GoCardless knows them all. */
export class Consents {
  readonly #names = new Map<string, string>();

  constructor(
    private readonly connection: GoCardlessConnection,
    private readonly options: {
      timeZone: string;
      /** References of this connection's requisitions begin with it. */
      mark: string;
      isOwn(requisition: Requisition): boolean;
      /** What is known of an account: the same key under every consent. */
      known(ownId: string): Promise<{ key: string; name: string } | undefined>;
    },
  ) {}

  async institutions(country: string, signal?: AbortSignal): Promise<Institution[]> {
    if (!/^[A-Za-z]{2}$/.test(country)) {
      throw new TallyError(
        "CONFIG_INVALID",
        `"${quoted(country, 20)}" is not a country of two letters, like NL.`,
      );
    }
    const code = country.toUpperCase();
    const what = `the banks of ${code}`;
    const answer = await this.connection.get({
      path: "/institutions/",
      query: { country: code },
      what,
      signal,
    });
    const found = readInstitutions(answer, code);
    for (const { id, name } of found) this.#names.set(id, name);
    return found;
  }

  /** An agreement over all that can be seen for as long as it can be, and a requisition with the link to the bank. */
  async begin({ institution: id, redirectUrl, state, signal }: ConsentBegin): Promise<ConsentStart> {
    if (!URL.canParse(redirectUrl) || !/^https?:/.test(redirectUrl)) {
      throw new TallyError("CONFIG_INVALID", `"${quoted(redirectUrl, 80)}" is not a page to come back to.`);
    }
    const institution = await this.#institution(id, signal);
    const { name } = institution;
    const made = await this.connection.post(
      "/agreements/enduser/",
      {
        institution_id: institution.id,
        max_historical_days: Math.min(institution.maxHistoryDays ?? DEFAULT_DAYS, MAX_HISTORY_DAYS),
        access_valid_for_days: institution.maxConsentDays ?? DEFAULT_DAYS,
        access_scope: ["balances", "details", "transactions"],
      },
      `an agreement for ${name}`,
      signal,
    );
    const redirect = new URL(redirectUrl);
    redirect.searchParams.set("state", state);
    const answer = await this.connection.post(
      "/requisitions/",
      {
        redirect: redirect.href,
        institution_id: institution.id,
        agreement: readAgreement(made).id,
        reference: `${this.options.mark}${randomUUID()}`,
      },
      `a consent for ${name}`,
      signal,
    );
    const { id: reference, link } = readRequisition(answer);
    if (!link || !URL.canParse(link) || !/^https?:/.test(link)) throw malformed("a link to the bank");
    return { url: link, reference };
  }

  async complete({ reference, query, signal }: ConsentComplete): Promise<Consent> {
    const unknown = () =>
      new TallyError("NOT_FOUND", "GoCardless does not know this attempt to give a consent. Begin again.");
    if (!/^[\w-]{1,64}$/.test(reference)) throw unknown();
    const what = "this attempt to give a consent";
    const path = `/requisitions/${reference}/`;
    const requisition = readRequisition(await this.connection.get({ path, what, signal }));
    // GoCardless sends the person back with the reference as `ref`: another one belongs to another attempt.
    if (!this.options.isOwn(requisition) || (query["ref"] ?? requisition.reference) !== requisition.reference)
      throw unknown();
    const name = await this.#nameOf(requisition.institution_id, signal);
    const refused = query["error"] !== undefined || ["RJ", "SU"].includes(requisition.status ?? "");
    if (refused && requisition.status !== "LN") {
      const why = quoted(query["details"] ?? query["error"], 200);
      throw new TallyError(
        "AUTH_FAILED",
        `The consent for ${name} was not given${why ? ` (${why})` : ""}. Begin again to give it.`,
      );
    }
    if (requisition.status === "EX") {
      throw new TallyError(
        "AUTH_EXPIRED",
        `The consent for ${name} has ended already. Begin again to give it.`,
      );
    }
    const agreement = requisition.agreement
      ? await this.#agreement(requisition.agreement, signal)
      : undefined;
    return this.#consent(requisition, agreement, name);
  }

  async consents(signal?: AbortSignal): Promise<Consent[]> {
    const own = (await requisitionsOf(this.connection, signal)).filter((each) => this.options.isOwn(each));
    if (own.length === 0) return [];
    const agreements = await agreementsOf(this.connection, signal);
    const consents: Consent[] = [];
    for (const requisition of own) {
      const name = await this.#nameOf(requisition.institution_id, signal);
      consents.push(this.#consent(requisition, agreements.get(requisition.agreement ?? ""), name));
    }
    consents.sort((a, b) => b.createdAt.localeCompare(a.createdAt));
    return this.#settled(consents);
  }

  /**
   * With the names of the accounts. A consent that has run out or soon will, and whose accounts all are in a newer valid
   * one, is nobody's concern any more.
   * @param consents newest first
   */
  async #settled(consents: readonly Consent[]): Promise<Consent[]> {
    const covered = new Set<string>();
    const settled: Consent[] = [];
    for (const consent of consents) {
      const known = await Promise.all(consent.accounts.map((ownId) => this.options.known(ownId)));
      const keys = known.map((one, at) => one?.key ?? consent.accounts[at]!);
      const running = consent.state === "valid" || consent.state === "expired";
      const replaced = running && keys.length > 0 && keys.every((key) => covered.has(key));
      if (consent.state === "valid") for (const key of keys) covered.add(key);
      const accountNames = known.flatMap((one) => one?.name ?? []);
      settled.push({
        ...consent,
        ...(replaced ? { state: "ended" as const } : {}),
        ...(accountNames.length > 0 ? { accountNames } : {}),
      });
    }
    return settled;
  }

  #consent(requisition: Requisition, agreement: Agreement | undefined, name: string): Consent {
    return consentOf(requisition, agreement, name, this.connection.clock.now(), this.options.timeZone);
  }

  async #agreement(id: string, signal: AbortSignal | undefined): Promise<Agreement> {
    const path = `/agreements/enduser/${encodeURIComponent(id)}/`;
    return readAgreement(await this.connection.get({ path, what: "an agreement", signal }));
  }

  async #institution(id: string, signal: AbortSignal | undefined): Promise<Institution> {
    const path = `/institutions/${encodeURIComponent(id)}/`;
    const what = `the bank ${quoted(id, 60)}`;
    const institution = readInstitution(await this.connection.get({ path, what, signal }));
    this.#names.set(institution.id, institution.name);
    return institution;
  }

  /** The bank's name; of one that GoCardless no longer has, the id. */
  async #nameOf(id: string, signal: AbortSignal | undefined): Promise<string> {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    try {
      return (await this.#institution(id, signal)).name;
    } catch (thrown) {
      const { code } = toTallyError(thrown);
      if (code !== "NOT_FOUND" && code !== "PROVIDER_REFUSED" && code !== "PROVIDER_MALFORMED") throw thrown;
      this.#names.set(id, quoted(id, 60));
      return quoted(id, 60);
    }
  }
}
