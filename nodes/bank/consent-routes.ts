import type { NodeAPI } from "node-red";
import { z } from "zod";
import {
  beginConsent,
  consentOutcome,
  consentsChanged,
  daysLeft,
  hasConsents,
  outcomeOfState,
  putOutcome,
  takeAttempt,
  type BankProvider,
  type Consent,
  type ConsentOutcome,
  type ConsentProvider,
} from "../../lib/bank";
import { bankAccounts, type Store } from "../../lib/store";
import { TallyError, toTallyError } from "../../lib/values";
import { addRoutes, guarded, storeOf, type BankNode, type Lease, type Request } from "../runtime";
import { consentPage, PAGE_HEADERS } from "./consent-page";

/**
 * How a bank is allowed from the editor: choose it, go to its page, come back. Generic over every provider with
 * consents. The way there needs a permission; the way back has no login, and is known by its state alone.
 */

/** Where banks send people back to, below the address of the editor. */
export const CALLBACK_PATH = "/tallyflow/consent/callback";
/** What comes back from a bank is a handful of words. */
const MAX_PARAMETERS = 20;
const MAX_LENGTH = 4_000;

const beginRequest = z.object({
  institution: z.string().min(1).max(500),
  /** The callback as the browser of whoever asks reaches it. */
  returnTo: z.string().max(2_000),
});
const cameBack = z.object({ address: z.string().max(20_000) });

export function registerConsentRoutes(RED: NodeAPI): void {
  addRoutes(RED, "tally-bank consent", ({ admin, write }) => {
    // No permission, by intent: the bank sends the person here, perhaps in another browser. Nothing happens without a
    // state that was begun from the editor, which cannot be guessed and is good once.
    admin.get(
      "/tallyflow/consent/callback",
      guarded(async (request, response) => {
        const { outcome, known } = await cameHome(RED, parametersOf(request.query));
        const text = (key: string) => RED._(`consent.page.${key}`);
        const page = consentPage({
          language: text("language"),
          title: text(outcome.ok ? "done" : "failed"),
          message: outcome.message,
          hint: text(outcome.ok ? "close" : "again"),
          ok: outcome.ok,
        });
        response
          .status(outcome.ok ? 200 : known ? 400 : 404)
          .set(PAGE_HEADERS)
          .send(page);
      }),
    );
    // The rest asks the provider, and so uses up its rate limits: for those who may change something.
    admin.get(
      "/tallyflow/bank/:id/institutions",
      write,
      guarded(async (request, response) => {
        const { country } = request.query;
        const found = await withProvider(RED, request, ({ provider }) =>
          provider.institutions(typeof country === "string" ? country : ""),
        );
        response.json({ institutions: found.map(({ id, name, bic }) => ({ id, name, bic })) });
      }),
    );
    admin.get(
      "/tallyflow/bank/:id/consents",
      write,
      guarded(async (request, response) => {
        response.json({ consents: await withProvider(RED, request, consentsOf) });
      }),
    );
    admin.post(
      "/tallyflow/bank/:id/consents",
      write,
      guarded(async (request, response) => {
        const { institution, returnTo } = bodyAs(request, beginRequest, "institution and returnTo");
        const begun = await withProvider(RED, request, ({ provider, store, node }) => {
          const redirectUrl = node.settings().redirectUrl ?? checkedReturn(returnTo, request);
          return beginConsent(store, provider, { connection: node.id, institution, redirectUrl }, now());
        });
        response.json(begun);
      }),
    );
    // For whom the way back led to a page that does not open: the address of that page says it all.
    admin.post(
      "/tallyflow/bank/:id/consents/address",
      write,
      guarded(async (request, response) => {
        const { address } = bodyAs(request, cameBack, "address");
        const parameters = URL.canParse(address)
          ? Object.fromEntries(new URL(address).searchParams)
          : undefined;
        if (!parameters) throw new TallyError("CONFIG_INVALID", RED._("consent.noAddress"));
        response.json((await cameHome(RED, parametersOf(parameters))).outcome);
      }),
    );
    admin.get(
      "/tallyflow/bank/:id/consents/:attempt",
      write,
      guarded(async (request, response) => {
        const id = String(request.params["attempt"]);
        response.json(
          await withProvider(RED, request, async ({ store }) => ({
            outcome: (await consentOutcome(store, id)) ?? null,
          })),
        );
      }),
    );
  });
}

interface Connected {
  node: BankNode;
  store: Store;
  provider: BankProvider & ConsentProvider;
}

/** A consent as the editor shows it. */
async function consentsOf({ provider, store }: Connected): Promise<object[]> {
  let consents = await provider.consents();
  const unnamed = ({ state, accounts, accountNames }: Consent) =>
    state === "valid" && accounts.length > (accountNames?.length ?? 0);
  if (consents.some(unnamed)) {
    // Asked once after a consent was given; from then on their names are kept.
    const accounts = await provider.accounts().catch((thrown: unknown) => {
      const { code } = toTallyError(thrown);
      if (["STORE_UNAVAILABLE", "INTERNAL"].includes(code)) throw thrown;
      return [];
    });
    // The mapping of an account is the user's and stays as it is.
    await store.collection(bankAccounts).insertMissing(accounts);
    if (accounts.length > 0) consents = await provider.consents();
  }
  return consents.map(({ id, institution, institutionName, state, validUntil, accounts, accountNames }) => ({
    ...{ id, institution, institutionName, state, validUntil },
    ...(validUntil ? { daysLeft: daysLeft(validUntil, now()) } : {}),
    accounts: accountNames ?? [],
    accountsTotal: accounts.length,
  }));
}

