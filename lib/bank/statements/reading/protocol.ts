import type { CsvPreview } from "../csv";
import type { ReaderOptions } from "../types";
import type { Opened } from "./held";
import type { ReadingSettings, RowsRequest } from "./reading";
import type { StatementSummary } from "./summary";

/** A file on its way to the thread: a path, or its bytes, those of a text in UTF-8. */
export type Source = { path: string } | { bytes: Uint8Array<ArrayBuffer>; text: boolean };

/** What is asked of the thread that reads statements. */
export interface Operations {
  /** Read a file and hold it under a number for as long as there is room. */
  open: { args: [ticket: number, source: Source, settings: ReadingSettings]; answer: Opened };
  /** Some of the rows of a file that is held; undefined when it no longer is. */
  rows: { args: [ticket: number, request: RowsRequest]; answer: PackedRows | undefined };
  summary: { args: [source: Source, options: ReaderOptions]; answer: StatementSummary };
  preview: { args: [source: Source, options: ReaderOptions]; answer: CsvPreview };
}

/**
 * Rows as texts of JSON lists. Text crosses the thread far faster than objects, and in pieces it is parsed with the
 * event loop free in between.
 */
export interface PackedRows {
  payments: string[];
  errors: string[];
  more: boolean;
}

/** Characters of one piece: about a millisecond to parse. */
const PIECE = 64 * 1024;

/** The items as JSON lists of about a piece each. */
export function pack(items: readonly object[]): string[] {
  const pieces: string[] = [];
  let piece: string[] = [];
  let length = 0;
  for (const item of items) {
    const text = JSON.stringify(item);
    piece.push(text);
    length += text.length;
    if (length < PIECE) continue;
    pieces.push(`[${piece.join(",")}]`);
    piece = [];
    length = 0;
  }
  if (piece.length > 0) pieces.push(`[${piece.join(",")}]`);
  return pieces;
}
