import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { startActualServer, type ActualServer } from "../servers/actual";
import { differential, PAYMENTS, type Differential } from "./differential";
import { differencesPart, documentedCells } from "./differences-table";

const PAGE = path.resolve(__dirname, "../../../docs/budgets.md");

/** `TALLYFLOW_WRITE_DOCS=1` writes the tables of the page anew in place of comparing them. */
describe("Actual: the same payments imported twice by Tallyflow and twice by Actual itself", function () {
  this.timeout(20 * 60_000);
  let server: ActualServer | undefined;
  let result: Differential;

  before(async function () {
    const started = await startActualServer();
    if ("unavailable" in started) {
      console.log(`      skipped: ${started.unavailable}`);
      this.skip();
    }
    server = started;
    const began = Date.now();
    result = await differential(server);
    console.log(`      both ways, twice, in ${Math.round((Date.now() - began) / 1000)} s`);
    if (process.env["TALLYFLOW_WRITE_DOCS"]) {
      const page = readFileSync(PAGE, "utf8");
      const part = `$1\n\n${differencesPart(result).replaceAll("$", "$$$$")}\n\n$3`;
      writeFileSync(PAGE, page.replace(/(<!-- differences -->)([\s\S]*?)(<!-- \/differences -->)/, part));
    }
  });
  after(() => server?.stop());

  it("has every payment in the budget once, and the second import adds nothing", () => {
    assert.equal(result.payments, PAYMENTS);
    assert.ok(result.entered > 100, "people had entered some by hand");
    for (const way of ["tallyflow", "actual"] as const) {
      const { added, lost, doubled, rows, unrecognised } = result[way];
      assert.deepEqual([way, added[1], lost, doubled], [way, 0, 0, 0]);
      assert.equal(rows, PAYMENTS + unrecognised);
    }
    assert.equal(result.tallyflow.mistaken, 0);
  });

  it("never differs in the account or the amount of a payment", () => {
    const fields = [...result.kinds.keys()].map((kind) => kind.split(": ")[1]);
    assert.ok(!fields.includes("amount") && !fields.includes("accountName"), fields.join(", "));
    assert.ok(!result.kinds.has("row"), "both have a row for each payment");
  });

  it("differs in exactly what docs/budgets.md says", () => {
    const made = documentedCells(`<!-- differences -->\n${differencesPart(result)}\n<!-- /differences -->`);
    assert.deepEqual(documentedCells(readFileSync(PAGE, "utf8")), made);
  });
});
