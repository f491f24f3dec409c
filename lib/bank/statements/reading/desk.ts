import type { FoundFile } from "../files";
import { previewCsv, type CsvPreview } from "../csv";
import type { ReaderOptions } from "../types";
import { HeldReadings, type Opened } from "./held";
import type { ReadingSettings, Rows, RowsRequest } from "./reading";
import { summarise, type StatementSummary } from "./summary";
import { readingThread, type ReadingThread, type ThreadRows } from "./thread";

/** Up to this many bytes a file is read on the spot: in a few milliseconds, sooner than a thread starts. */
const SMALL = 64 * 1024;
/** Bytes of small files that are held. */
const ROOM = 4 * 1024 * 1024;

/** A file that was read. */
export interface OpenedFile extends Opened {
  /** Some of its rows; undefined when it was let go and is to be opened again. */
  rows: ThreadRows;
}

/** Where a connection has its files read: small ones here, others in the thread of the process. */
export class Desk {
  readonly #held = new HeldReadings(ROOM);
  readonly #thread: ReadingThread;
  #tickets = 0;

  constructor(thread: ReadingThread = readingThread()) {
    this.#thread = thread;
  }

  /**
   * Read a file. What is wrong with it is in the answer.
   * @throws TallyError STATEMENT_UNREADABLE, retryable, when it takes too much memory or time; what `load` throws; the
   *   reason of `signal`
   */
  async open(file: FoundFile, settings: ReadingSettings, signal?: AbortSignal): Promise<OpenedFile> {
    if (file.bytes <= SMALL) {
      const content = await file.load();
      // It may have grown since it was found.
      if (content.length <= 2 * SMALL) return this.#openHere(content, settings);
    }
    const { opened, rows } = await this.#thread.open(file.given(), settings, signal);
    return { ...opened, rows };
  }

  /** Let go what is held here. */
  clear(): void {
    this.#held.clear();
  }

  #openHere(content: Uint8Array | string, settings: ReadingSettings): OpenedFile {
    const ticket = ++this.#tickets;
    const rows = async (request: RowsRequest): Promise<Rows | undefined> => this.#held.rows(ticket, request);
    return { ...this.#held.open(ticket, content, settings), rows };
  }
}

/**
 * What a person is told of a statement.
 * @throws TallyError STATEMENT_UNREADABLE when nothing of it can be read
 */
export async function summaryOf(
  content: Uint8Array | string,
  options: ReaderOptions,
): Promise<StatementSummary> {
  return content.length <= SMALL ? summarise(content, options) : readingThread().summary(content, options);
}

/**
 * {@link previewCsv} with the event loop left free, however large the file.
 * @throws TallyError STATEMENT_UNREADABLE, CONFIG_INVALID as `previewCsv` does
 */
export async function csvPreview(
  content: Uint8Array | string,
  options: ReaderOptions = {},
): Promise<CsvPreview> {
  return content.length <= SMALL ? previewCsv(content, options) : readingThread().preview(content, options);
}
