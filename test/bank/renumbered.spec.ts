import assert from "node:assert/strict";
import fc from "fast-check";
import { bankExtract } from "../../lib/bank";
import { openStatementFiles } from "../../lib/bank/statements";
import { cursors, payments } from "../../lib/store";
import { addDays, type CalendarDate } from "../../lib/values";
import { Bench } from "../queue/bench";

interface Row {
  date: CalendarDate;
  amount: string;
  name: string;
  fitid: string;
}

const FIRST = "2026-02-01";
const day = (n: number) => addDays(FIRST, n);

/** A download of OFX with these rows. */
function ofx(rows: readonly Row[], account: string): string {
  const entries = rows.map(
    ({ date, amount, name, fitid }) =>
      `<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>${date.replaceAll("-", "")}<TRNAMT>${amount}<FITID>${fitid}<NAME>${name}</STMTTRN>`,
  );
  return `OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>${account}<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>${entries.join("")}</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>`;
}

describe("statement files whose ids are made anew at each download", () => {
  let bench: Bench;
  let account = "7171643000";
  const files: { name: string; content: string }[] = [];
  const told: string[] = [];
  beforeEach(async () => {
    bench = await Bench.open();
    files.length = told.length = 0;
  });
  afterEach(() => bench.store.close());

  /** Put another download beside the earlier ones and extract; what is stored then. */
  async function download(rows: readonly Row[]): Promise<string[]> {
    files.push({ name: `${files.length + 1}.ofx`, content: ofx(rows, account) });
    return extract();
  }

  async function extract(): Promise<string[]> {
    const provider = openStatementFiles({ timeZone: "Europe/Amsterdam", files });
    const context = { ...bench.context(), log: (_level: string, text: string) => void told.push(text) };
    try {
      await bankExtract(context, provider, { budgetIds: [bench.budget.budgetId] });
    } finally {
      await provider.close();
    }
    const stored: string[] = [];
    const range = { index: "byAccount", equals: [`files:${account}/EUR`] };
    for await (const one of bench.store.collection(payments).scan(range))
      stored.push(essence(one.date, one.amount, one.counterparty?.name ?? ""));
    return stored.sort();
  }

  const essence = (date: string, amount: number, name: string) => `${date} ${amount} ${name}`;
  const of = (rows: readonly Omit<Row, "fitid">[]) =>
    rows.map(({ date, amount, name }) => essence(date, Math.round(Number(amount) * 100), name)).sort();
  const numbered = (rows: readonly Omit<Row, "fitid">[], prefix: string): Row[] =>
    rows.map((row, i) => ({ ...row, fitid: `${prefix}-${String(i).padStart(6, "0")}` }));
  /** Three shops a day. */
  const week = (from: number, to: number) =>
    Array.from({ length: (to - from + 1) * 3 }, (_, i) => ({
      date: day(from + Math.floor(i / 3)),
      amount: `-${3 + (i % 3)}.50`,
      name: ["Coffee Bar", "Bookshop", "Kiosk"][i % 3]!,
    }));

  it("show what was there before once, and what is new as new", async () => {
    await download(numbered(week(0, 9), "first"));
    const stored = await download(numbered(week(4, 14), "second"));
    assert.deepEqual(stored, of(week(0, 14)));
    assert.match(told.join(), /18 stored payments under other ids/);
  });

  it("are read again after a crash as they were", async () => {
    await download(numbered(week(0, 9), "first"));
    await download(numbered(week(4, 14), "second"));
    const all: string[] = [];
    for await (const { id } of bench.store.collection(cursors).scan({ index: "id" })) all.push(id);
    await bench.store.collection(cursors).deleteMany(all);
    assert.deepEqual(await extract(), of(week(0, 14)));
  });

  it("keep equal payments two where the bank's ids last", async () => {
    const coffee = { date: day(3), amount: "-3.50", name: "Coffee Bar" };
    const first = [...numbered(week(0, 2), "one"), { ...coffee, fitid: "morning-1" }];
    await download(first);
    // It goes on with what came since the last download: a second coffee of that day.
    const rest = [{ ...coffee, fitid: "evening-1" }, ...numbered(week(4, 6), "two")];
    assert.deepEqual(await download(rest), of([...first, ...rest]));
    // And a day in the middle gets an equal one booked late.
    const late = { ...week(1, 1)[0]!, fitid: "late-0001" };
    assert.deepEqual(await download([...numbered(week(0, 2), "one"), late]), of([...first, ...rest, late]));
    assert.deepEqual(told, []);
  });

  it("neither lose nor double a payment, whatever is downloaded when", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(13), fc.constantFrom("-3.50", "-4.50"), fc.constantFrom("Bar", "Kiosk")), {
          minLength: 12,
          maxLength: 40,
        }),
        fc.array(fc.tuple(fc.nat(6), fc.integer({ min: 7, max: 13 })), { minLength: 1, maxLength: 3 }),
        async (anew, drawn, windows) => {
          const rows = drawn
            .map(([at, amount, name]) => ({ date: day(at), amount, name }))
            .sort((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
          const lasting = numbered(rows, "lasting");
          files.length = 0;
          account = String(Number(account) + 1);
          const seen = new Set<number>();
          let stored: string[] = [];
          // Ids made anew are only told apart from others by much that comes again: the first window is large.
          for (const [n, [from, to]] of [[0, 13] as const, ...windows].entries()) {
            const places = rows.flatMap(({ date }, i) => (date >= day(from) && date <= day(to) ? [i] : []));
            places.forEach((i) => seen.add(i));
            const shown = places.map((i) => lasting[i]!);
            stored = await download(anew ? numbered(shown, `download-${n}`) : shown);
          }
          const expected = of(rows.filter((_, i) => seen.has(i)));
          const enough = windows.every(([from, to]) => {
            const dates = rows.map(({ date }) => date).filter((date) => date >= day(from) && date <= day(to));
            const whole = dates.filter((date) => date > dates[0]! && date < dates.at(-1)!);
            return whole.length >= 3 && new Set(whole).size >= 2;
          });
          if (!anew || enough) assert.deepEqual(stored, expected);
          else assert.ok(stored.length >= expected.length);
        },
      ),
      { numRuns: 40 },
    );
  });
});
