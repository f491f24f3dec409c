import { cachedInstall } from "./install";

/** Pinned: the version of the server and of the client, tested together. */
export const ACTUAL_VERSION = "26.9.0";

/**
 * From version 13 on better-sqlite3 brings ready-made builds for every Node, and it does not abort during garbage
 * collection as earlier ones do when they are built against Node 24.19 and newer.
 */
const SQLITE_VERSION = "13.2.0";

/** The folder in which the Actual server and its client are installed. */
export function actualInstall(): Promise<{ folder: string } | { unavailable: string }> {
  return cachedInstall({
    name: `actual-${ACTUAL_VERSION}-sqlite-${SQLITE_VERSION}`,
    what: "the Actual server",
    manifest: {
      name: "tallyflow-actual-for-tests",
      private: true,
      dependencies: { "@actual-app/api": ACTUAL_VERSION, "@actual-app/sync-server": ACTUAL_VERSION },
      overrides: { "better-sqlite3": SQLITE_VERSION },
    },
  });
}
