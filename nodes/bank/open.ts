import { mkdirSync } from "node:fs";
import path from "node:path";
import {
  openBunq,
  openBunqByOAuth,
  openEnableBanking,
  openGoCardless,
  openSimpleFin,
  type BankProvider,
} from "../../lib/bank";
import { openStatementFiles, type CsvMapping } from "../../lib/bank/statements";
import type { Store } from "../../lib/store";
import { TallyError } from "../../lib/values";
import type { BankSettings, OptionsOf, Place } from "../runtime";
import { keyFile } from "./key-store";
import { schema } from "./schema";
import { accessUrlOf } from "./simplefin";

type Options = OptionsOf<typeof schema>;

/** Where statement files are put and keys are kept when nothing is said, below Node-RED's user directory. */
const STATEMENTS_FOLDER = path.join("tallyflow", "statements");
const KEYS_FOLDER = path.join("tallyflow", "keys");

/**
 * Open the bank that a tally-bank node describes.
 * @throws TallyError CONFIG_INVALID when a secret is missing; for SimpleFIN also what claiming a setup token throws
 */
export async function openBank(options: Options, store: Store, place: Place): Promise<BankProvider> {
  const { provider, timeZone, url } = options;
  const common = { timeZone, store, ...(url ? { url } : {}) };
  // A connection that is not the only one of its provider has a name of its own in the ids.
  const kind = provider === "bunq-oauth" ? "bunq" : provider;
  const source = options.connection ? { source: `${kind}.${options.connection}` } : {};
  const bunq = {
    ...common,
    ...source,
    pending: options.pending,
    ...(options.environment ? { environment: options.environment } : {}),
  };
  const keys = place.path(KEYS_FOLDER);
  switch (provider) {
    case "bunq": {
      const apiKey = secretOf(options, "apiKey");
      return openBunq({ ...bunq, apiKey, keyStore: keyFile(keys, place.nodeId, apiKey) });
    }
    case "bunq-oauth": {
      const clientSecret = secretOf(options, "clientSecret");
      return openBunqByOAuth({
        ...bunq,
        keyStore: keyFile(keys, place.nodeId, clientSecret),
        oauth: {
          clientId: secretOf(options, "clientId"),
          clientSecret,
          tokens: keyFile(keys, `${place.nodeId}:oauth`, clientSecret),
          // A simulator has the page and the exchange beside its API, bunq on hosts of their own.
          ...(url
            ? { authorizeUrl: new URL("/auth", url).href, tokenUrl: new URL("/v1/token", url).href }
            : {}),
        },
      });
    }
    case "enable-banking":
      return openEnableBanking({
        ...common,
        ...source,
        applicationId: secretOf(options, "applicationId"),
        privateKey: secretOf(options, "privateKey"),
        psuType: options.psuType,
      });
    case "gocardless":
      return openGoCardless({
        ...common,
        ...source,
        secretId: secretOf(options, "secretId"),
        secretKey: secretOf(options, "secretKey"),
      });
    case "simplefin":
      return openSimpleFin({ ...source, timeZone, store, accessUrl: await accessOf(options, place) });
    case "files":
      return openFiles(options, store, place);
  }
}

/** The access URL as it was given, else the one that the setup token gives. */
async function accessOf(options: Options, place: Place): Promise<string> {
  if (options.accessUrl) return options.accessUrl;
  const token = secretOf(options, "setupToken").replace(/\s+/g, "");
  const name = `${place.nodeId}:simplefin`;
  const folder = place.path(KEYS_FOLDER);
  // Encrypted with the token: another token is another access, and is claimed.
  return accessUrlOf(token, keyFile(folder, name, token), path.join(folder, name));
}

/** @throws TallyError CONFIG_INVALID that says where the field can be filled in */
function secretOf(
  options: Options,
  name:
    | "apiKey"
    | "clientId"
    | "clientSecret"
    | "applicationId"
    | "privateKey"
    | "secretId"
    | "secretKey"
    | "setupToken",
): string {
  const value = options[name];
  if (value) return value;
  const field = schema.fields.find((one) => one.name === name)!;
  const label = field.label === "API key" ? field.label : field.label.toLowerCase();
  throw new TallyError(
    "CONFIG_INVALID",
    `tally-bank: the ${label} is empty: set it in the editor, or set ${field.env}.`,
    { details: { fields: [name] } },
  );
}

function openFiles(options: Options, store: Store, place: Place): BankProvider {
  const { statements } = bankSettings(options, place);
  // A folder that someone named must be there: made here, a mistyped one would stay empty without a word.
  if (!options.folder) mkdirSync(statements!.folder, { recursive: true });
  return openStatementFiles({ ...statements!, store });
}

/** What the nodes that use a bank need of its fields. */
export function bankSettings(options: Options, place: Place): BankSettings {
  if (options.provider !== "files") {
    const { redirectUrl } = options;
    return redirectUrl ? { redirectUrl } : {};
  }
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
  const bank = await openBank(options, store, place);
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
