import { sha256, toTallyError, type ErrorCode } from "../../../values";
import { Reading, type FileFacts, type ReadingSettings, type Rows, type RowsRequest } from "./reading";

/** What came of reading a file. */
export interface Opened {
  /** SHA-256 of its content. */
  hash: string;
  /** Its facts, or ... */
  facts?: FileFacts;
  /** ... why it cannot be read. */
  error?: { code: ErrorCode; message: string };
}

/**
 * Files that were read, by number, kept for as long as there is room: the longest unused go first. What was let go is
 * read again by whoever still wants it.
 */
export class HeldReadings {
  readonly #held = new Map<number, { reading: Reading; bytes: number }>();
  #bytes = 0;

  /** @param room bytes of files; one larger file is held alone */
  constructor(private readonly room: number) {}

  /** Read a file and hold it under the number. */
  open(ticket: number, content: Uint8Array | string, settings: ReadingSettings): Opened {
    const hash = sha256(content);
    // Before, so that both need not fit into memory.
    this.#makeRoom(content.length);
    try {
      const reading = new Reading(content, settings);
      this.#held.set(ticket, { reading, bytes: content.length });
      this.#bytes += content.length;
      return { hash, facts: reading.facts };
    } catch (thrown) {
      const { code, message } = toTallyError(thrown);
      return { hash, error: { code, message } };
    }
  }

  /** Some of the rows of a file; undefined when it was let go. */
  rows(ticket: number, request: RowsRequest): Rows | undefined {
    const found = this.#held.get(ticket);
    if (!found) return undefined;
    this.#held.delete(ticket);
    this.#held.set(ticket, found);
    return found.reading.rows(request);
  }

  /** Let everything go. */
  clear(): void {
    this.#held.clear();
    this.#bytes = 0;
  }

  #makeRoom(bytes: number): void {
    for (const [ticket, held] of this.#held) {
      if (this.#bytes + bytes <= this.room) return;
      this.#held.delete(ticket);
      this.#bytes -= held.bytes;
    }
  }
}
