/** Where a command writes: its results to stdout, everything else to stderr. */
export interface CommandIo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  /** Read for the file name `-`; the process's own when absent. */
  stdin?: AsyncIterable<Uint8Array | string>;
}

/** What a command answers to the shell. */
export const EXIT = { ok: 0, failed: 1, couldNotRun: 2 } as const;
