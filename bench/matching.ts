import { spawnSync } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import { matchAccount } from "../lib/matching";
import { rounded, type Bench, type BenchResult } from "./result";
import { actualsRule, exactRule, nearestFirst, type Rule } from "./support/matching-peers";
import { counted, NONE, Reliability, scoreFigures, type Score } from "./support/matching-scores";
import type { MatchManyFigures } from "./support/match-many";
import { paymentStreams, type StreamSet } from "./support/payment-streams";
import { LEVELS, perturbed, type Level } from "./support/perturbed-budget";

const PEERS: Readonly<Record<string, Rule>> = {
  "nearest first": nearestFirst,
  "Actual's import": actualsRule,
  "date and amount": exactRule,
};
/** Rows on each side. */
const MANY = [250_000, 1_000_000] as const;
const LIMIT_MS = 30 * 60_000;

/** The rows are moved by up to ten days; by default the step looks at five. */
const WINDOW_DAYS = 10;

export const bench: Bench = {
  summary: "payments found again in a budget that people kept, beside other rules; and a million of them",
  options: `
  --seed N       another budget for each account; 1 when absent
  --accounts N   the first accounts of each set alone
  --scale N      another number of rows for time and memory: 1 is 250,000 and 1,000,000, 0 leaves it out
`,
  run: async (args, say) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: "string", default: "1" },
        accounts: { type: "string", default: "100000" },
        scale: { type: "string", default: "1" },
      },
    });
    const [seed, accounts, scale] = [values.seed, values.accounts, values.scale].map(Number);
    if (!Number.isSafeInteger(seed) || !(accounts! > 0) || !(scale! >= 0)) {
      const error = new Error("--seed, --accounts and --scale are numbers.") as NodeJS.ErrnoException;
      error.code = "ERR_PARSE_ARGS_INVALID_OPTION_VALUE";
      throw error;
    }
    return run(seed!, accounts!, scale!, say);
  },
};

function run(seed: number, accounts: number, scale: number, say: (text: string) => void): BenchResult {
  const result = {
    name: "matching",
    ours: {} as Record<string, unknown>,
    peers: {} as Record<string, unknown>,
    ratios: {} as Record<string, number>,
    notes: [
      "chosen on: the matcher's constants were chosen on these sets; judge it by the others.",
      "lost: paired, and nothing in the budget is theirs. swapped: paired with another payment's row. doubled: not paired, though their row is there. Payments of one day, amount and name count as one another.",
      "confidence: pairs by what was stated, the mean of that, and how many were right, twins counted strictly; error is the mean distance between the two.",
      "nearest first: within five days, the likeness of names for ties: the matcher before this one.",
    ],
  };
  const sets = paymentStreams();
  if (sets.length === 0)
    result.notes.push("No streams: set TALLYFLOW_SHARED to the folder that holds data/payments.");
  for (const set of sets) {
    for (const level of LEVELS) {
      const name = `${set.name}${set.chosenOn ? " (chosen on)" : ""}, ${level}`;
      say(name);
      const { scores, reliability } = compare(set, level, seed, accounts);
      const { ours, ...peers } = scores;
      result.ours[name] = {
        ...scoreFigures(ours!),
        confidence: { ...reliability.figures(), error: reliability.error() },
      };
      for (const [peer, score] of Object.entries(peers))
        result.peers[`${peer}: ${name}`] = scoreFigures(score);
      result.ratios[`${name}: wrong and missing / nearest first`] = ratio(ours!, peers["nearest first"]!);
      result.ratios[`${name}: wrong and missing / Actual's import`] = ratio(ours!, peers["Actual's import"]!);
    }
  }
  if (scale > 0) many(result, scale, say);
  return result;
}

function compare(
  set: StreamSet,
  level: Level,
  seed: number,
  most: number,
): { scores: Record<string, Score>; reliability: Reliability } {
  const scores: Record<string, Score> = { ours: NONE };
  const reliability = new Reliability();
  for (const [n, rows] of set.accounts.slice(0, most).entries()) {
    const { payments, transactions, truth } = perturbed(rows, level, seed * 100_000 + n);
    const pairs = matchAccount(payments, transactions, { windowDays: WINDOW_DAYS });
    reliability.add(pairs, truth);
    const found = new Map(pairs.map(({ paymentId, transactionId }) => [paymentId, transactionId]));
    scores["ours"] = counted(scores["ours"]!, payments, found, truth);
    for (const [name, rule] of Object.entries(PEERS))
      scores[name] = counted(scores[name] ?? NONE, payments, rule(payments, transactions), truth);
  }
  return { scores, reliability };
}

function ratio(ours: Score, peer: Score): number {
  const wrong = ({ lost, swapped, doubled }: Score) => lost + swapped + doubled;
  return rounded(wrong(ours) / Math.max(1, wrong(peer)));
}

/** Each number of rows in a process of its own, so that its peak memory is its own. */
function many(result: BenchResult & { notes: string[] }, scale: number, say: (text: string) => void): void {
  const script = path.join(__dirname, "support/match-many.js");
  const measured: MatchManyFigures[] = [];
  for (const full of MANY) {
    const rows = Math.round(full * scale);
    say(`${rows} payments against ${rows} transactions`);
    const ran = spawnSync(process.execPath, [script, String(rows)], { encoding: "utf8", timeout: LIMIT_MS });
    if (ran.status !== 0) throw new Error(`Matching did not end well: ${ran.stderr || String(ran.signal)}`);
    measured.push(JSON.parse(ran.stdout) as MatchManyFigures);
    result.ours[`${rows} and ${rows} in one account`] = measured.at(-1);
  }
  const [few, more] = measured as [MatchManyFigures, MatchManyFigures];
  result.ratios["CPU time of four times the rows / four times that of the rows"] = rounded(
    more.cpuSeconds / (4 * few.cpuSeconds),
  );
  if (few.stream === "made up")
    result.notes.push("Rows for time and memory are made up: the card payments are not there.");
}
