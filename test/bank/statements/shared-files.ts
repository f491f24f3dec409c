import { readFileSync } from "node:fs";
import path from "node:path";

/** A row of a table of docs/statements-csv-ofx.md: what the file is counted to hold, and what is read from it. */
export interface DocumentedFile {
  file: string;
  counted: number;
  payments: number;
  sum: number;
  closing: number[];
  errors: number;
  why: string;
}

/** The rows of the table below a heading. */
export function documentedFiles(heading: string): DocumentedFile[] {
  const text = readFileSync(path.resolve(__dirname, "../../../../docs/statements-csv-ofx.md"), "utf8");
  const section = text.split(/^## /m).find((part) => part.startsWith(heading)) ?? "";
  return section
    .split("\n")
    .filter((line) => /^\|[^|]+\.(?:ofx|csv|xls) +\|/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim()),
    )
    .map((cells) => ({
      file: cells[0]!,
      counted: Number(cells[1]),
      payments: Number(cells[2]),
      sum: Number(cells[3]),
      closing: cells[4] === "-" ? [] : cells[4]!.split(" ").map(Number),
      errors: Number(cells[5]),
      why: cells[6]!,
    }));
}

/** A file's text: UTF-8 where it is that, Latin-1 otherwise. */
export function textOf(file: string): string {
  const bytes = readFileSync(file);
  const text = new TextDecoder("utf8").decode(bytes);
  return text.includes("\ufffd") ? bytes.toString("latin1") : text;
}
