import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import path from "node:path";
import { TallyError, toTallyError } from "../../values";
import { isIgnored } from "./files";
import { summaryOf, type StatementSummary } from "./reading";
import type { ReaderOptions } from "./types";

/** What became of a statement that was given. */
export interface KeptStatement extends StatementSummary {
  /** Its name in the folder. */
  name: string;
  /** The folder had this very file already; nothing was written. */
  known: boolean;
}

const MAX_NAME = 120;

/** Writes into one folder come after one another, so that two files of one name cannot take each other's place. */
const writing = new Map<string, Promise<unknown>>();

/**
 * Put a statement into a folder that is watched: read first, so that nothing lands there that cannot be read; then
 * written beside and renamed, so that no reader sees half of it. A name that is taken by another file gets a number.
 * @throws TallyError STATEMENT_UNREADABLE when nothing of it can be read or all of it is of another account;
 *   CONFIG_INVALID when the folder cannot be written
 */
export async function keepStatement(
  folder: string,
  fileName: string,
  content: Uint8Array,
  options: ReaderOptions = {},
): Promise<KeptStatement> {
  const wanted = safeFileName(fileName);
  const read = await summaryOf(content, { ...options, fileName: wanted });
  const { accounts, errors } = read;
  if (accounts.length === 0 && errors.length > 0) {
    throw new TallyError("STATEMENT_UNREADABLE", `${wanted}: ${errors[0]!.reason}`, { details: { errors } });
  }
  const before = writing.get(folder) ?? Promise.resolve();
  const write = before.then(() => writeOnce(folder, wanted, content));
  const settled = write.catch(() => undefined);
  writing.set(folder, settled);
  try {
    const { name, known } = await write;
    return { name, known, ...read };
  } finally {
    if (writing.get(folder) === settled) writing.delete(folder);
  }
}

/**
 * A file name without folders, control characters and what file systems refuse; one that the folder's reader would
 * leave out gets another ending.
 */
export function safeFileName(given: string): string {
  const base = given.normalize("NFC").split(/[\\/]/).at(-1) ?? "";
  const plain = base
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>:"|?*]/gu, "_")
    .replace(/^[.~\s]+/, "")
    .replace(/[.\s]+$/, "");
  const ending = /\.[A-Za-z0-9]{1,10}$/.exec(plain)?.[0] ?? "";
  const stem = plain.slice(0, plain.length - ending.length).slice(0, MAX_NAME - ending.length);
  // Names of devices on Windows.
  const name = /^(con|prn|aux|nul|com\d|lpt\d)$/i.test(stem) ? `_${stem}${ending}` : stem + ending;
  if (name === "" || name === ending) return `statement${ending || ".txt"}`;
  return isIgnored(name) ? `${name}.txt` : name;
}

async function writeOnce(
  folder: string,
  wanted: string,
  content: Uint8Array,
): Promise<{ name: string; known: boolean }> {
  const ending = path.extname(wanted);
  const stem = wanted.slice(0, wanted.length - ending.length);
  try {
    await mkdir(folder, { recursive: true });
    for (let number = 1; ; number++) {
      const name = number === 1 ? wanted : `${stem} (${number})${ending}`;
      const there = await contentOf(path.join(folder, name));
      if (there?.equals(content)) return { name, known: true };
      if (there) continue;
      await writeBeside(path.join(folder, name), content);
      return { name, known: false };
    }
  } catch (cause) {
    if (toTallyError(cause).code !== "INTERNAL") throw cause;
    const message = `The statement could not be written into ${folder}. Check that the folder may be written and that its disk has room.`;
    throw new TallyError("CONFIG_INVALID", message, { cause });
  }
}

async function contentOf(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The name begins with a dot: readers of the folder leave such files out. */
async function writeBeside(file: string, content: Uint8Array): Promise<void> {
  const part = path.join(path.dirname(file), `.${randomBytes(6).toString("hex")}.part`);
  try {
    const handle = await open(part, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(part, file);
  } catch (error) {
    await unlink(part).catch((gone: NodeJS.ErrnoException) => {
      if (gone.code !== "ENOENT") throw gone;
    });
    throw error;
  }
}
