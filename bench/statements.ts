import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { parseStatement } from "../lib/bank/statements";
import { rounded, type Bench, type BenchResult } from "./result";
import type { ExtractFigures } from "./support/extract-folder";
import { pythonWith } from "./support/python";
import { MADE_FORMATS, writeStatement, type MadeFormat } from "./support/statement-files";

const root = path.resolve(__dirname, "../..");
const MIB = 1024 * 1024;
/** Sizes of the statements that are extracted, in MiB. */
const SIZES: Readonly<Record<MadeFormat, number>> = { csv: 50, "camt.053": 20, mt940: 20, ofx: 20 };
/** Size of the statements that peers read too, in MiB. */
const SAMPLE = 4;
const PEERS: Readonly<Record<MadeFormat, readonly string[]>> = {
  csv: ["csv"],
  "camt.053": ["pycamt"],
  mt940: ["mt-940"],
  ofx: ["ofxtools", "ofxparse"],
};
const LIMIT_MS = 30 * 60_000;

export const bench: Bench = {
  summary: "large statements of each format into SQLite, beside other parsers on a smaller one",
  options: `
  --format csv|camt.053|mt940|ofx   this one alone
  --scale N                         another size: 1 is 50 MiB of CSV and 20 MiB of the others, 4 MiB beside peers
  --no-peers                        ours alone; peers are fetched from PyPI once
`,
  run: async (args, say) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        format: { type: "string" },
        scale: { type: "string", default: "1" },
        "no-peers": { type: "boolean" },
      },
    });
    const formats = MADE_FORMATS.filter((format) => values.format === undefined || format === values.format);
    const scale = Number(values.scale);
    if (formats.length === 0 || !(scale > 0)) {
      const error = new Error(
        `--format must be one of ${MADE_FORMATS.join(", ")}, and --scale a number above 0.`,
      ) as NodeJS.ErrnoException;
      error.code = "ERR_PARSE_ARGS_INVALID_OPTION_VALUE";
      throw error;
    }
    const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-bench-"));
    try {
      return run(folder, formats, scale, values["no-peers"] !== true, say);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Rate {
  rows: number;
  seconds: number;
  rowsPerSecond: number;
}

function run(
  folder: string,
  formats: readonly MadeFormat[],
  scale: number,
  beside: boolean,
  say: (text: string) => void,
): BenchResult {
  const ours: Record<string, unknown> = {};
  const peers: Record<string, unknown> = {};
  const ratios: Record<string, number> = {};
  const notes = [
    "Stalls are of the main thread's event loop (perf_hooks, resolution 5 ms), by the clock; longestStallCpuMs is the most CPU time that it used within one. On a busy machine only the latter is the program's.",
    "again: a new process meets the same folder and the same store.",
    "parse: the readers alone, in the main thread of the benchmark; peers parse the same file in a process of their own, its start not counted.",
    "csv: the cells of the rows alone, without dates, amounts and parties.",
  ];
  const python = beside
    ? pythonWith("venv-statements", ["mt-940", "pycamt", "ofxtools", "ofxparse"])
    : undefined;
  if (beside && !python) notes.push("No peers: python3 with venv is not there.");
  for (const format of formats) {
    say(format);
    const sample = path.join(folder, `sample.${format}`);
    writeStatement(sample, format, SAMPLE * scale * MIB);
    const parse = parseRate(sample);
    ours[format] = { ...extract(folder, format, scale), parse };
    for (const peer of python ? PEERS[format] : []) {
      const rate = peerRate(python!, peer, sample);
      peers[`${peer}, ${format}`] = rate;
      if ("rows" in rate)
        ratios[`${format}: our rows per second / ${peer}`] = rounded(
          parse.rowsPerSecond / rate.rowsPerSecond,
        );
    }
  }
  return { name: "statements", ours, peers, ratios, notes };
}

/** A large statement in a watched folder, by two processes after each other. */
function extract(folder: string, format: MadeFormat, scale: number): Record<string, unknown> {
  const watched = path.join(folder, `watched-${format}`);
  mkdirSync(watched);
  const file = path.join(watched, `statement.${format}`);
  const made = writeStatement(file, format, SIZES[format] * scale * MIB);
  utimesSync(file, new Date(0), new Date(0));
  const store = path.join(folder, `${format}.db`);
  const first = extractFolder(watched, store);
  const again = extractFolder(watched, store);
  rmSync(watched, { recursive: true });
  if (first.payments !== made || again.payments !== 0)
    throw new Error(`Of ${made} payments ${first.payments} were extracted, then ${again.payments}.`);
  const { payments, seconds, ...rest } = first;
  return {
    mib: SIZES[format] * scale,
    payments,
    seconds: rounded(seconds),
    rowsPerSecond: rounded(payments / seconds),
    ...roundedAll(rest),
    again: roundedAll({
      seconds: again.seconds,
      peakMb: again.peakMb,
      longestStallMs: again.longestStallMs,
      longestStallCpuMs: again.longestStallCpuMs,
    }),
  };
}

function extractFolder(folder: string, store: string): ExtractFigures {
  const script = path.join(__dirname, "support/extract-folder.js");
  const ran = spawnSync(process.execPath, [script, folder, store], { encoding: "utf8", timeout: LIMIT_MS });
  if (ran.status !== 0) throw new Error(`The extract did not end well: ${ran.stderr || String(ran.signal)}`);
  return JSON.parse(ran.stdout) as ExtractFigures;
}

function parseRate(file: string): Rate {
  const content = readFileSync(file);
  const began = performance.now();
  const { accounts } = parseStatement(content);
  const seconds = (performance.now() - began) / 1000;
  return rateOf(
    accounts.reduce((sum, { payments }) => sum + payments.length, 0),
    seconds,
  );
}

function peerRate(python: string, peer: string, file: string): Rate | { skipped: string } {
  const script = path.join(root, "bench/peers/statements.py");
  const ran = spawnSync(python, [script, peer, file], { encoding: "utf8", timeout: LIMIT_MS });
  if (ran.signal) return { skipped: `not done after ${LIMIT_MS / 60_000} minutes` };
  if (ran.status !== 0) return { skipped: ran.stderr.trim().split("\n").at(-1) ?? "failed" };
  const { rows, seconds } = JSON.parse(ran.stdout) as { rows: number; seconds: number };
  return rateOf(rows, seconds);
}

function rateOf(rows: number, seconds: number): Rate {
  return { rows, seconds: rounded(seconds), rowsPerSecond: rounded(rows / seconds) };
}

function roundedAll(figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value)]));
}
