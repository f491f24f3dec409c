import { TallyError } from "../values";
import { migrate, type Migration } from "./migrations";
import type { Store } from "./port";
import { MongoStore } from "./mongodb";
import { SqliteStore } from "./sqlite";

export type StoreOptions =
  /** `path` of the file, made when absent; `:memory:` for one that is gone when closed. */
  | { kind: "sqlite"; path: string }
  /** `database` names the database, `tallyflow` when neither it nor the URI does. */
  | { kind: "mongodb"; uri: string; database?: string };

/**
 * Open a store and bring its data to the version of this code.
 * @throws TallyError STORE_UNAVAILABLE when it cannot be opened or does not answer; STORE_TOO_NEW; CONFIG_INVALID
 */
export async function openStore(
  options: StoreOptions,
  more: { migrations?: readonly Migration[] } = {},
): Promise<Store> {
  const store = await connect(options);
  try {
    await store.ping();
    await migrate(store, more);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}

async function connect(options: StoreOptions): Promise<Store> {
  if (options.kind === "sqlite") {
    if (options.path === "") throw new TallyError("CONFIG_INVALID", "The store has no path. Give it one.");
    return new SqliteStore(options.path);
  }
  return MongoStore.connect(options.uri, options.database);
}

/**
 * Open the store that a URL names: `sqlite:/data/tallyflow.db`, `sqlite::memory:`, `mongodb://...` or
 * `mongodb+srv://...` (the database is the one in the path, `tallyflow` when there is none).
 * @throws TallyError CONFIG_INVALID for another form; what `openStore` throws
 */
export async function storeFromUrl(url: string): Promise<Store> {
  return openStore(storeOptions(url));
}

/** The options a store URL stands for. The URL's password is not repeated in errors. */
export function storeOptions(url: string): StoreOptions {
  if (/^mongodb(\+srv)?:\/\//.test(url)) return { kind: "mongodb", uri: url };
  const file = /^sqlite:(?:\/\/(?=\/))?(.+)$/.exec(url)?.[1];
  if (file !== undefined) return { kind: "sqlite", path: file };
  throw new TallyError(
    "CONFIG_INVALID",
    "The store's URL must begin with sqlite:, mongodb:// or mongodb+srv://, for example sqlite:/data/tallyflow.db.",
  );
}
