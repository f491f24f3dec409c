import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { payments } from "../../lib/store";
import type { StoreNode } from "../../nodes/runtime";
import bankType = require("../../nodes/bank/index");
import extractType = require("../../nodes/bank-extract/index");
import storeType = require("../../nodes/store/index");
import { ask, arrival, load, node, runtime, type Received } from "./support";

const OWN = "NL91ABNA0417164300";
const OTHER = "NL02INGB0001234567";

const mt940 = (rows: readonly string[], account = OWN) =>
  [
    ":20:T",
    `:25:${account}`,
    ":28C:1/1",
    ":60F:C240101EUR100,00",
    ...rows,
    `:62F:C240131EUR${(100 - 3.5 * (rows.length / 2)).toFixed(2).replace(".", ",")}`,
    "-",
  ].join("\n");
const coffee = (day: string) => [`:61:2401${day}D3,50NMSCNONREF`, ":86:KOFFIE"];
const csv = (rows: readonly string[]) => ["Date;Amount;Description", ...rows].join("\n");

interface Result {
  counts: Record<string, number>;
  badRows: { line?: number; reason: string; code?: string; account: string }[];
}

describe("tally-bank-extract with a statement in the message", () => {
  const { dir } = runtime();

  const flow = (bank: Record<string, unknown> = {}) =>
    load({
      types: [storeType, bankType, extractType],
      nodes: [
        { id: "store", type: "tally-store" },
        { id: "bank", type: "tally-bank", provider: "files", account: OWN, currency: "EUR", ...bank },
        { id: "step", type: "tally-bank-extract", store: "store", bank: "bank", wires: [["out"]] },
        { id: "out", type: "helper" },
        { id: "catcher", type: "catch", scope: ["step"], wires: [["caught"]] },
        { id: "caught", type: "helper" },
      ],
    });
  const give = async (payload: unknown, more: object = {}): Promise<Result> =>
    (await ask("step", "out", { payload, ...more })).payload as Result;
  const fails = async (payload: unknown): Promise<Received> => {
    const caught = arrival("caught");
    node("step").receive({ payload } as never);
    return caught;
  };
  const stored = async () => {
    const lease = await (node("store") as unknown as StoreNode).lease();
    try {
      const found = [];
      for await (const payment of lease.value.store.collection(payments).scan({ index: "id" }))
        found.push(payment);
      return found;
    } finally {
      await lease.release();
    }
  };

  it("takes bytes, text and { name, content }, each payment once", async () => {
    await flow();
    const text = mt940([...coffee("02"), ...coffee("03")]);
    assert.equal((await give(Buffer.from(text))).counts["inserted"], 2);
    assert.equal((await give(text)).counts["inserted"], 0);
    const third = mt940([...coffee("02"), ...coffee("03"), ...coffee("04")]);
    const named = await give({ name: "january.sta", content: third });
    assert.equal(named.counts["inserted"], 1);
    assert.deepEqual(named.badRows, []);
    const found = await stored();
    assert.deepEqual(found.map(({ date, amount }) => [date, amount]).sort(), [
      ["2024-01-02", -350],
      ["2024-01-03", -350],
      ["2024-01-04", -350],
    ]);
  });

  it("reports the rows that cannot be read by line, and stores the others", async () => {
    await flow();
    const result = await give(
      csv([
        "2024-01-02;-3,50;coffee",
        "2024-01-03;many;tea",
        "2024-13-45;-2,00;cake",
        "2024-01-05;-4,00;lunch",
      ]),
      { filename: "/home/someone/january.csv" },
    );
    assert.equal(result.counts["inserted"], 2);
    assert.deepEqual(
      result.badRows.map(({ line }) => line),
      [3, 4],
    );
    assert.equal(result.counts["badRows"], 2);
    for (const { reason } of result.badRows) assert.match(reason, /^january\.csv: /);
  });

  it("leaves the statement of another account out, says so, and takes the one beside it", async () => {
    await flow();
    const both = await give(`${mt940(coffee("02"))}\n${mt940(coffee("05"), OTHER)}`);
    assert.equal(both.counts["inserted"], 1);
    assert.deepEqual(
      both.badRows.map(({ code, line }) => [code, line]),
      [["STATEMENT_WRONG_ACCOUNT", 13]],
    );
    const alone = await fails(mt940(coffee("05"), OTHER));
    assert.equal(alone.error?.code, "STATEMENT_WRONG_ACCOUNT");
    assert.match(alone.error?.message ?? "", /statement of account NL02INGB0001234567/);
    assert.equal((await stored()).length, 1);
  });

  it("fails for what is no statement at all, and goes on with the next", async () => {
    await flow();
    const caught = await fails(Buffer.from([0x25, 0x50, 0x44, 0x46, 0x2d, 0x31, 0, 1, 2]));
    assert.equal(caught.error?.code, "STATEMENT_UNREADABLE");
    assert.equal((await give(mt940(coffee("02")))).counts["inserted"], 1);
  });

  it("reads the folder when the message brings none, and leaves its cursor alone when it does", async () => {
    await flow();
    const folder = path.join(dir(), "tallyflow/statements");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "a.sta"), mt940(coffee("10")));
    // A schedule sends the instant of the run.
    assert.equal((await give("2024-02-01T00:00:00.000Z")).counts["inserted"], 1);
    assert.equal((await give(mt940([...coffee("10"), ...coffee("11")]))).counts["inserted"], 1);
    const again = await give({ counts: {} });
    assert.deepEqual([again.counts["inserted"], again.counts["unchanged"]], [0, 0]);
  });

  it("fails, saying that an account must be set, for a file that names none", async () => {
    await flow({ account: "" });
    const caught = await fails(csv(["2024-01-02;-3,50;coffee", "2024-01-03;-2,50;tea"]));
    assert.equal(caught.error?.code, "CONFIG_INVALID");
    assert.match(caught.error.message, /2 rows were left out. Set the account/);
    assert.deepEqual(await stored(), []);
  });

  it("tells of a folder in which every statement is of another account", async () => {
    await flow();
    const folder = path.join(dir(), "tallyflow/statements");
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, "a.sta"), mt940(coffee("10"), OTHER));
    const caught = await fails("");
    assert.equal(caught.error?.code, "STATEMENT_WRONG_ACCOUNT");
  });
});
