import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { payments, queue, type QueueItem, type Store } from "../../lib/store";
import { addDays } from "../../lib/values";
import { fits, harmless, HOSTILE, IMAGES, Stage, text, until } from "./stage";

/** The pages Queue, Batches and Balances: what a person sees there, and what their buttons do in the budget. */

interface BudgetRow {
  id: string;
  accountId: string;
  date: string;
  importId: string | null;
  deleted: boolean;
}

describe("queue, batches and balances in a browser", function () {
  this.timeout(240_000);
  let stage: Stage;

  before(async function () {
    stage = await Stage.open(this);
  });
  after(() => stage?.close());
  afterEach(() => {
    assert.deepEqual(stage.complaints.splice(0), [], "the browser's console complains");
  });

  const standing = async (importIds: readonly string[]) =>
    (await stage.budget<BudgetRow[]>("all")).filter((row) => importIds.includes(row.importId ?? ""));

  const items = (wanted: (item: QueueItem) => boolean) =>
    stage.inStore(async (store) => {
      const found: QueueItem[] = [];
      for await (const item of store.collection(queue).scan({ index: "id" }))
        if (wanted(item)) found.push(item);
      return found;
    });

  it("say what to do while there is nothing", async () => {
    const page = await stage.page("/dashboard/queue");
    for (const empty of [
      /The queue is empty.*Run now/,
      /Nothing was given up/,
      /Nothing waits for you/,
      /No payment is left out/,
      /No dry run yet\. Press the button/,
      /Nothing that was written was deleted/,
    ])
      await page.getByText(empty).waitFor();
    await page.goto(`${stage.nodeRed.url}/dashboard/batches`);
    await page.getByText(/Nothing was written yet\. Press Run now/).waitFor();
    await page.goto(`${stage.nodeRed.url}/dashboard/balances`);
    await page.getByText(/Not checked yet\. Press Check now/).waitFor();
    await page.close();
  });

  it("list what would be written, and write nothing", async () => {
    const page = await stage.page("/dashboard/queue");
    const preview = page.locator('[data-tally="preview"]');
    await preview.getByRole("button", { name: "What would be written" }).click();
    await preview.locator(".tf-pay").first().waitFor();
    assert.match(await text(page, "preview-sum"), /\d+ payments would be written/);
    assert.match(await preview.innerText(), /€/);
    await stage.picture(page, "dashboard-queue-dry-run");
    const rows = preview.locator(".tf-pay");
    assert.equal(await rows.count(), 25);
    const first = await rows.first().innerText();
    await preview.getByRole("button", { name: "More" }).click();
    await page.waitForFunction(
      (before) =>
        (document.querySelector('[data-tally="preview"] .tf-pay') as HTMLElement | null)?.innerText !==
        before,
      first,
    );
    const mine = (await items(() => true)).map((item) => item.importId);
    assert.deepEqual(await standing(mine), []);
    await page.close();
  });

  it("try again what was given up: by row and by reason, into the budget once", async () => {
    // The bulk and its halves are refused until single payments are.
    await stage.budget("setFault", { kind: "status", status: 400, method: "POST", times: 16 });
    await stage.run();
    await stage.budget("clearFaults");
    const dead = await items((item) => item.state === "dead");
    assert.ok(dead.length >= 2, `${dead.length} were given up`);

    const page = await stage.page("/dashboard/queue");
    const letters = page.locator('[data-tally="dead-letters"]');
    await letters.getByText("The budget refused it").waitFor();
    assert.match(await letters.innerText(), new RegExp(`${dead.length} payments[\\s\\S]*then try again`));
    assert.equal(await text(page, "state-dead"), String(dead.length));
    await letters.getByRole("button", { name: "Show" }).click();
    await letters
      .locator(".tf-pay")
      .nth(dead.length - 1)
      .waitFor();
    await stage.picture(page, "dashboard-queue");
    await letters.locator(".tf-pay").first().getByRole("button", { name: "Try again" }).click();
    await letters.getByText("1 payment on the way again").waitFor();
    const ids = dead.map((item) => item.importId);
    await until("one row in the budget", async () => (await standing(ids)).length === 1);
    // Its run ends, and the page follows by itself.
    await page.waitForFunction(
      (left) => document.querySelector('[data-tally="state-dead"]')?.textContent === left,
      String(dead.length - 1),
    );
    await idle();
    await letters
      .getByRole("button", { name: `Try again${dead.length > 2 ? " (all" : ""}` })
      .first()
      .click();
    await letters.getByText("Nothing was given up").waitFor();
    await until("all rows in the budget", async () => (await standing(ids)).length === ids.length);
    await idle();
    const rows = await standing(ids);
    assert.equal(new Set(rows.map((row) => row.importId)).size, ids.length, "each is there once");
    assert.equal(rows.length, ids.length);
    await page.close();
  });

  /** No run is going on. */
  const idle = () =>
    until("the end of the runs", async () => {
      const { items } = await stage.nodeRed.get<{ items: { state: string }[] }>("/tallyflow/runs?limit=5");
      return items.every((run) => run.state !== "Running");
    });

  it("show what is left out, by reason, a page at a time", async () => {
    const page = await stage.page("/dashboard/queue");
    const group = page
      .locator('[data-tally="left-out"] .tf-card')
      .filter({ hasText: "in the budget already" });
    await group.waitFor();
    assert.match(await group.innerText(), /\d+ payments[\s\S]*Nothing to do/);
    await group.getByRole("button", { name: "Show" }).click();
    await group.locator(".tf-pay").nth(19).waitFor();
    assert.equal(await group.locator(".tf-pay").count(), 20);
    await group.getByRole("button", { name: "More" }).click();
    await group.getByRole("button", { name: "Back" }).and(page.locator(":enabled")).waitFor();
    await page.close();
  });

  it("undo a batch: say what will happen, do it, and leave alone what is reconciled", async () => {
    const batchId = await smallBatch();
    const before = await items((item) => item.batchId === batchId && item.state === "synced");
    const [kept, ...others] = await standing(before.map((item) => item.importId));
    await stage.budget("editTransaction", kept!.id, { cleared: "reconciled" });

    const page = await stage.page("/dashboard/batches");
    const batch = page.locator(`[data-batch="${batchId}"]`);
    await batch.locator("summary").click();
    await batch.locator(".tf-pay").first().waitFor();
    await stage.picture(page, "dashboard-batches");
    await batch.getByRole("button", { name: "Undo…" }).click();
    await page.waitForSelector('[data-tally="undo-plan"]');
    const plan = await text(page, "undo-plan");
    assert.match(plan, new RegExp(`^${plural(others.length)} will be removed from the budget`));
    assert.match(plan, /1 payment will be left alone, being reconciled\. The payments stay left out/);
    assert.equal((await standing(before.map((item) => item.importId))).length, before.length, "not yet");
    await stage.picture(page, "dashboard-undo");
    await batch.getByRole("button", { name: `Undo ${plural(others.length)}` }).click();
    await page.waitForSelector('[data-tally="undo-result"]');
    assert.match(await text(page, "undo-result"), new RegExp(`^${plural(others.length)} w\\w+ removed`));
    assert.match(await batch.innerText(), /It is reconciled\. Unlock it/);
    const left = await standing(before.map((item) => item.importId));
    assert.deepEqual(
      left.map((row) => row.id),
      [kept!.id],
    );
    await batch.getByText("partly undone").waitFor();
    await page.close();
  });

  async function smallBatch(): Promise<string> {
    // As many as a person looks at; budgets delete them one by one.
    const sizes = new Map<string, number>();
    for (const item of await items(({ state, wrote }) => state === "synced" && wrote !== undefined))
      sizes.set(item.batchId!, (sizes.get(item.batchId!) ?? 0) + 1);
    return [...sizes].filter(([, size]) => size > 1).sort(([, a], [, b]) => a - b)[0]![0];
  }

  const plural = (count: number) => `${count} ${count === 1 ? "payment" : "payments"}`;

  it("import again what was deleted in the budget", async () => {
    const [item] = await items(({ state, wrote }) => state === "synced" && wrote !== undefined);
    const [row] = await standing([item!.importId]);
    await stage.budget("deleteTransaction", row!.id);
    await stage.run();
    const page = await stage.page("/dashboard/queue");
    const removed = page.locator('[data-tally="removed"]');
    await removed.getByRole("button", { name: "Import again" }).click();
    await removed.getByText("It is on its way again").waitFor();
    await idle();
    await until("a row under another import id", async () => {
      const [now] = await items(({ id }) => id === item!.id);
      return now!.importId !== item!.importId && (await standing([now!.importId])).length === 1;
    });
    await removed.getByText("Nothing that was written was deleted").waitFor();
    await page.close();
  });

  it("show where bank and budget part, with the day and the rows", async () => {
    await idle();
    const page = await stage.page("/dashboard/balances");
    const first = page.locator("[data-account]").first();
    await first.waitFor();
    const name = (await first.getAttribute("data-account"))!;
    const account = (await stage.budget<{ id: string; name: string }[]>("accounts")).find(
      (one) => one.name === name,
    );
    assert.ok(account, `the budget has an account ${name}`);
    // Before any day on which people of the household made mistakes of their own.
    const parted = /part on (\d{4}-\d\d-\d\d)/.exec(await first.innerText())?.[1];
    const day = addDays(parted ?? stage.simulators.options.until, -20);
    const entered = IMAGES ? "Market, entered by hand" : HOSTILE[1]!;
    await stage.budget("addTransaction", {
      accountId: account.id,
      date: day,
      amount: -12_340,
      payeeName: entered,
    });
    await stage.run();
    const card = page.locator(`[data-account="${name}"]`);
    await card.getByText(`They part on ${day}`).waitFor();
    const shown = await card.innerText();
    assert.match(shown, /€12\.34/);
    assert.match(shown, /only in the budget/);
    assert.ok(shown.includes(entered), shown);
    await harmless(page);
    await stage.picture(page, "dashboard-balances");
    await page.getByRole("button", { name: "Check now" }).click();
    await page.getByRole("button", { name: "Check now" }).and(page.locator(":enabled")).waitFor();
    await page.close();
  });

  it("fit a telephone", async () => {
    for (const name of ["queue", "batches", "balances"]) {
      const page = await stage.page(`/dashboard/${name}`, { width: 390, height: 844 });
      await page.locator(".tf-card, .tf-run").first().waitFor();
      if (name !== "balances") await unfold(page);
      await stage.picture(page, `dashboard-${name}-phone`);
      await fits(page);
      await page.close();
    }
  });

  /** With the first list unfolded. */
  async function unfold(page: Page): Promise<void> {
    await page.getByRole("button", { name: "Show" }).or(page.locator("summary")).first().click();
    await page.locator(".tf-pay").first().waitFor();
  }

  it("show what strangers wrote as text, in every list", async () => {
    await stage.inStore(plant);
    const page = await stage.page("/dashboard/queue");
    const letters = page.locator('[data-tally="dead-letters"]');
    await letters.getByRole("button", { name: "Show" }).click();
    for (const name of HOSTILE.slice(0, 5)) await letters.getByText(name, { exact: true }).first().waitFor();
    await page.locator('[data-tally="in-review"]').getByText(HOSTILE[0]!, { exact: true }).first().waitFor();
    await harmless(page);
    await page.close();
  });
});

/** Payments with hostile names that were given up, with a hostile message, and that wait for review. */
async function plant(store: Store): Promise<void> {
  const newest = (await store.collection(payments).find({ index: "byDate", order: "desc", limit: 1 }))
    .items[0]!;
  const old = (await store.collection(queue).find({ index: "byPayment", equals: [newest.id] })).items[0]!;
  const planted = HOSTILE.flatMap((name, at) =>
    ["dead", "review"].map((state) => ({ name, state, id: `hostile:${state}:${at}` })),
  );
  await store
    .collection(payments)
    .upsertMany(
      planted.map(({ id, name }) => ({ ...newest, id, counterparty: { name }, description: name })),
    );
  await store.collection(queue).upsertMany(
    planted.map(({ id, name, state }): QueueItem => {
      const { transactionId: _row, wrote: _wrote, batchId: _batch, skipReason: _reason, ...rest } = old;
      const error = { code: "PROVIDER_REFUSED" as const, message: `Refused: ${name}`, retryable: false };
      const parts = state === "dead" ? { state: "dead" as const, error } : { state: "review" as const };
      return { ...rest, id: `${id}|${old.budgetId}`, paymentId: id, reason: name, ...parts };
    }),
  );
}
