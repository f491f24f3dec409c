import { TallyError, toTallyError } from "../../values";

/** What the primary result codes of SQLite mean to a person. Source: https://www.sqlite.org/rescode.html */
const MEANING: Readonly<Record<number, { what: string; retryable: boolean }>> = {
  5: { what: "another process holds it locked. Try again, or stop that process", retryable: true },
  6: { what: "it is locked. Try again", retryable: true },
  8: {
    what: "it is read-only. Give this user the right to write to the file and its folder",
    retryable: false,
  },
  10: { what: "the disk failed while reading or writing. Check the disk", retryable: true },
  11: { what: "the file is damaged. Restore a backup", retryable: false },
  13: { what: "the disk is full. Free some space", retryable: true },
  14: { what: "the file cannot be opened. Check the path and the rights on its folder", retryable: false },
  26: { what: "the file is not a SQLite database. Check the path, or restore a backup", retryable: false },
};

/** An error of node:sqlite or of the file system as STORE_UNAVAILABLE with what to do; others pass through. */
export function sqliteError(error: unknown, file: string): TallyError {
  if (error instanceof TallyError) return error;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (code === "ERR_SQLITE_ERROR" && typeof errcode === "number") {
    const meaning = MEANING[errcode & 0xff];
    if (meaning) {
      return new TallyError("STORE_UNAVAILABLE", `The store ${file} cannot be used: ${meaning.what}.`, {
        retryable: meaning.retryable,
        details: { file, sqlite: errcode },
        cause: error,
      });
    }
  }
  if (typeof code === "string" && /^E[A-Z]+$/.test(code)) {
    return new TallyError(
      "STORE_UNAVAILABLE",
      `The store ${file} cannot be used (${code}). Check the path, the disk and the rights on its folder.`,
      { retryable: code === "EMFILE" || code === "ENOSPC", details: { file, code }, cause: error },
    );
  }
  return toTallyError(error);
}
