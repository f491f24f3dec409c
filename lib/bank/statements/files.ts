import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TallyError } from "../../values";
import type { Given } from "./reading";

/** A statement file in memory, for example uploaded by a person. */
export interface StatementFile {
  name: string;
  content: Uint8Array | string;
}

/** A file on its way to a reader; its bytes are fetched only when it is read. */
export interface FoundFile {
  name: string;
  bytes: number;
  /** Changes when the content may have changed; known without reading it. */
  stamp: string;
  /** @throws TallyError STATEMENT_UNREADABLE for a file that is too large */
  load(): Promise<Uint8Array | string>;
  /** For a reader that fetches the bytes itself. @throws TallyError as `load` */
  given(): Given;
  /** SHA-256 of the content of a file of a folder; undefined where it is too large or cannot be read now. */
  hash?(): Promise<string | undefined>;
}

const HASHED_AT_ONCE = 256 * 1024;

/** What is no statement yet, or never: parts of downloads, hidden files, editors' copies. */
const IGNORED = /^(?:\.|~)|(?:\.(?:part|partial|crdownload|download|tmp|temp|swp|lock)|~)$/i;

/** Would a file of this name be left out of a folder? */
export function isIgnored(name: string): boolean {
  return IGNORED.test(name);
}

/** Files given in memory. Their content stays as it is, so that their place tells them apart. */
export function givenFiles(files: readonly StatementFile[], maxBytes: number): FoundFile[] {
  return files.map(({ name, content }, at) => {
    const bytes = content.length;
    const checked = () => {
      if (bytes > maxBytes) throw tooLarge(name, bytes, maxBytes);
      return content;
    };
    const stamp = `given:${at}:${bytes}:${name}`;
    return { name, bytes, stamp, load: async () => checked(), given: () => ({ content: checked() }) };
  });
}

/**
 * Files of a folder, by name. A file that changed within the last `settleMs` is looked at again after that time, and
 * is left for the next run when it is still growing.
 * @throws TallyError CONFIG_INVALID when the folder cannot be read
 */
export async function folderFiles(
  folder: string,
  maxBytes: number,
  settleMs: number,
  signal?: AbortSignal,
): Promise<FoundFile[]> {
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries
      .filter((entry) => !entry.isDirectory() && !isIgnored(entry.name))
      .map((entry) => entry.name);
  } catch (cause) {
    throw new TallyError(
      "CONFIG_INVALID",
      `The folder ${folder} for statement files cannot be read. Check that it exists and may be read.`,
      { cause },
    );
  }
  const before = await stats(folder, names);
  const young = [...before].filter(([, at]) => Date.now() - at.mtimeMs < settleMs).map(([name]) => name);
  if (young.length > 0) {
    await delay(settleMs, undefined, signal ? { signal } : {});
    const after = await stats(folder, young);
    for (const name of young) {
      const [was, is] = [before.get(name), after.get(name)];
      if (!is || was?.size !== is.size || was.mtimeMs !== is.mtimeMs) before.delete(name);
    }
  }
  return [...before.keys()].sort().map((name) => {
    const { size, mtimeMs } = before.get(name)!;
    const file = path.join(folder, name);
    const checked = () => {
      if (size > maxBytes) throw tooLarge(name, size, maxBytes);
      return file;
    };
    return {
      name,
      bytes: size,
      stamp: `${size}:${mtimeMs}`,
      load: async () => readFile(checked()),
      given: () => ({ path: checked(), bytes: size }),
      hash: async () => (size > maxBytes ? undefined : hashOf(file)),
    };
  });
}

/** In pieces, with the event loop free in between. */
async function hashOf(file: string): Promise<string | undefined> {
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(file, { highWaterMark: HASHED_AT_ONCE }))
      hash.update(piece as Buffer);
  } catch (error) {
    // Moved away or not readable: whoever reads it says so.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
  return hash.digest("hex");
}

interface Seen {
  size: number;
  mtimeMs: number;
}

async function stats(folder: string, names: readonly string[]): Promise<Map<string, Seen>> {
  const found = new Map<string, Seen>();
  for (const name of names) {
    try {
      const { size, mtimeMs, ...rest } = await stat(path.join(folder, name));
      if ((rest.mode & 0o170000) === 0o100000 || process.platform === "win32")
        found.set(name, { size, mtimeMs });
    } catch (error) {
      // Moved away between the listing and now: it is not there, which is no fault.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return found;
}

/** Refusal of a file that would not fit into memory. */
function tooLarge(name: string, size: number, maxBytes: number): TallyError {
  const mib = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MiB`;
  return new TallyError(
    "STATEMENT_UNREADABLE",
    `${name} has ${mib(size)}; statement files of up to ${mib(maxBytes)} are read. Download it for a shorter period.`,
  );
}
