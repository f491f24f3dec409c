import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import type { Locator, Page } from "playwright-core";
import { categories, payments, queue, reviews, type Category, type QueueItem } from "../../lib/store";
import { addDays, importId, queueId } from "../../lib/values";
import { fits, harmless, HOSTILE, Stage, text, until } from "./stage";

/** The page Review: what a person sees there, and what becomes of a payment about which they decide. */

const SHOPS = [
  { name: "BAKKERIJ JANSEN", count: 3, cents: -1_235 },
  { name: "PRAXIS BOUWMARKT", count: 2, cents: -4_590 },
  { name: "FIETSENMAKER POLS", count: 1, cents: -8_750 },
  { name: "STICHTING HALLEN", count: 1, cents: -2_400 },
];

describe("review in a browser", function () {
  this.timeout(240_000);
  let stage: Stage;
  let chosen: Category[];

  before(async function () {
    stage = await Stage.open(this);
  });
  after(() => stage?.close());
  afterEach(() => {
    assert.deepEqual(stage.complaints.splice(0), [], "the browser's console complains");
  });

  const items = (name: string) =>
    stage.inStore(async (store) => {
      const found: QueueItem[] = [];
      for await (const item of store.collection(queue).scan({ index: "id" }))
        if (item.paymentId.startsWith(`planted:${name}:`)) found.push(item);
      return found;
    });

  const group = (page: Page, name: string): Locator => page.locator(`[data-group="${name}"]`);

  /** What a model would have left to a person, on an account of the household, each shop decided about once before. */
  const plant = (rows: readonly { name: string; count: number; cents: number }[]) =>
    stage.inStore(async (store) => {
      const newest = (await store.collection(payments).find({ index: "byDate", order: "desc", limit: 1 }))
        .items[0]!;
      const old = (await store.collection(queue).find({ index: "byPayment", equals: [newest.id] })).items[0]!;
      const all = (await store.collection(categories).find({ index: "byBudget", equals: [old.budgetId] }))
        .items;
      const usable = all.filter((one) => !one.hidden && !one.deleted && !one.internal);
      const likely = usable.filter(({ name }) => /groceries|household|restaurants/i.test(name));
      chosen = [...new Set([...likely, ...usable])].slice(0, 3);
      const planted = rows.flatMap(({ name, count, cents }) =>
        Array.from({ length: count }, (_, n) => ({ name, amount: cents - n, id: `planted:${name}:${n}` })),
      );
      await store.collection(payments).upsertMany(
        rows.map(({ name, cents }) => ({
          ...newest,
          id: `past:${name}`,
          date: addDays(newest.date, -34),
          amount: cents,
          counterparty: { name },
        })),
      );
      await store.collection(payments).upsertMany(
        planted.map(({ id, name, amount }, n) => ({
          ...newest,
          id,
          amount,
          counterparty: { name: `${name} ${4_000 + n}` },
          description: `${name} ${4_000 + n} PASVOLGNR 004`,
        })),
      );
      await store.collection(reviews).upsertMany(
        rows.map(({ name }) => ({
          id: queueId(`past:${name}`, old.budgetId),
          paymentId: `past:${name}`,
          budgetId: old.budgetId,
          at: new Date().toISOString(),
          chosenCategoryId: chosen[0]!.id,
        })),
      );
      await store.collection(queue).upsertMany(
        planted.map(({ id }): QueueItem => ({
          id: queueId(id, old.budgetId),
          paymentId: id,
          budgetId: old.budgetId,
          accountId: newest.accountId,
          state: "review",
          stateSince: new Date().toISOString(),
          enqueuedAt: new Date().toISOString(),
          date: newest.date,
          importId: importId(id, old.budgetId),
          categoryId: null,
          confidence: 0.62,
          reason: "Stored when it was classified.",
          modelVersion: "before",
          attempt: 0,
          dueAt: new Date().toISOString(),
        })),
      );
    });

  it("says what to do while there is nothing", async () => {
    const page = await stage.page("/dashboard/review");
    await page.getByText(/Nothing waits for you\..*press Run now on the overview/).waitFor();
    await page.getByText(/No rules yet\. Tick/).waitFor();
    assert.equal(await text(page, "review-left"), "0");
    await page.close();
  });

  it("clears a group with one decision and a rule, and takes it back", async () => {
    await stage.run();
    await plant(SHOPS);
    const page = await stage.page("/dashboard/review");
    const bakery = group(page, "Bakkerij Jansen");
    await bakery.waitFor();
    const left = Number(await text(page, "review-left"));
    assert.ok(left >= 7);
    assert.match(
      await bakery.innerText(),
      /3 payments[\s\S]*Perhaps .* please decide[\s\S]*Before: [\s\S]*-€37\.08/,
    );
    await bakery.getByLabel("Always (make a rule)").check();
    await bakery.locator('[data-tally="review-rule"]').waitFor();
    await stage.picture(page, "dashboard-review");
    await bakery.getByRole("button", { name: `Accept ${chosen[0]!.name} (3 payments)` }).click();
    await page
      .getByText(
        `3 payments: ${chosen[0]!.name}. They go into the budget with the next run. The rule is kept.`,
      )
      .waitFor();
    await bakery.waitFor({ state: "detached" });
    assert.equal(await text(page, "review-left"), String(left - 3));
    await page
      .locator('[data-tally="rules"]')
      .getByText('counterparty is "bakkerij jansen", money out')
      .waitFor();
    for (const item of await items("BAKKERIJ JANSEN"))
      assert.deepEqual(
        [item.state, item.categoryId, item.confidence, item.reason],
        ["classified", chosen[0]!.id, 1, `You chose ${chosen[0]!.name}.`],
      );

    await page.getByRole("button", { name: `Undo: ${chosen[0]!.name}, 3 payments` }).click();
    await page.getByText("Taken back: 3 payments wait again.").waitFor();
    await bakery.waitFor();
    await page.getByText(/No rules yet/).waitFor();
    assert.equal(await text(page, "review-left"), String(left));
    await page.close();
  });

  it("corrects by the keyboard alone, one payment of a group, and leaves others uncategorised", async () => {
    const page = await stage.page("/dashboard/review");
    const shop = group(page, "Fietsenmaker Pols");
    const input = shop.getByLabel("Category");
    await input.focus();
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type(chosen[1]!.name);
    await page.keyboard.press("Enter");
    await shop.getByRole("button", { name: `Set ${chosen[1]!.name}` }).waitFor();
    const button = shop.getByRole("button", { name: `Set ${chosen[1]!.name}` });
    for (let tabs = 0; tabs < 12; tabs++) {
      if (await button.evaluate((element) => element === document.activeElement)) break;
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await shop.waitFor({ state: "detached" });
    assert.equal((await items("FIETSENMAKER POLS"))[0]!.categoryId, chosen[1]!.id);

    const praxis = group(page, "Praxis Bouwmarkt");
    await praxis.getByRole("button", { name: "Show" }).click();
    await praxis.getByRole("button", { name: "Only this" }).nth(1).click();
    await praxis.getByText("1 payment", { exact: true }).waitFor();
    const states = (await items("PRAXIS BOUWMARKT")).map(({ state }) => state);
    assert.deepEqual(states.sort(), ["classified", "review"]);

    await group(page, "Stichting Hallen").getByRole("button", { name: "No category" }).click();
    await page.getByText("1 payment: no category.").waitFor();
    assert.equal((await items("STICHTING HALLEN"))[0]!.categoryId, null);
    await page.close();
  });

  it("suggests by what was just decided, and leaves alone what a person has chosen already", async () => {
    await plant([{ name: "IJSSALON VENEZIA", count: 6, cents: -480 }]);
    const [first, other] = [chosen[0]!.name, chosen[1]!.name];
    const name = "Ijssalon Venezia";
    const [mine, theirs, open] = [
      await stage.page("/dashboard/review"),
      await stage.page("/dashboard/review"),
      await stage.page("/dashboard/review"),
    ];
    const button = (page: Page, label: string, count: number) =>
      group(page, name).getByRole("button", { name: `${label} (${count} payments)` });
    for (const page of [mine, theirs, open]) await button(page, `Accept ${first}`, 6).waitFor();
    // One person has made up their mind, another is still looking.
    await group(theirs, name).getByRole("button", { name: first }).first().click();
    const input = group(mine, name).getByLabel("Category");
    await input.focus();
    await mine.keyboard.press("ControlOrMeta+A");
    await mine.keyboard.type(other);
    await mine.keyboard.press("Enter");
    await group(mine, name).getByRole("button", { name: "Show" }).click();
    const only = group(mine, name).getByRole("button", { name: "Only this" });
    await until("all of them", async () => (await only.count()) === 6);
    for (const count of [5, 4, 3]) {
      await only.first().click();
      await until(`${count} left`, async () => (await only.count()) === count);
    }
    await button(open, `Accept ${other}`, 3).waitFor();
    await button(theirs, `Set ${first}`, 3).waitFor();
    await button(open, `Accept ${other}`, 3).click();
    for (const page of [mine, theirs, open]) await group(page, name).waitFor({ state: "detached" });
    for (const item of await items("IJSSALON VENEZIA")) assert.equal(item.categoryId, chosen[1]!.id);
    for (const page of [mine, theirs, open]) await page.close();
  });

  it("tells the second of two people what the first decided, and both pages follow", async () => {
    const [mine, theirs] = [await stage.page("/dashboard/review"), await stage.page("/dashboard/review")];
    const name = "Bakkerij Jansen";
    for (const page of [mine, theirs]) await group(page, name).waitFor();
    const press = (page: Page) =>
      group(page, name)
        .getByRole("button", { name: /^Accept/ })
        .click();
    await Promise.all([press(mine), press(theirs)]);
    for (const page of [mine, theirs]) {
      await group(page, name).waitFor({ state: "detached" });
      await page.locator('[data-tally="review-said"]').waitFor();
    }
    const said = [await text(mine, "review-said"), await text(theirs, "review-said")].sort();
    assert.match(said.join("\n"), /1 payment had been decided already|3 payments had been decided already/);
    assert.match(said.join("\n"), /3 payments: /);
    await mine.close();
    await theirs.close();
  });

  it("shows an error in words: a category that was hidden meanwhile", async () => {
    const page = await stage.page("/dashboard/review");
    const praxis = group(page, "Praxis Bouwmarkt");
    await praxis.waitFor();
    const hide = (hidden: boolean) =>
      stage.inStore((store) =>
        store.collection(categories).updateMany([{ id: chosen[0]!.id, expected: {}, set: { hidden } }]),
      );
    await hide(true);
    await praxis.getByRole("button", { name: /^Accept/ }).click();
    await page.locator('[data-tally="review-error"]').getByText(`"${chosen[0]!.name}" is hidden`).waitFor();
    await hide(false);
    assert.equal(await praxis.count(), 1);
    await praxis.getByRole("button", { name: /^Accept/ }).click();
    await praxis.waitFor({ state: "detached" });
    await page.close();
  });

  it("writes what was decided to the budget, each once, and can undo it there no more", async () => {
    const page = await stage.page("/dashboard/review");
    await page.getByRole("button", { name: "Write to the budget now" }).click();
    await page.getByText(/A run was started/).waitFor();
    const all = await Promise.all(SHOPS.map(({ name }) => items(name)));
    const ids = all.flat().map((item) => item.importId);
    interface BudgetRow {
      importId: string | null;
      deleted: boolean;
    }
    const rows = async () =>
      (await stage.budget<BudgetRow[]>("all")).filter(
        (row) => ids.includes(row.importId ?? "") && !row.deleted,
      );
    await until("all rows in the budget", async () => (await rows()).length >= ids.length);
    assert.deepEqual((await rows()).map((row) => row.importId).sort(), [...ids].sort());
    await page.getByRole("button", { name: /^Undo/ }).waitFor({ state: "detached" });
    await page.close();
  });

  it("keeps rules in order: moved and deleted", async () => {
    await plant([
      { name: "KAPPER KNIP", count: 2, cents: -3_300 },
      { name: "SLAGER VOS", count: 2, cents: -2_200 },
    ]);
    const page = await stage.page("/dashboard/review");
    for (const name of ["Kapper Knip", "Slager Vos"]) {
      const one = group(page, name);
      await one.getByLabel("Always (make a rule)").check();
      await one.getByRole("button", { name: /^Accept/ }).click();
      await one.waitFor({ state: "detached" });
    }
    const rules = page.locator('[data-tally="rules"] [data-rule]');
    await rules.nth(1).waitFor();
    assert.match(await rules.first().innerText(), /kapper knip/);
    await page.getByRole("button", { name: "Try rule 2 earlier" }).click();
    await rules.first().getByText("slager vos").waitFor();
    await stage.picture(page, "dashboard-review-rules");
    await page.getByRole("button", { name: "Delete rule 1" }).click();
    await rules.first().getByText("kapper knip").waitFor();
    assert.equal(await rules.count(), 1);
    await page.close();
  });

  it("fits a telephone", async () => {
    await plant(SHOPS.map((shop) => ({ ...shop, name: `${shop.name} OOST` })));
    const page = await stage.page("/dashboard/review", { width: 390, height: 844 });
    const first = page.locator("[data-group]").first();
    await first.waitFor();
    await fits(page);
    await stage.picture(page, "dashboard-review-phone");
    await first.getByLabel("Always (make a rule)").check();
    await fits(page);
    await page.close();
  });

  it("shows what strangers wrote as text", async () => {
    await plant(HOSTILE.slice(0, 5).map((name, n) => ({ name, count: 1, cents: -100 - n })));
    const page = await stage.page("/dashboard/review");
    await page.locator("[data-group]").first().waitFor();
    const more = page.getByRole("button", { name: "More" });
    for (let turns = 0; turns < 5; turns++) {
      await harmless(page);
      if (!(await more.isVisible()) || (await more.isDisabled())) break;
      await more.click();
      await wait(500);
    }
    await page.close();
  });
});