/** Someone came back from a bank: complete what was begun, once, and say in words what became of it. */
async function cameHome(
  RED: NodeAPI,
  query: Record<string, string>,
): Promise<{ outcome: ConsentOutcome; known: boolean }> {
  const { state } = query;
  for (const lease of await leaseStores(RED)) {
    try {
      const { store } = lease.value;
      const attempt = await takeAttempt(store, state, now());
      if (attempt) {
        const outcome = await completed(RED, store, attempt.connection, attempt.reference, query);
        await putOutcome(store, attempt.id, outcome, now());
        return { outcome, known: true };
      }
      // A page that is loaded again says again what it said.
      const outcome = await outcomeOfState(store, state);
      if (outcome) return { outcome, known: true };
    } finally {
      await lease.release();
    }
  }
  return { outcome: { ok: false, message: RED._("consent.page.unknown") }, known: false };
}

async function completed(
  RED: NodeAPI,
  store: Store,
  connection: string,
  reference: string,
  query: Record<string, string>,
): Promise<ConsentOutcome> {
  try {
    const node = bankNode(RED, connection);
    const lease = await node.lease(store);
    try {
      const provider = consenting(lease.value);
      const consent = await provider.complete({ reference, query });
      await consentsChanged(store, provider.source, now());
      // Not escaped here: the page escapes, and the editor sets texts.
      const values = { bank: consent.institutionName, until: consent.validUntil?.slice(0, 10) ?? "" };
      return { ok: true, message: RED._(`consent.page.${consent.validUntil ? "until" : "given"}`, values) };
    } finally {
      await lease.release();
    }
  } catch (thrown) {
    return { ok: false, message: toTallyError(thrown).message };
  }
}

async function withProvider<T>(
  RED: NodeAPI,
  request: Request,
  work: (connected: Connected) => Promise<T> | T,
): Promise<T> {
  const node = bankNode(RED, String(request.params["id"]));
  const held: Lease<unknown>[] = [];
  try {
    const opened = await storeOf(RED, storeIdOf(RED, node.id)).lease();
    held.push(opened);
    const { store } = opened.value;
    const lease = await node.lease(store);
    held.push(lease);
    return await work({ node, store, provider: consenting(lease.value) });
  } finally {
    // The store came first and is given back last: the connection may write to it until then.
    for (const lease of held.reverse()) await lease.release();
  }
}

function bankNode(RED: NodeAPI, id: string): BankNode {
  const node = RED.nodes.getNode(id) as BankNode | null | undefined;
  if (node?.type === "tally-bank") return node;
  throw new TallyError("NOT_FOUND", RED._("consent.notDeployed"));
}

function consenting(provider: BankProvider): BankProvider & ConsentProvider {
  if (hasConsents(provider)) return provider;
  throw new TallyError(
    "CONFIG_INVALID",
    "The bank, as it is deployed, needs no consent. Choose the provider, deploy, and open the form again.",
  );
}

/** The store of the steps that use a bank: what is kept of its consents must lie where they look. */
function storeIdOf(RED: NodeAPI, bank: string): string | undefined {
  let found: string | undefined;
  RED.nodes.eachNode((definition) => {
    const { bank: uses, store } = definition as { bank?: unknown; store?: unknown };
    if (uses !== bank || typeof store !== "string" || !RED.nodes.getNode(store)) return;
    found ??= store;
  });
  return found;
}

/** Every deployed store; one that is out of reach holds up none of the others, unless it is the only one. */
async function leaseStores(RED: NodeAPI) {
  const ids: string[] = [];
  RED.nodes.eachNode(({ type, id }) => {
    if (type === "tally-store" && RED.nodes.getNode(id)) ids.push(id);
  });
  const leases = await Promise.allSettled(ids.map((id) => storeOf(RED, id).lease()));
  const open = leases.flatMap((lease) => (lease.status === "fulfilled" ? [lease.value] : []));
  const [failed] = leases.flatMap((lease) => (lease.status === "rejected" ? [lease] : []));
  if (open.length === 0 && failed) throw toTallyError(failed.reason);
  return open;
}

/** The callback of this very editor: a request cannot send a person's consent anywhere else. */
function checkedReturn(text: string, request: Request): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const origin = request.get("origin");
  const right =
    url &&
    /^https?:$/.test(url.protocol) &&
    url.pathname.endsWith(CALLBACK_PATH) &&
    !url.username &&
    !url.search &&
    !url.hash &&
    (origin === undefined || origin === url.origin);
  if (right) return url.href;
  throw new TallyError("CONFIG_INVALID", `returnTo must be this editor's own address of ${CALLBACK_PATH}.`);
}

/** JSON only: a page of another site cannot send that without being asked about it first. */
function bodyAs<T>(request: Request, schema: z.ZodType<T>, what: string): T {
  const parsed = request.is("application/json") ? schema.safeParse(request.body) : undefined;
  if (parsed?.success) return parsed.data;
  throw new TallyError("CONFIG_INVALID", `Send JSON with ${what}.`);
}

/** The parameters of an address, each once and none too long. */
function parametersOf(query: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(query).slice(0, MAX_PARAMETERS))
    if (typeof value === "string" && value.length <= MAX_LENGTH) found[name] = value;
  return found;
}

function now(): string {
  return new Date().toISOString();
}
