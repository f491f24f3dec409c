import path from "node:path";
import { storeOptions } from "../lib/store";

/** The environment that makes the shipped tally-store node use the store of this URL. */
export function storeEnv(url: string | undefined): Record<string, string> {
  if (!url) return {};
  const options = storeOptions(url);
  return options.kind === "sqlite"
    ? { TALLYFLOW_STORE_KIND: "sqlite", TALLYFLOW_STORE_PATH: path.resolve(options.path) }
    : { TALLYFLOW_STORE_KIND: "mongodb", TALLYFLOW_STORE_URI: options.uri };
}
