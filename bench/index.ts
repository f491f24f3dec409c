import { parseArgs } from "node:util";
import { machine, type Machine } from "./support/machine";
import type { Bench, BenchResult } from "./result";

/** The benchmarks by name; each is loaded when it is asked for. */
const BENCHES: Readonly<Record<string, () => Promise<{ bench: Bench }>>> = {
  "main-job": () => import("./main-job.js"),
  kills: () => import("./kills.js"),
  workers: () => import("./workers.js"),
  statements: () => import("./statements.js"),
  serving: () => import("./serving.js"),
  matching: () => import("./matching.js"),
  store: async () => {
    const { run } = await import("./store.js");
    return {
      bench: {
        summary: "10,000 documents through the store, beside the drivers used document by document",
        run: noOptions(async () => ({ ...(await run()) })),
      },
    };
  },
  learning: () => import("./learning.js"),
};

function noOptions(run: () => Promise<BenchResult>): Bench["run"] {
  return (args) => {
    parseArgs({ args: [...args], options: {} });
    return run();
  };
}

const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

interface Io {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
}

/**
 * `bench NAME [options] [--json]`: run one benchmark and print its figures beside the machine's. Words on the way go
 * to stderr.
 * @returns the exit code: 1 when the benchmark could not be run to its end, 2 for a wrong command line
 */
async function main(argv: readonly string[], io: Io): Promise<number> {
  const json = argv.includes("--json");
  const [name, ...args] = argv.filter((arg) => arg !== "--json");
  if (name === undefined || name === "--help" || name === "-h") {
    io.stdout.write(await usage());
    return EXIT.ok;
  }
  const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (!load) {
    io.stderr.write(`There is no benchmark "${name}".\n\n${await usage()}`);
    return EXIT.usage;
  }
  const { bench } = await load();
  if (args.includes("--help")) {
    io.stdout.write(`bench ${name} [--json]\n${bench.summary}\n${bench.options ?? ""}`);
    return EXIT.ok;
  }
  const on = machine();
  try {
    const result = await bench.run(args, (text) => io.stderr.write(`${text}\n`));
    io.stdout.write(json ? `${JSON.stringify({ ...result, machine: on })}\n` : table(result, on));
    return EXIT.ok;
  } catch (thrown) {
    const error = thrown as NodeJS.ErrnoException;
    const wrongOption = error.code?.startsWith("ERR_PARSE_ARGS") === true;
    const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
    io.stderr.write(`${name}: ${error.message}${cause}\n`);
    return wrongOption ? EXIT.usage : EXIT.failed;
  }
}

async function usage(): Promise<string> {
  const lines = ["bench NAME [options] [--json]", ""];
  for (const [name, load] of Object.entries(BENCHES))
    lines.push(`  ${name.padEnd(12)} ${(await load()).bench.summary}`);
  lines.push("", "bench NAME --help lists the options of one.");
  return `${lines.join("\n")}\n`;
}

function table(result: BenchResult, on: Machine): string {
  const lines = [
    result.name,
    `  ${on.cpu}, ${on.cores} cores, ${on.memoryGb} GB, ${on.os}, Node ${on.node}`,
    `  ${on.date}, load ${on.load.join(" ")}`,
  ];
  for (const part of ["ours", "peers", "ratios"] as const) {
    lines.push("", part);
    for (const [name, value] of flat(result[part])) lines.push(`  ${name.padEnd(46)} ${value}`);
  }
  if (result.notes?.length) lines.push("", "notes", ...result.notes.map((note) => `  ${note}`));
  return `${lines.join("\n")}\n`;
}

/** Figures within figures by their path. */
function flat(figures: object, prefix = ""): [string, string][] {
  return Object.entries(figures).flatMap(([key, value]): [string, string][] => {
    const name = prefix === "" ? key : `${prefix}.${key}`;
    if (value !== null && typeof value === "object" && Object.keys(value as object).length > 0)
      return flat(value as object, name);
    return [[name, typeof value === "string" ? value : JSON.stringify(value)]];
  });
}

void main(process.argv.slice(2), process).then((code) => (process.exitCode = code));
