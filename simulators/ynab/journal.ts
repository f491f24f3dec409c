import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import type { Change } from "./entities";

/**
 * An append-only file with one JSON line per change. A change is in the kernel's hands before it is answered, so
 * that kill -9 loses nothing that was acknowledged; a last line that was cut short is dropped at the next start.
 */
export class Journal {
  private fd: number | undefined;

  constructor(private readonly file: string | undefined) {}

  /** Every whole change in the file, in order; none when there is no file yet. Opens the file for appending. */
  open(): Change[] {
    if (!this.file) return [];
    const changes: Change[] = [];
    let good = 0;
    if (existsSync(this.file)) {
      const bytes = readFileSync(this.file);
      for (let at = 0; ; at = good) {
        const end = bytes.indexOf(10, at);
        if (end < 0) break;
        changes.push(JSON.parse(bytes.toString("utf8", at, end)) as Change);
        good = end + 1;
      }
    }
    this.fd = openSync(this.file, existsSync(this.file) ? "r+" : "w");
    ftruncateSync(this.fd, good);
    this.position = good;
    return changes;
  }

  private position = 0;

  append(change: Change): void {
    if (this.fd === undefined) return;
    this.position += writeWhole(this.fd, `${JSON.stringify(change)}\n`, this.position);
  }

  /** Replace the whole file by one change: first beside it, then renamed over it. */
  compact(change: Change): void {
    if (!this.file || this.fd === undefined) return;
    const beside = `${this.file}.new`;
    const fd = openSync(beside, "w");
    const length = writeWhole(fd, `${JSON.stringify(change)}\n`, 0);
    renameSync(beside, this.file);
    closeSync(this.fd);
    this.fd = fd;
    this.position = length;
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }
}

function writeWhole(fd: number, text: string, position: number): number {
  const bytes = Buffer.from(text, "utf8");
  for (let written = 0; written < bytes.length;) {
    written += writeSync(fd, bytes, written, bytes.length - written, position + written);
  }
  return bytes.length;
}
