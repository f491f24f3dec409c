import { seededRandom } from "../../lib/learning";
import { matchAccountInTurns } from "../../lib/matching";
import { addDays } from "../../lib/values";
import { rounded } from "../result";
import { allCards, type StreamRow } from "./payment-streams";
import { perturbed } from "./perturbed-budget";
import { processStats } from "./process-stats";
import { watchStalls } from "./stall-watch";

/**
 * A process of its own that matches so many payments with so many transactions of one account in memory, and prints what
 * it cost. Argument: how many.
 */

export interface MatchManyFigures {
  stream: "cards" | "made up";
  pairs: number;
  seconds: number;
  cpuSeconds: number;
  /** The whole process, its rows and made pairs included. */
  peakMb: number;
  /** Before matching, with all rows in memory. */
  rowsMb: number;
  /** CPU time of the main thread within its longest stall by CPU time. */
  longestStallCpuMs: number;
}

/** The stream after itself again, years later, until there are enough rows: no denser for being longer. */
function stretched(stream: readonly StreamRow[], count: number): StreamRow[] {
  const rows: StreamRow[] = [];
  for (let again = 0; rows.length < count; again++)
    for (const row of stream.slice(0, count - rows.length))
      rows.push(again === 0 ? row : { ...row, date: addDays(row.date, again * YEARS_DAYS) });
  return rows;
}

/** Longer than the stream of card payments. */
const YEARS_DAYS = 1500;

function madeUp(count: number): StreamRow[] {
  const random = seededRandom(11);
  return Array.from({ length: count }, (_, n) => ({
    date: addDays("2014-01-01", Math.floor((n * 1400) / count)),
    amount: -Math.round(100 * (1 + 200 * random() ** 3)),
    name: `shop ${"abcdefghij"[n % 10]!.repeat(4)} ${"klmnopqrst"[Math.floor(random() * 10)]!.repeat(4)}`,
  }));
}

async function matchMany(count: number): Promise<MatchManyFigures> {
  const cards = allCards();
  const rows = stretched(cards.length > 0 ? cards : madeUp(140_000), Math.ceil(count * 1.1));
  const { payments, transactions } = perturbed(rows, "light", 1);
  payments.length = Math.min(payments.length, count);
  transactions.length = Math.min(transactions.length, count);
  const before = processStats(process.pid);
  const takeStalls = watchStalls();
  const began = performance.now();
  const pairs = await matchAccountInTurns(payments, transactions);
  const seconds = (performance.now() - began) / 1000;
  const stalls = takeStalls();
  const after = processStats(process.pid);
  return {
    stream: cards.length > 0 ? "cards" : "made up",
    pairs: pairs.length,
    seconds: rounded(seconds),
    cpuSeconds: rounded(after.cpuSeconds - before.cpuSeconds),
    peakMb: after.peakMb,
    rowsMb: before.residentMb,
    longestStallCpuMs: rounded(Math.max(0, ...stalls.map(({ cpuMs }) => cpuMs))),
  };
}

const count = Number(process.argv[2]);
if (require.main === module && count > 0)
  void matchMany(count).then((figures) => console.log(JSON.stringify(figures)));
