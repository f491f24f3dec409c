import assert from "node:assert/strict";
import { RunLedger } from "../../lib/runs";
import { budgets, categories } from "../../lib/store";
import { readView, type ViewRequest } from "../../lib/views";
import { BUDGET, DriftBench, DRIFTED } from "../drift/bench";

describe("the view of drift", () => {
  let bench: DriftBench;
  beforeEach(async () => {
    bench = await DriftBench.open();
    await bench.store
      .collection(budgets)
      .upsertMany([{ id: BUDGET, source: "memory", name: "Home", currency: "EUR" }]);
  });
  afterEach(() => bench.store.close());

  const read = (more: Partial<ViewRequest> = {}) =>
    readView(bench.store, new RunLedger(bench.store, { worker: "w" }), { view: "drift", limit: 10, ...more });

  it("is empty before anybody looked, and then says how much is missing", async () => {
    assert.deepEqual((await read()).rows, []);
    await bench.promote("v1");
    await bench.answer(33);
    await bench.look();
    const { rows } = await read();
    assert.deepEqual(
      rows.map(({ budget, signal, text }) => [budget, signal, text]),
      [["Home", null, "Not enough yet: 30 of 30 recent payments, 3 of 30 to compare with."]],
    );
  });

  it("has a row for each signal of each look, the newest look first, in words and with names, page by page", async () => {
    await bench.store
      .collection(categories)
      .upsertMany([{ id: "c19", budgetId: BUDGET, name: "<b>Holidays", hidden: false, deleted: false }]);
    await bench.promote("v0");
    await bench.answer(200);
    await bench.promote("v1");
    await bench.answer(60);
    await bench.look();
    await bench.answer(60, DRIFTED);
    await bench.look();
    const all = await read();
    assert.equal(all.rows.length, 12);
    assert.ok(String(all.rows[0]!["at"]) > String(all.rows[6]!["at"]));
    const mix = all.rows.find(({ signal }) => signal === "mix")!;
    assert.deepEqual(
      [mix["state"], mix["drifting"], mix["name"]],
      ["alert", true, "Shift between categories"],
    );
    assert.match(String(mix["text"]), /^\d+ % over 60 payments\. Without a change at most \d+ % would/);
    assert.match(String(mix["moved"]), /^<b>Holidays \d+ % → \d+ %, a category that is gone/);
    assert.match(
      String(all.rows.find(({ signal }) => signal === "calibration")!["valueText"]),
      /^-?\d+ points$/,
    );
    assert.match(String(mix["said"]), /A retraining begins\.$/);

    const first = await read({ limit: 1 });
    const second = await read({ limit: 1, after: first.next });
    assert.deepEqual([...first.rows, ...second.rows], all.rows);
    assert.deepEqual([first.rows.length, second.next], [6, undefined]);
  });
});
