import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { keepStatement, safeFileName } from "../../../lib/bank/statements";
import { previewCsv } from "../../../lib/bank/statements/csv";

const OWN = "NL91ABNA0417164300";
const csv = (...rows: string[]) => Buffer.from(["Date;Amount;Name;Description", ...rows, ""].join("\n"));

describe("statements that are given", () => {
  let root: string;
  let folder: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), "tallyflow-keep-"));
    folder = path.join(root, "statements");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const options = { account: OWN, currency: "EUR" };

  it("land in the folder whole, once, and say what is in them", async () => {
    const first = csv("2024-01-02;-3,50;A;B", "2024-01-03;many;A;B");
    const kept = await keepStatement(folder, "january.csv", first, options);
    assert.deepEqual(
      [kept.name, kept.known, kept.payments, kept.errorsTotal, kept.errors[0]?.line],
      ["january.csv", false, 1, 1, 3],
    );
    assert.equal((await keepStatement(folder, "january.csv", first, options)).known, true);
    const second = csv("2024-01-05;-4,50;A;B");
    assert.equal((await keepStatement(folder, "january.csv", second, options)).name, "january (2).csv");
    assert.equal((await keepStatement(folder, "january.csv", second, options)).known, true);
    assert.deepEqual(readdirSync(folder).sort(), ["january (2).csv", "january.csv"]);
    assert.deepEqual(readFileSync(path.join(folder, "january.csv")), first);
  });

  it("do not take each other's place when they come at once under one name", async () => {
    const files = Array.from({ length: 8 }, (_, at) => csv(`2024-01-0${at + 1};-3,50;A;B`));
    const kept = await Promise.all(files.map((content) => keepStatement(folder, "a.csv", content, options)));
    assert.equal(new Set(kept.map(({ name }) => name)).size, 8);
    for (const [at, { name }] of kept.entries())
      assert.deepEqual(readFileSync(path.join(folder, name)), files[at]);
    assert.equal(readdirSync(folder).length, 8);
  });

  it("are refused when nothing of them can be read or they are another account's; nothing is left behind", async () => {
    await assert.rejects(keepStatement(folder, "a.pdf", Buffer.from("%PDF-1.7\0\0"), options), {
      code: "STATEMENT_UNREADABLE",
    });
    const other = [
      ":20:T",
      ":25:NL02INGB0001234567",
      ":28C:1/1",
      ":60F:C240101EUR0,",
      ":61:240102D3,50NMSCNONREF",
    ];
    const mt940 = Buffer.from([...other, ":62F:D240131EUR3,50", "-"].join("\n"));
    await assert.rejects(keepStatement(folder, "a.sta", mt940, options), {
      code: "STATEMENT_UNREADABLE",
      message: /of account NL02INGB0001234567/,
    });
    assert.deepEqual(readdirSync(root), []);
  });

  for (const [given, name] of [
    ["../../etc/passwd", "passwd"],
    ["C:\\Users\\me\\a.csv", "a.csv"],
    ["..", "statement.txt"],
    ["", "statement.txt"],
    [".hidden.csv", "hidden.csv"],
    ["~$a.csv", "$a.csv"],
    ["a\u0000b\u202e.csv", "a_b_.csv"],
    ["CON.csv", "_CON.csv"],
    ["half.part", "half.part.txt"],
    ["a:b*c?.csv", "a_b_c_.csv"],
  ] as const)
    it(`call ${JSON.stringify(given)} ${name}`, () => assert.equal(safeFileName(given), name));

  it("have a name that stays in the folder, whatever it was", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (given) => {
        const name = safeFileName(given);
        assert.equal(path.dirname(path.resolve("/folder", name)), path.resolve("/folder"));
        assert.ok(name.length > 0 && name.length <= 130 && !name.startsWith("."));
      }),
    );
  });
});

describe("preview of a CSV mapping", () => {
  const text = ["Dag;Som;Wie;Wat", "02-01-2024;-3,50;A;koffie", "13-01-2024;many;A;thee", ""].join("\n");

  it("proposes columns, and shows payments and errors by line", () => {
    const preview = previewCsv(Buffer.from(text), { currency: "EUR" });
    assert.equal(preview.mapping?.date, "Dag");
    assert.equal(preview.mapping.amount, "Som");
    assert.deepEqual(preview.columns[3], { column: "Wat", label: "Wat", sample: ["koffie", "thee"] });
    assert.deepEqual([preview.paymentsTotal, preview.errorsTotal, preview.errors[0]?.line], [1, 1, 3]);
  });

  it("follows the mapping that is given", () => {
    const mapping = { date: "Dag", amount: "Som", negate: true, counterparty: "Wat", description: ["Wie"] };
    const { payments } = previewCsv(text, { currency: "EUR", mapping });
    assert.deepEqual(
      payments.map(({ amount, counterparty, description }) => [amount, counterparty?.name, description]),
      [[350, "koffie", "A"]],
    );
  });

  it("names columns of one name by their number", () => {
    const { columns } = previewCsv("Dag;Som;Wat;Wat\n02-01-2024;-3,50;A;koffie\n");
    assert.deepEqual(
      columns.map(({ column, label }) => [column, label]),
      [
        ["Dag", "Dag"],
        ["Som", "Som"],
        [2, "Wat (3)"],
        [3, "Wat (4)"],
      ],
    );
  });

  it("shows the columns where nothing can be proposed, and refuses what has none", () => {
    const preview = previewCsv("a;b\nx;y\nz;w\n");
    assert.equal(preview.mapping, undefined);
    assert.equal(preview.columns.length, 2);
    assert.equal(preview.errors.length, 1);
    assert.throws(() => previewCsv("%PDF-1.7"), { code: "STATEMENT_UNREADABLE" });
  });
});
