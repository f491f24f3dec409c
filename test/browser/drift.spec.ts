import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { driftStep } from "../../lib/drift";
import { budgets, categories, driftLooks, driftStates, type Run, type Store } from "../../lib/store";
import { BUDGET, DriftBench, OPTIONS } from "../drift/bench";
import { fits, harmless, HOSTILE, LIMIT, Stage, text } from "./stage";

/** The page Drift: what a person sees of how well the model still fits. */

describe("drift in a browser", function () {
  this.timeout(240_000);
  let stage: Stage;

  before(async function () {
    stage = await Stage.open(this);
  });
  after(() => stage?.close());
  afterEach(() => {
    assert.deepEqual(stage.complaints.splice(0), [], "the browser's console complains");
  });

  it("says what to do while there is nothing", async () => {
    const page = await stage.page("/dashboard/drift");
    await page
      .locator('[data-tally="drift-empty"]')
      .getByText(/Nobody has looked yet/)
      .waitFor();
    await page.close();
  });

  it("looks when it is asked to, and says how much is missing", async () => {
    await stage.run();
    const page = await stage.page("/dashboard/drift");
    await page.locator('[data-tally="drift-look"]').click();
    const said = page.locator('[data-tally="drift-said"]').getByText(/\./);
    await said.waitFor();
    const enough = await page.locator("[data-signal]").count();
    // How much the household has paid since its model was made follows from its size.
    assert.match(
      await said.innerText(),
      enough
        ? /chance would not explain|Without a change|Too little/
        : /^Not enough yet: \d+ of 30 recent payments/,
    );
    assert.match(await text(page, "drift-verdict"), enough ? /expected|alert|drifting/ : /not enough yet/);
    const [run] = (await stage.nodeRed.get<{ items: Run[] }>("/tallyflow/runs?job=watch&limit=1")).items;
    assert.deepEqual([run?.state, run?.trigger], ["Completed", "dashboard"]);
    await page.close();
  });

  it("begins a training by itself when a look has several alerts", async () => {
    await stage.inStore(async (store) => {
      const [budgetId] = await budgetIds(store);
      const at = new Date().toISOString();
      const span = { from: at, to: at, payments: 30 };
      await store.collection(driftLooks).upsertMany([
        {
          id: "planted",
          budgetId: budgetId!,
          at,
          version: "v",
          recent: span,
          reference: span,
          readings: [],
          alerts: 2,
        },
      ]);
    });
    const page = await stage.page("/dashboard/drift");
    await page.locator('[data-tally="drift-look"]').click();
    const trained = async () =>
      (await stage.nodeRed.get<{ items: Run[] }>("/tallyflow/runs?job=learning&limit=5")).items[0];
    for (const end = Date.now() + 2 * LIMIT; (await trained())?.state !== "Completed"; await wait(250))
      assert.ok(Date.now() < end, `no training: ${JSON.stringify(await trained())}`);
    const run = (await trained())!;
    assert.equal(run.trigger, "drift");
    assert.ok("train.trained" in run.counts, JSON.stringify(run.counts));
    await page.close();
  });

  it("draws each signal with its range over the looks, alerts in red, and what moved", async () => {
    const plotted = await stage.inStore(async (store) => {
      await store.collection(driftStates).deleteMany(await budgetIds(store));
      const bench = await DriftBench.open(store);
      await store
        .collection(budgets)
        .upsertMany([{ id: BUDGET, source: "memory", name: "Household", currency: "EUR" }]);
      await store.collection(categories).upsertMany(
        Array.from({ length: 20 }, (_, n) => ({
          id: `c${String(n).padStart(2, "0")}`,
          budgetId: BUDGET,
          name: n === 19 ? HOSTILE[0]! : n === 0 ? "Groceries" : `Category ${n}`,
          hidden: false,
          deleted: false,
        })),
      );
      await bench.promote("v0");
      await bench.answer(300);
      await bench.promote("v1");
      const steady = { novel: 0.08 };
      for (const change of [
        steady,
        steady,
        steady,
        steady,
        { novel: 0.12 },
        { novel: 0.2 },
        { novel: 0.35, abstains: 0.4, shifted: 0.3 },
      ]) {
        await bench.answer(70, change);
        await driftStep(bench.context(), { ...OPTIONS, recent: 70, reference: 300, falseAlarms: 0.02 });
        bench.days(4);
      }
      return (await store.collection(driftLooks).find({ index: "byBudget", equals: [BUDGET] })).items;
    });
    assert.equal(plotted.length, 7);
    const page = await stage.page("/dashboard/drift");
    const card = (signal: string) => page.locator(`[data-signal="${signal}"]`);
    await card("mix").waitFor();
    assert.equal(await page.locator("[data-signal]").count(), 6);
    assert.equal(await text(page, "drift-verdict"), "drifting");
    for (const signal of ["abstention", "counterparties", "mix"]) {
      assert.equal(await card(signal).locator("circle").count(), 7, signal);
      const red = plotted.filter((look) =>
        look.readings.some((one) => one.signal === signal && one.state === "alert"),
      ).length;
      assert.ok(red > 0, `${signal} alarmed`);
      assert.equal(await card(signal).locator("circle.tf-alert").count(), red, signal);
      assert.match(
        await card(signal).innerText(),
        /alert[\s\S]*Without a change at most \d+ % would be expected/,
      );
    }
    assert.match(await card("confidence").innerText(), /at least \d+ %/);
    assert.match(
      (await card("abstention").locator("svg").getAttribute("aria-label"))!,
      /^Left to you: 7 looks, now \d+ %/,
    );
    // Category names were written by people.
    assert.ok((await card("mix").innerText()).includes(`${HOSTILE[0]!} `));
    await harmless(page);
    await stage.inStore((store) =>
      store.collection(categories).updateMany([{ id: "c19", expected: {}, set: { name: "Holidays" } }]),
    );
    await page.reload();
    await card("mix").waitFor();
    await stage.picture(page, "dashboard-drift");
    await page.close();
  });

  it("fits a telephone", async () => {
    const page = await stage.page("/dashboard/drift", { width: 390, height: 844 });
    await page.locator('[data-signal="mix"]').waitFor({ timeout: LIMIT });
    await fits(page);
    await stage.picture(page, "dashboard-drift-phone");
    await page.close();
  });

  async function budgetIds(store: Store): Promise<string[]> {
    return (await store.collection(budgets).find({ index: "id" })).items.map(({ id }) => id);
  }
});
