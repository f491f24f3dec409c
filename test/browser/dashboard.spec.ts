import assert from "node:assert/strict";
import type { FlowNode } from "../../cli/user-dir";
import { categories, openStore, payments, queue, type Category, type Payment } from "../../lib/store";
import { queueId } from "../../lib/values";
import { fits, harmless, HOSTILE, IMAGES, LIMIT, Stage, text } from "./stage";

/** The dashboard and the editor in a real browser, on a small household that went through the main job. */

const FAIL = "test-failing-node";
/** Of the pictures of tabs; the main one has to be understood on a small screen. */
const SIZES: Readonly<Record<string, { width: number; height: number }>> = {
  main: { width: 1280, height: 520 },
  operations: { width: 1400, height: 1000 },
  queue: { width: 1400, height: 1080 },
};

describe("the dashboard in a browser", function () {
  this.timeout(240_000);
  let stage: Stage;

  before(async function () {
    // On pictures only what is shipped is to be seen.
    stage = await Stage.open(this, IMAGES ? [] : failing());
    await stage.run();
  });

  after(() => stage?.close());

  afterEach(() => {
    assert.deepEqual(stage.complaints.splice(0), [], "the browser's console complains");
  });

  it("shows at a glance what came in and what became of it", async () => {
    const page = await stage.page("/dashboard");
    await page.waitForSelector('[data-tally="overview"]');
    const number = async (name: string) => Number((await text(page, name)).replace(/\D/g, ""));
    assert.ok((await number("payments")) > 300);
    assert.ok((await number("written")) > 10);
    assert.equal(await number("dead"), 0);
    assert.equal(await text(page, "last-run"), "Completed");
    assert.match(await text(page, "next-run"), /\d\d:\d\d/);
    assert.match(await text(page, "categories"), /Groceries[\s\S]*€/);
    assert.match(await text(page, "confidence"), /How sure the categories/);
    assert.match(await text(page, "queue"), /written[\s\S]*left out/);
    await page.waitForSelector('[id*="tally-ops-ui-months"] canvas');
    await stage.picture(page, "dashboard");
    await page.close();
  });

  it("shows the payments with category, confidence, reason and state, and finds them", async () => {
    const page = await stage.page("/dashboard/payments");
    const table = page.locator('[data-tally="payments-table"]');
    await table.locator("tbody tr").nth(20).waitFor();
    const first = await table.locator("tbody tr").first().locator("td").allInnerTexts();
    assert.match(first[0]!, /^\d{4}-\d\d-\d\d$/);
    assert.match(first[3]!, /€\d/);
    assert.equal(first.length, 8);
    const all = await table.innerText();
    assert.match(all, /\d+ %/);
    assert.match(all, /written/);
    await stage.picture(page, "dashboard-payments");
    await page.getByRole("textbox", { name: "Search" }).fill("no such payment at all");
    await page.getByText("No payments to show.").waitFor();
    await page.close();
  });

  it("shows the runs with their steps, and the jobs with their next run", async () => {
    const page = await stage.page("/dashboard/runs");
    await page.waitForSelector('[data-tally="runs"] table');
    const runs = await text(page, "runs");
    for (const step of ["bank-extract", "budget-extract", "match", "train", "classify", "queue-sync"])
      assert.ok(runs.includes(step), step);
    assert.match(await text(page, "jobs"), /bank-to-budget[\s\S]*learning[\s\S]*history/);
    await stage.picture(page, "dashboard-runs");
    await page.close();
  });

  it("starts a run when Run now is pressed, and shows it without a reload", async () => {
    const page = await stage.page("/dashboard/overview");
    await page.waitForSelector('[data-tally="overview"]');
    await page.getByRole("button", { name: "Run now" }).click();
    const runs = await stage.page("/dashboard/runs");
    await runs.waitForFunction(
      () => document.querySelectorAll('[data-tally="runs"] details').length === 2,
      undefined,
      { timeout: LIMIT },
    );
    await runs.getByText("by dashboard").waitFor();
    await runs.waitForFunction(
      () => document.querySelector('[data-tally="runs"] details')?.textContent?.includes("Completed"),
      undefined,
      { timeout: LIMIT },
    );
    await runs.close();
    await page.close();
  });

  it("fits a telephone", async () => {
    for (const name of ["overview", "payments", "runs"]) {
      const page = await stage.page(`/dashboard/${name}`, { width: 390, height: 844 });
      await page.waitForSelector("[data-tally]");
      await stage.picture(page, `dashboard-${name}-phone`);
      await fits(page);
      await page.close();
    }
  });

  it("draws every tab in the editor", async () => {
    // The editor asks for a catalogue of nodes on the internet; it is answered here.
    const page = await stage.browser.newPage({ viewport: { width: 1800, height: 900 } });
    await page.route(/^https:/, (route) => route.fulfill({ json: { modules: [] } }));
    // For pictures the window is resized under the editor, which its own code does not always follow.
    if (!IMAGES) page.on("pageerror", (error) => stage.complaints.push(error.message));
    await page.goto(stage.nodeRed.url);
    for (const name of ["main", "learning", "history", "operations", "queue", "review"]) {
      const tab = `tally-tab-${name}`;
      await page.waitForFunction("window.RED?.nodes?.node('tally-main-sync')?.w > 0", undefined, {
        timeout: LIMIT,
      });
      await page.evaluate(`RED.workspaces.show(${JSON.stringify(tab)})`);
      await page.waitForFunction(
        `RED.nodes.filterNodes({ z: ${JSON.stringify(tab)} }).every((n) => n.w > 0 && n.valid !== false)`,
      );
      const overlaps = await page.evaluate<string[]>(`(() => {
        const nodes = RED.nodes.filterNodes({ z: ${JSON.stringify(tab)} });
        const apart = (a, b) => Math.abs(a.x - b.x) >= (a.w + b.w) / 2 || Math.abs(a.y - b.y) >= (a.h + b.h) / 2;
        return nodes.flatMap((a, i) => nodes.slice(i + 1).filter((b) => !apart(a, b)).map((b) => a.id + " " + b.id));
      })()`);
      assert.deepEqual(overlaps, []);
      if (!IMAGES) continue;
      if (name === "main") {
        await page.evaluate(
          "RED.actions.invoke('core:toggle-palette'); RED.actions.invoke('core:toggle-sidebar')",
        );
        await page.waitForTimeout(1_000);
      }
      await page.setViewportSize(SIZES[name] ?? { width: 1800, height: 420 });
      await page.evaluate("RED.actions.invoke('core:zoom-fit')");
      await stage.picture(page, `editor-${name}`);
    }
    await page.close();
  });

  it("shows what strangers wrote as text, in every widget", async function () {
    if (IMAGES) this.skip();
    await plant(stage.store);
    const page = await stage.page("/dashboard/payments");
    const table = page.locator('[data-tally="payments-table"]');
    await table.getByText("<img src=hacked onerror=window.hacked=2>", { exact: true }).first().waitFor();
    for (const name of HOSTILE.slice(0, 5)) assert.ok((await table.innerText()).includes(name), name);
    await harmless(page);

    await page.goto(`${stage.nodeRed.url}/dashboard/overview`);
    await page
      .locator('[data-tally="categories"]')
      .getByText("<img src=hacked onerror=window.hacked=6>")
      .waitFor();
    await fetch(`${stage.nodeRed.url}/inject/${FAIL}`, { method: "POST" });
    // The widget takes out what it deems dangerous before it shows the rest, as text.
    await page.locator(".nrdb-ui-notification").getByText("Refused: <img").waitFor();
    await harmless(page);

    await page.goto(`${stage.nodeRed.url}/dashboard/runs`);
    await page
      .locator('[data-tally="failures"]')
      .getByText("<img src=hacked onerror=window.hacked=7>")
      .waitFor();
    await harmless(page);
    await page.close();
  });
});

