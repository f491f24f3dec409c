import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import type { Budget } from "../../store";
import { makeId, TallyError } from "../../values";
import type { ActualApi, ActualLib, Query, RemoteFile } from "./api";
import { actualError, COPY_IS_STALE, reasonOf, SESSION_IS_OVER } from "./errors";
import { converter, type Converter } from "./money";
import type { OpenRequest } from "./options";
import type { ActualBudgetInfo } from "./protocol";

/** How long to wait for another process that has the same local copy open, in milliseconds. */
const LOCK_WAIT = 15_000;

/**
 * Pauses before a sync is tried again, in milliseconds. A sync can be repeated at will, and often only the kept
 * connection was closed by the server while a long write kept this process from noticing.
 */
const PAUSES = [100, 1000];
const NO_ANSWER: ReadonlySet<string> = new Set(["network-failure", "network", "internal"]);

/** The one open budget of the helper process: opening, syncing, and reading by query. */
export class Session {
  private lock: DatabaseSync | undefined;
  private currentBudget: Budget | undefined;
  private currentMoney: Converter | undefined;

  private constructor(
    readonly api: ActualApi,
    readonly lib: ActualLib,
    readonly settings: OpenRequest,
  ) {}

  /**
   * Load the package, sign in, and open the budget that is asked for (none when neither sync id nor local budget is
   * given).
   * @throws TallyError DEPENDENCY_MISSING, AUTH_FAILED, PROVIDER_UNAVAILABLE, NOT_FOUND with the budgets there are,
   *   CONFIG_INVALID, CURRENCY_MISMATCH
   */
  static async open(settings: OpenRequest): Promise<Session> {
    const lock = lockFolder(settings.folder);
    const files = path.join(settings.folder, "files");
    mkdirSync(files, { recursive: true, mode: 0o700 });
    const local = settings.budgetFile;
    try {
      // Not by import(): that reads the package's one file of several megabytes twice more, to tell what kind it is.
      const loaded = createRequire(settings.modulePath)(settings.modulePath) as ActualApi & {
        default?: ActualApi;
      };
      const api = loaded.default ?? loaded;
      const lib = await api.init({
        dataDir: local ? path.dirname(local) : files,
        ...(settings.serverUrl ? { serverURL: settings.serverUrl, password: settings.password ?? "" } : {}),
        verbose: false,
      });
      const session = new Session(api, lib, settings);
      session.lock = lock;
      if (local) await session.openLocal(local);
      else if (settings.syncId) await session.openRemote(settings.syncId, true);
      return session;
    } catch (thrown) {
      lock.close();
      throw thrown instanceof TallyError ? thrown : actualError(reasonOf(thrown), describe(settings));
    }
  }

  /** The open budget. */
  get budget(): Budget {
    if (!this.currentBudget) throw new TallyError("INTERNAL", "No budget is open in the helper process.");
    return this.currentBudget;
  }

  /** The open budget, or null when the session only lists budgets. */
  get opened(): Budget | null {
    return this.currentBudget ?? null;
  }

  get money(): Converter {
    if (!this.currentMoney) throw new TallyError("INTERNAL", "No budget is open in the helper process.");
    return this.currentMoney;
  }

  /** Rows of a query in Actual's query language. */
  async rows<T>(query: Query): Promise<T[]> {
    return ((await this.api.aqlQuery(query)) as { data: T[] }).data;
  }

  /** The budgets on the server, deleted ones left out. */
  async budgets(): Promise<ActualBudgetInfo[]> {
    if (!this.settings.serverUrl) return [];
    return (await this.remoteFiles()).map((file) => ({
      syncId: file.groupId,
      fileId: file.fileId,
      name: file.name,
      encrypted: Boolean(file.encryptKeyId),
    }));
  }

  /**
   * Exchange changes with the server; nothing to do for a local budget. Signs in again when the session has ended,
   * and downloads the budget anew when sync was reset.
   * @throws TallyError PROVIDER_UNAVAILABLE and others of {@link actualError}
   */
  async sync(): Promise<void> {
    if (!this.settings.serverUrl) return;
    let reason = await this.trySync();
    for (const pause of PAUSES) {
      if (reason === undefined || !NO_ANSWER.has(reason)) break;
      await delay(pause);
      reason = await this.trySync();
    }
    if (reason !== undefined && SESSION_IS_OVER.has(reason)) {
      await this.signIn();
      reason = await this.trySync();
    }
    if (reason === undefined) return;
    if (COPY_IS_STALE.has(reason) && this.settings.syncId) {
      await this.openRemote(this.currentFileId(), true);
      return;
    }
    throw await this.failure(reason);
  }

  /** Close the budget and let go of the lock; anything not yet sent is sent first, where the server answers. */
  async close(): Promise<void> {
    try {
      await this.api.shutdown();
    } finally {
      this.lock?.close();
      this.lock = undefined;
    }
  }

  private currentFileId(): string {
    return this.budget.id.slice(this.budget.id.indexOf(":") + 1);
  }

  private async trySync(): Promise<string | undefined> {
    try {
      const result = (await this.lib.send("sync-budget")) as {
        error?: { reason?: string; message?: string };
      };
      return result.error ? (result.error.reason ?? result.error.message ?? "unknown") : undefined;
    } catch (thrown) {
      return reasonOf(thrown);
    }
  }

