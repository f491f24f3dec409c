import { mkdirSync } from "node:fs";
import path from "node:path";
import { openBunq, type BankProvider } from "../../lib/bank";
import { openStatementFiles, type CsvMapping } from "../../lib/bank/statements";
import type { Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import type { BankSettings, OptionsOf, Place } from "../runtime";
import { keyFile } from "./key-store";
import type { schema } from "./schema";

type Options = OptionsOf<typeof schema>;

/** Where statement files are put and keys are kept when nothing is said, below Node-RED's user directory. */
const STATEMENTS_FOLDER = path.join("tallyflow", "statements");
const KEYS_FOLDER = path.join("tallyflow", "keys");

/**
 * Open the bank that a tally-bank node describes.
 * @throws TallyError CONFIG_INVALID when the API key is missing
 */
export function openBank(options: Options, store: Store, place: Place): BankProvider {
  const { provider, timeZone } = options;
  if (provider === "bunq") {
    const { apiKey, url } = options;
    if (!apiKey) {
      const message =
        "tally-bank: the API key is empty: set it in the editor, or set TALLYFLOW_BANK_API_KEY.";
      throw new TallyError("CONFIG_INVALID", message, { details: { fields: ["apiKey"] } });
    }
    const keyStore = keyFile(place.path(KEYS_FOLDER), place.nodeId, apiKey);
    return openBunq({ apiKey, timeZone, store, keyStore, ...(url ? { url } : {}) });
  }
  const { statements } = bankSettings(options, place);
  // A folder that someone named must be there: made here, a mistyped one would stay empty without a word.
  if (!options.folder) mkdirSync(statements!.folder, { recursive: true });
  return openStatementFiles({ ...statements!, store });
}

/** What the nodes that use a bank need of its fields. */
export function bankSettings(options: Options, place: Place): BankSettings {
  if (options.provider !== "files") return {};
  return {
    statements: {
      folder: place.path(options.folder ?? STATEMENTS_FOLDER),
      timeZone: options.timeZone,
      ...(options.currency ? { currency: options.currency } : {}),
      ...(options.account ? { account: options.account } : {}),
      ...(options.mapping ? { mapping: options.mapping as unknown as CsvMapping } : {}),
    },
  };
}

/** Ask the bank for its accounts, and say in a few words which there are. */
export async function testBank(options: Options, store: Store, place: Place): Promise<string> {
  const bank = openBank(options, store, place);
  try {
    const accounts = await bank.accounts();
    const names = accounts.map((account) =>
      `${account.name} ${account.iban ?? ""} ${account.currency}`.replace(/ +/g, " "),
    );
    return names.join("\n") || "No account was found.";
  } finally {
    await bank.close();
  }
}
