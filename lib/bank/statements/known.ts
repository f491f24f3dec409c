import { createRequire } from "node:module";
import { contentHash, sha256, type ErrorCode, type Json } from "../../values";
import { cursors, type Store } from "../../store";
import type { FoundFile } from "./files";
import type { FileFacts, ReadingSettings } from "./reading";

/** What reading a file gave, for as long as its content, the readers and the settings stay the same. */
export interface KnownFile {
  bytes: number;
  /** SHA-256 of the content. */
  hash: string;
  /** As {@link readingKey} gave it. */
  key: string;
  facts?: FileFacts;
  error?: { code: ErrorCode; message: string };
}

/** The readers change with the package. */
const { version } = createRequire(__filename)("../../../../package.json") as { version: string };

/** Names the way in which files are read: the readers' version and the settings. */
export function readingKey({ source, options }: Omit<ReadingSettings, "name">): string {
  const { fileName: _name, ...rest } = options;
  return contentHash([version, source, rest]).slice(0, 16);
}

/**
 * What the files of a folder gave, kept in the store among the cursors, one document for each file: a process that
 * starts finds it there and reads only what is new. It is no more than a memory: which payments were taken is told by
 * the cursors of the accounts alone, and what is missing here is read again.
 */
export class KnownFiles {
  readonly #prefix: string;
  #files: Map<string, KnownFile> | undefined;

  /** @param folder absolute path */
  constructor(
    private readonly store: Store,
    source: string,
    folder: string,
  ) {
    this.#prefix = `statement:${source}:${sha256(folder).slice(0, 16)}:`;
  }

  /**
   * What a file gave when it was last read; undefined when it has other bytes now or is to be read in another way.
   * @throws TallyError STORE_UNAVAILABLE
   */
  async find(file: FoundFile, key: string): Promise<KnownFile | undefined> {
    const known = (await this.#load()).get(file.name);
    if (!known || known.key !== key || known.bytes !== file.bytes) return undefined;
    return (await file.hash?.()) === known.hash ? known : undefined;
  }

  /**
   * Keep what the files gave that are in the folder now, and forget the others.
   * @throws TallyError STORE_UNAVAILABLE
   */
  async keep(files: ReadonlyMap<string, KnownFile>): Promise<void> {
    const before = await this.#load();
    const at = new Date().toISOString();
    const changed = [...files].filter(([name, file]) => before.get(name) !== file);
    const gone = [...before.keys()].filter((name) => !files.has(name));
    if (changed.length > 0) {
      await this.store
        .collection(cursors)
        .upsertMany(
          changed.map(([name, file]) => ({ id: this.#prefix + name, value: file as unknown as Json, at })),
        );
    }
    if (gone.length > 0)
      await this.store.collection(cursors).deleteMany(gone.map((name) => this.#prefix + name));
    this.#files = new Map(files);
  }

  async #load(): Promise<Map<string, KnownFile>> {
    if (this.#files) return this.#files;
    const found = new Map<string, KnownFile>();
    const mine = { index: "id", from: this.#prefix, to: `${this.#prefix}\uffff` };
    for await (const { id, value } of this.store.collection(cursors).scan(mine))
      found.set(id.slice(this.#prefix.length), value as unknown as KnownFile);
    return (this.#files = found);
  }
}
