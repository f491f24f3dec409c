import { readFileSync } from "node:fs";
import { serve } from "../../../worker";
import { previewCsv } from "../csv";
import { HeldReadings } from "./held";
import { pack, type Operations, type Source } from "./protocol";
import { summarise } from "./summary";

/** The thread that reads statements, and holds those that it read for those who want their rows. */

/** A file takes some twenty times its bytes. */
const ROOM = 16 * 1024 * 1024;

const held = new HeldReadings(ROOM);

function contentOf(source: Source): Uint8Array | string {
  if ("path" in source) return readFileSync(source.path);
  // The readers take the mark off, as they do from every text.
  return source.text ? new TextDecoder("utf-8", { ignoreBOM: true }).decode(source.bytes) : source.bytes;
}

serve<Operations>({
  open: (ticket, source, settings) => held.open(ticket, contentOf(source), settings),
  rows: (ticket, request) => {
    const rows = held.rows(ticket, request);
    return rows && { payments: pack(rows.payments), errors: pack(rows.errors), more: rows.more };
  },
  summary: (source, options) => summarise(contentOf(source), options),
  preview: (source, options) => previewCsv(contentOf(source), options),
});
