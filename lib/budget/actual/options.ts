import { createHash } from "node:crypto";
import path from "node:path";
import { isCurrencyCode, TallyError } from "../../values";

/**
 * What the rules of the budget may do to what we write. Whatever is chosen, account, date, amount and import id stay
 * the bank's, a rule never deletes or splits, and a transfer is written as it was paired.
 *
 * - `fill` (default): rules rename payees and write notes, and give the category where we send none. A category that
 *   a person or the model chose stands.
 * - `all`: a rule's category wins over ours, as when Actual imports by itself.
 * - `none`: rows go in exactly as sent.
 */
export type RulesMode = "fill" | "all" | "none";

export interface ActualOptions {
  /** Address of the Actual server, for example `http://actual.local:5006`. Leave out for a local budget. */
  serverUrl?: string;
  /** Password of the server. */
  password?: string;
  /** Sync id of the budget (Settings > Show advanced settings > Sync ID), or the id of its file on the server. */
  syncId?: string;
  /** Password of an end-to-end encrypted budget. */
  encryptionPassword?: string;
  /** Folder of ours for the local copy of the budget; made when missing, readable by this user only. */
  dataDir: string;
  /** Folder of a local budget, the one that holds `db.sqlite`; used in place, without a server. */
  budgetFile?: string;
  /** Where to look for `@actual-app/api` first: a folder with `node_modules`, or the folder of the package. */
  modulePath?: string;
  /** Node-RED's user directory, searched for `@actual-app/api` too. */
  userDir?: string;
  /** ISO 4217 code: Actual itself knows none unless one is set in its settings, and then the two must agree. */
  currency: string;
  rules?: RulesMode;
  /** Stop the helper process after this long without work, in milliseconds; five minutes when absent, 0 for never. */
  idleMs?: number;
  /** Longest time for one operation, in milliseconds; five minutes when absent. */
  timeoutMs?: number;
}

/** What the helper process is told; travels over its private channel, never by arguments or environment. */
export interface OpenRequest {
  modulePath: string;
  apiVersion: string;
  folder: string;
  serverUrl?: string;
  password?: string;
  syncId?: string;
  encryptionPassword?: string;
  budgetFile?: string;
  currency: string;
  rules: RulesMode;
}

/**
 * Check the options and bring the server address into one form.
 * @throws TallyError CONFIG_INVALID naming the setting
 */
export function checkOptions(options: ActualOptions): ActualOptions {
  const invalid = (message: string) => new TallyError("CONFIG_INVALID", message);
  if (!options.dataDir) throw invalid("Actual needs a data folder for its copy of the budget.");
  if (!isCurrencyCode(options.currency)) {
    throw invalid(
      `"${String(options.currency).slice(0, 10)}" is not a currency code. Actual keeps none, so set one like EUR.`,
    );
  }
  if (options.rules !== undefined && !["fill", "all", "none"].includes(options.rules)) {
    throw invalid(`Rules must be "fill", "all" or "none", not "${String(options.rules).slice(0, 20)}".`);
  }
  if (options.budgetFile !== undefined) {
    if (options.serverUrl !== undefined)
      throw invalid("Give either a server address or a local budget, not both.");
    return { ...options, budgetFile: localFolder(options.budgetFile) };
  }
  if (!options.serverUrl) throw invalid("Actual needs the address of its server, or a local budget.");
  if (!options.password) throw invalid("The password of the Actual server is missing.");
  return { ...options, serverUrl: serverAddress(options.serverUrl) };
}

/** The folder of ours that belongs to one budget of one server. */
export function budgetFolder(options: ActualOptions): string {
  const key = JSON.stringify([options.serverUrl ?? "", options.syncId ?? "", options.budgetFile ?? ""]);
  const hash = createHash("sha256").update(key).digest("hex").slice(0, 16);
  return path.join(path.resolve(options.dataDir), `actual-${hash}`);
}

function serverAddress(text: string): string {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch (cause) {
    throw new TallyError(
      "CONFIG_INVALID",
      "The address of the Actual server must look like http://host:5006.",
      { cause },
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new TallyError("CONFIG_INVALID", "The address of the Actual server must begin with http or https.");
  if (url.username || url.password)
    throw new TallyError("CONFIG_INVALID", "Put the password into its own field, not into the address.");
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function localFolder(file: string): string {
  const resolved = path.resolve(file);
  return path.basename(resolved) === "db.sqlite" ? path.dirname(resolved) : resolved;
}
