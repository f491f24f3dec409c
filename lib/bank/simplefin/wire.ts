import { TallyError, type TallyErrorOptions } from "../../values";
import { quoted, recordOf, said } from "../aggregate";

/**
 * SimpleFIN's account set, of version 1 (`errors`, an `org` in each account) and of version 2 (`errlist`,
 * `connections`, a `conn_id` in each account). Source: SimpleFIN protocol, "Account Set".
 */

/** An account of the answer; its rows are looked at when it is their turn. */
export interface WireAccount {
  /** Unique in the answer: the server's id, with the bank's beside it where two banks use one id. */
  key: string;
  name: string;
  currency: unknown;
  balance: unknown;
  /** Unix seconds of the last update; undefined where it is no moment. */
  balanceDate: number | undefined;
  connection: string | undefined;
  /** The server's id. */
  id: string;
  transactions: unknown[];
}

/** Something that the user must be told. */
export interface WireError {
  code: string;
  text: string;
  /** The accounts that it is about, as the server names them; undefined when it may be about any. */
  account: string | undefined;
  connection: string | undefined;
}

export interface AccountSet {
  accounts: WireAccount[];
  errors: WireError[];
  /** Accounts that cannot be used, for people. */
  refused: string[];
}

/** @throws TallyError PROVIDER_MALFORMED; what it says when it has errors and no account */
export function readAccountSet(body: unknown): AccountSet {
  const whole = recordOf(body);
  const list = whole?.["accounts"];
  if (!whole || !Array.isArray(list)) {
    throw new TallyError("PROVIDER_MALFORMED", "SimpleFIN sent something that is no list of accounts.", {
      retryable: true,
    });
  }
  const set: AccountSet = { accounts: [], errors: errorsOf(whole), refused: [] };
  for (const raw of list as unknown[]) {
    const account = recordOf(raw);
    const id = said(account?.["id"]);
    if (!account || id === undefined || id.length > 500) {
      set.refused.push("SimpleFIN sent an account without an id, which cannot be read.");
      continue;
    }
    const org = recordOf(account["org"]);
    const connection = said(account["conn_id"]);
    const bank = said(org?.["domain"]) ?? connection ?? said(org?.["sfin-url"]) ?? "";
    const seconds = account["balance-date"] ?? account["balance_date"];
    set.accounts.push({
      key: `${id}\n${bank}`,
      id,
      name: quoted(account["name"], 100) || quoted(org?.["name"], 100) || "SimpleFIN account",
      currency: account["currency"],
      balance: account["balance"],
      balanceDate: isMoment(seconds) ? seconds : undefined,
      connection,
      transactions: Array.isArray(account["transactions"]) ? (account["transactions"] as unknown[]) : [],
    });
  }
  set.accounts = keyed(set.accounts);
  if (set.accounts.length === 0 && set.errors.length > 0) throw failureOf(set.errors);
  return set;
}

/** Unix seconds between 1970 and 2100; milliseconds are none. */
export function isMoment(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0 && value < 4_102_444_800;
}

/** "Uniquely identifies the account within the organization": two banks may use the same one. */
function keyed(accounts: readonly WireAccount[]): WireAccount[] {
  const taken = new Set<string>();
  const inOrder = [...accounts].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const keys = new Map<WireAccount, string>();
  for (const account of inOrder) {
    const [id = "", bank = ""] = account.key.split("\n");
    const key = taken.has(id) ? `${id}@${bank}` : id;
    if (taken.has(key)) continue;
    taken.add(key);
    keys.set(account, key);
  }
  return accounts.flatMap((account) => {
    const key = keys.get(account);
    return key === undefined ? [] : [{ ...account, key }];
  });
}

function errorsOf(whole: Record<string, unknown>): WireError[] {
  const structured = (Array.isArray(whole["errlist"]) ? (whole["errlist"] as unknown[]) : []).flatMap(
    (raw) => {
      const error = recordOf(raw);
      const text = quoted(error?.["msg"] ?? error?.["message"], 300) || quoted(error?.["code"], 60);
      if (!error || !text) return [];
      return [
        {
          code: quoted(error["code"], 60),
          text,
          account: said(error["account_id"]),
          connection: said(error["conn_id"]),
        },
      ];
    },
  );
  // A server may send both forms of the same errors.
  const known = new Set(structured.map(({ text }) => text));
  const plain = (Array.isArray(whole["errors"]) ? (whole["errors"] as unknown[]) : [])
    .map((raw) => quoted(raw, 300))
    .filter((text) => text && !known.has(text))
    .map((text) => ({ code: "", text, account: undefined, connection: undefined }));
  return [...structured, ...plain];
}

function failureOf(errors: readonly WireError[]): TallyError {
  const words = errors.map(({ text }) => text).join(" ");
  const details: TallyErrorOptions = { details: { codes: errors.map(({ code }) => code).filter(Boolean) } };
  if (
    errors.some(
      ({ code, text }) => code.endsWith(".auth") || /authent|credential|log ?in|password/i.test(text),
    )
  ) {
    return new TallyError(
      "AUTH_EXPIRED",
      `SimpleFIN shows no account, because it cannot get into the bank. Log in at the SimpleFIN bridge and repair the connection there. It says: ${words}`,
      details,
    );
  }
  return new TallyError("PROVIDER_UNAVAILABLE", `SimpleFIN shows no account. It says: ${words}`, {
    ...details,
    retryable: true,
  });
}
