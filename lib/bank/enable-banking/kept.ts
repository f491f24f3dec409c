import { z } from "zod";
import { cursors, type Store } from "../../store";
import { sha256, type Instant, type Json } from "../../values";
import { keptConsentSchema } from "../consent";
import type { AccountResource } from "./protocol";

/**
 * What a connection keeps in the store, among the cursors: its sessions, their accounts, and attempts to come to a
 * new session. None of it opens anything without the application's private key.
 */

export type KeptSession = z.infer<typeof keptConsentSchema>;

const accountSchema = z.object({
  /** Own id, the same in every session. */
  own: z.string(),
  /** All hashes under which Enable Banking has known the account. */
  hashes: z.array(z.string()),
  name: z.string(),
  institutionName: z.string(),
  iban: z.string().optional(),
  /** `XXX` while the bank has not said it. */
  currency: z.string(),
  type: z.enum(["current", "savings", "credit", "other"]),
  /** Under which uid which session knows it, newest first. */
  links: z.array(z.object({ session: z.string(), uid: z.string() })).min(1),
});
export type KeptAccount = z.infer<typeof accountSchema>;
export type AccountLink = KeptAccount["links"][number];

const attemptSchema = z.object({
  reference: z.string(),
  institution: z.string(),
  institutionName: z.string(),
  /** SHA-256 of the word that must come back with the person. */
  state: z.string(),
  createdAt: z.string(),
  /** The session it came to. */
  session: z.string().optional(),
  refused: z.boolean().optional(),
});
export type Attempt = z.infer<typeof attemptSchema>;

const balanceSchema = z.object({
  /** When it was last asked for, with or without success. */
  askedAt: z.string(),
  balance: z.object({ amount: z.number(), currency: z.string(), at: z.string() }).optional(),
});
export type KeptBalance = z.infer<typeof balanceSchema>;

/** What was learned of how far back a bank lets a session look. */
const reachSchema = z.object({ session: z.string(), days: z.number().int().nonnegative() });
export type Reach = z.infer<typeof reachSchema>;

const SCHEMAS = {
  session: keptConsentSchema,
  account: accountSchema,
  attempt: attemptSchema,
  balance: balanceSchema,
  reach: reachSchema,
} as const;
type Kind = keyof typeof SCHEMAS;
type Of<K extends Kind> = z.infer<(typeof SCHEMAS)[K]>;

/** Sessions through which an account can be reached are remembered up to this many. */
const LINKS = 5;

/** The documents of one connection. */
export class Kept {
  constructor(
    private readonly store: Store,
    private readonly source: string,
    private readonly now: () => Instant,
  ) {}

  async get<K extends Kind>(kind: K, id: string): Promise<Of<K> | undefined> {
    const found = await this.store.collection(cursors).get(this.#id(kind, id));
    return found && this.#read(kind, found.value);
  }

  async all<K extends Kind>(kind: K): Promise<Of<K>[]> {
    const from = this.#id(kind, "");
    // `;` follows `:`: everything that begins with the prefix.
    const range = { index: "id", from, to: `${from.slice(0, -1)};` };
    const found: Of<K>[] = [];
    for await (const { value } of this.store.collection(cursors).scan(range)) {
      const read = this.#read(kind, value);
      if (read) found.push(read);
    }
    return found;
  }

  async put<K extends Kind>(kind: K, id: string, value: Of<K>): Promise<void> {
    const doc = { id: this.#id(kind, id), value: value as Json, at: this.now() };
    await this.store.collection(cursors).upsertMany([doc]);
  }

  /**
   * Note the accounts of a new session, under the ids that they had in earlier ones: Enable Banking says another uid
   * each time, and may say another hash first while the old one stays in the list.
   * @returns the accounts as they are kept now, in the order of the session
   */
  async putAccounts(
    session: string,
    institution: { name: string },
    resources: readonly (AccountResource & { uid: string })[],
    describe: (resource: AccountResource) => Pick<KeptAccount, "name" | "iban" | "currency" | "type">,
  ): Promise<KeptAccount[]> {
    const known = await this.all("account");
    const taken = new Set<string>();
    const accounts: KeptAccount[] = [];
    for (const resource of resources) {
      const facts = describe(resource);
      const hashes = hashesOf(resource, facts);
      const before = known.find(
        (account) =>
          !taken.has(account.own) &&
          sameCurrency(account.currency, facts.currency) &&
          account.hashes.some((hash) => hashes.includes(hash)),
      );
      const own =
        before?.own ??
        newOwnId(
          hashes[0]!,
          facts.currency,
          (id) => taken.has(id) || known.some((account) => account.own === id),
        );
      taken.add(own);
      const links = [{ session, uid: resource.uid }, ...(before?.links ?? [])];
      const account: KeptAccount = {
        own,
        hashes: [...new Set([...hashes, ...(before?.hashes ?? [])])],
        ...facts,
        currency: facts.currency === "XXX" ? (before?.currency ?? "XXX") : facts.currency,
        institutionName: institution.name,
        links: links
          .filter((link, at) => links.findIndex((one) => one.session === link.session) === at)
          .slice(0, LINKS),
      };
      await this.put("account", own, account);
      accounts.push(account);
    }
    return accounts;
  }

  #id(kind: Kind, id: string): string {
    return `enable-banking:${this.source}:${kind}:${id}`;
  }

  #read<K extends Kind>(kind: K, value: Json): Of<K> | undefined {
    const parsed = SCHEMAS[kind].safeParse(value);
    return parsed.success ? (parsed.data as Of<K>) : undefined;
  }
}

/** What names the account in every session: Enable Banking's hashes, else its number. */
function hashesOf(resource: AccountResource, facts: Pick<KeptAccount, "iban" | "currency">): string[] {
  const given = [resource.identification_hash, ...(resource.identification_hashes ?? [])];
  const hashes = given.map((hash) => hash?.trim() ?? "").filter((hash) => hash !== "");
  if (hashes.length > 0) return [...new Set(hashes)];
  const number = facts.iban ?? resource.account_id?.other?.identification ?? resource.uid ?? "";
  return [`number:${number}`];
}

/** Accounts of one number in several currencies may share a hash. */
function sameCurrency(one: string, other: string): boolean {
  return one === other || one === "XXX" || other === "XXX";
}

/** 128 bits of SHA-256 in base64url: hashes are long and hold characters that ids should not. */
function newOwnId(hash: string, currency: string, isTaken: (id: string) => boolean): string {
  const plain = shortHash(hash);
  return isTaken(plain) ? shortHash(`${hash}|${currency}`) : plain;
}

export function shortHash(text: string): string {
  return Buffer.from(sha256(text), "hex").subarray(0, 16).toString("base64url");
}