/** A tab that fails with a text a stranger wrote, wired to the operations tab like every shipped tab. */
function failing(): FlowNode[] {
  const z = `${FAIL}-tab`;
  return [
    { id: z, type: "tab", label: "Failing" },
    {
      id: FAIL,
      type: "inject",
      z,
      x: 100,
      y: 40,
      props: [],
      repeat: "",
      once: false,
      wires: [[`${FAIL}-code`]],
    },
    {
      id: `${FAIL}-code`,
      type: "function",
      z,
      x: 300,
      y: 40,
      func: 'node.error("Refused: <img src=hacked onerror=window.hacked=7>", msg);',
      outputs: 0,
      libs: [],
      wires: [],
    },
    {
      id: `${FAIL}-catch`,
      type: "catch",
      z,
      x: 100,
      y: 100,
      scope: null,
      uncaught: false,
      wires: [[`${FAIL}-out`]],
    },
    {
      id: `${FAIL}-out`,
      type: "link out",
      z,
      x: 300,
      y: 100,
      mode: "link",
      links: ["tally-ops-failures-in"],
      wires: [],
    },
  ];
}

/** Newest payments with hostile names, descriptions, reasons and a category of that kind. */
async function plant(file: string): Promise<void> {
  const store = await openStore({ kind: "sqlite", path: file });
  try {
    const newest = (await store.collection(payments).find({ index: "byDate", order: "desc", limit: 1 }))
      .items[0]!;
    const old = (await store.collection(queue).find({ index: "byPayment", equals: [newest.id], limit: 1 }))
      .items[0]!;
    const { budgetId } = old;
    const category: Category = {
      id: "hostile:category",
      budgetId,
      name: "<img src=hacked onerror=window.hacked=6>",
      group: HOSTILE[0]!,
      hidden: false,
      deleted: false,
    };
    await store.collection(categories).upsertMany([category]);
    const planted = HOSTILE.map((name, at): Payment => ({
      ...newest,
      id: `hostile:${at}`,
      date: newest.date,
      // First in the table, which shows the newest by id within a day, and high in the chart of spending.
      amount: -100_000,
      counterparty: { name },
      description: name,
    }));
    await store.collection(payments).upsertMany(planted);
    await store.collection(queue).upsertMany(
      planted.map((one) => {
        const { transactionId: _transactionId, transferAccountId: _transferAccountId, ...rest } = old;
        return {
          ...rest,
          id: queueId(one.id, budgetId),
          paymentId: one.id,
          state: "synced" as const,
          categoryId: category.id,
          reason: `Like ${one.description}`,
        };
      }),
    );
  } finally {
    await store.close();
  }
}