  private async signIn(): Promise<void> {
    const result = (await this.lib.send("subscribe-sign-in", { password: this.settings.password })) as
      { error?: string } | undefined;
    if (result?.error) throw await this.failure(result.error);
  }

  private async remoteFiles(): Promise<RemoteFile[]> {
    let files = (await this.lib.send("get-remote-files")) as RemoteFile[] | null;
    for (const pause of PAUSES) {
      if (files) break;
      await delay(pause);
      files = (await this.lib.send("get-remote-files")) as RemoteFile[] | null;
    }
    if (!files) throw await this.failure("network-failure");
    return files.filter((file) => !file.deleted);
  }

  private async openRemote(syncId: string, mayRetry: boolean): Promise<void> {
    const files = await this.remoteFiles();
    const file = files.find((one) => one.groupId === syncId || one.fileId === syncId);
    if (!file) {
      const there = files.map((one) => `${one.name} (${one.groupId})`).join(", ");
      throw new TallyError(
        "NOT_FOUND",
        `The Actual server has no budget with sync id "${syncId.slice(0, 60)}". It has: ${there || "no budget at all"}.`,
        { details: { budgets: files.map((one) => ({ syncId: one.groupId, name: one.name })) } },
      );
    }
    if (file.encryptKeyId && !this.settings.encryptionPassword) throw await this.failure("missing-key");
    await this.dropCopies((metadata) => metadata["groupId"] !== file.groupId);
    const password = file.encryptKeyId ? this.settings.encryptionPassword : undefined;
    let reason = await this.tryDownload(file.groupId, password);
    for (const pause of PAUSES) {
      if (reason === undefined || !NO_ANSWER.has(reason)) break;
      await delay(pause);
      reason = await this.tryDownload(file.groupId, password);
    }
    if (reason !== undefined) {
      if (!mayRetry || !COPY_IS_STALE.has(reason)) throw await this.failure(reason);
      await this.dropCopies(() => true);
      await this.openRemote(syncId, false);
      return;
    }
    await this.remember(makeId("actual", file.fileId), file.name);
  }

  /** Download, or open and sync the copy that is here: either can be repeated at will. */
  private async tryDownload(groupId: string, password: string | undefined): Promise<string | undefined> {
    try {
      await this.api.downloadBudget(groupId, password === undefined ? undefined : { password });
      return undefined;
    } catch (thrown) {
      return reasonOf(thrown);
    }
  }

  private async openLocal(folder: string): Promise<void> {
    const metadata = readMetadata(folder);
    if (!metadata) {
      throw new TallyError(
        "NOT_FOUND",
        `There is no Actual budget in ${folder}: the folder must hold db.sqlite and metadata.json.`,
      );
    }
    await this.api.loadBudget(path.basename(folder));
    const own = metadata["cloudFileId"] ?? metadata["id"] ?? path.basename(folder);
    await this.remember(
      makeId("actual", String(own)),
      String(metadata["budgetName"] ?? path.basename(folder)),
    );
  }

  private async remember(id: string, name: string): Promise<void> {
    const [chosen] = await this.rows<{ value: string | null }>(
      this.api.q("preferences").filter({ id: "defaultCurrencyCode" }).select(["value"]),
    );
    const { currency } = this.settings;
    this.currentMoney = converter(currency, chosen?.value ?? "");
    this.currentBudget = { id, source: "actual", name, currency };
  }

  /** Remove local copies of ours. What was written there and not yet sent is found missing later and sent again. */
  private async dropCopies(which: (metadata: Record<string, unknown>) => boolean): Promise<void> {
    if (this.settings.budgetFile) return;
    const files = path.join(this.settings.folder, "files");
    for (const name of readdirSync(files)) {
      const folder = path.join(files, name);
      if (!which(readMetadata(folder) ?? {})) continue;
      await this.lib.send("close-budget");
      rmSync(folder, { recursive: true, force: true });
    }
  }

  private async failure(reason: string): Promise<TallyError> {
    const server = this.settings.serverUrl ? await this.api.getServerVersion() : undefined;
    const versions =
      server && "version" in server
        ? ` (@actual-app/api ${this.settings.apiVersion}, server ${server.version})`
        : "";
    return actualError(reason, describe(this.settings), versions);
  }
}

function describe(settings: OpenRequest): string {
  return `Actual budget ${settings.syncId ?? settings.budgetFile ?? ""} at ${settings.serverUrl ?? "this machine"}`.replace(
    / +/g,
    " ",
  );
}

function readMetadata(folder: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(readFileSync(path.join(folder, "metadata.json"), "utf8")) as Record<string, unknown>;
  } catch {
    // No budget in this folder, or one that cannot be read: the caller decides.
    return undefined;
  }
}

/**
 * Two processes on one local copy would spoil it. SQLite's file lock keeps the second out, and the operating system
 * lets go of it however the first one ends.
 */
function lockFolder(folder: string): DatabaseSync {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = new DatabaseSync(path.join(folder, "lock.sqlite"));
  try {
    lock.exec(`PRAGMA busy_timeout = ${LOCK_WAIT}; BEGIN EXCLUSIVE`);
  } catch (cause) {
    lock.close();
    throw new TallyError(
      "PROVIDER_UNAVAILABLE",
      `The local copy of this budget in ${folder} is in use by another process, or by a connection with other settings. Give each Node-RED a data folder of its own, and the connections to one budget the same settings.`,
      { retryable: true, cause },
    );
  }
  return lock;
}
