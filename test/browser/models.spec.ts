import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { trainStep, type CategoryMetrics } from "../../lib/learning";
import {
  artifactChunks,
  categories,
  models,
  modelVersions,
  payments,
  reviews,
  shadows,
  type Model,
  type Run,
} from "../../lib/store";
import { queueId } from "../../lib/values";
import { contextOf } from "../learning/filled";
import { fits, harmless, HOSTILE, LIMIT, Stage, text, until } from "./stage";

/** The page Models: what a person sees of the versions, and what its buttons do in the store. */

describe("models in a browser", function () {
  this.timeout(240_000);
  let stage: Stage;
  /** Versions, by what they are to the household at first. */
  let first: string;
  let candidate: string;
  let budgetId: string;

  before(async function () {
    stage = await Stage.open(this);
  });
  after(() => stage?.close());
  afterEach(() => {
    assert.deepEqual(stage.complaints.splice(0), [], "the browser's console complains");
  });

  const model = () =>
    stage.inStore(
      async (store): Promise<Model> =>
        (await store.collection(models).find({ index: "id", limit: 1 })).items[0]!,
    );
  const card = (page: Page, version: string): Locator => page.locator(`[data-version="${version}"]`);
  const press = (where: Page | Locator, name: string) => where.locator(`[data-tally="${name}"]`).click();

  it("says what to do while there is no model", async () => {
    const page = await stage.page("/dashboard/models");
    await page.locator('[data-tally="models-empty"]').waitFor();
    await page.close();
  });

  it("says in plain words how good the version in use is, and folds away how it was made", async () => {
    const page = await stage.page("/dashboard/models");
    await page.locator('[data-tally="models-empty"]').waitFor();
    await stage.run();
    // The page is told of the run's end.
    await page.locator("[data-version]").waitFor();
    const { id, aliases } = await model();
    first = aliases.production!;
    budgetId = id.slice("categories:".length);
    const stored = await stage.inStore((store) => store.collection(modelVersions).get(`${id}@${first}`));
    assert.match(
      await card(page, first).locator('[data-tally="models-saying"]').innerText(),
      /^Answers (\d+|fewer than 1) of 100 payments by itself, (\d+|more than 99) of 100 of these right\. Its best guess|^Leaves every payment/,
    );
    await page.locator('[data-tally="models-curve"] svg circle').waitFor();
    const shown = await card(page, first).innerText();
    assert.match(shown, /in use[\s\S]*In use since[\s\S]*The first model is right on/);
    assert.match(shown, new RegExp(`on ${stored!.trainedOn.examples.toLocaleString("en-GB")} labels`));
    assert.ok((await page.locator('[data-tally="models-reliability"] circle').count()) >= 1);
    assert.match(
      (await page.locator('[data-tally="models-curve"] svg').getAttribute("aria-label"))!,
      /^(The dot is where it stands: it answers|It answers none)/,
    );
    const lineage = card(page, first).locator('[data-tally="models-lineage"]');
    assert.equal(await lineage.getByText(stored!.dataHash).isVisible(), false, "folded away");
    await lineage.locator("summary").click();
    for (const part of [first, stored!.dataHash, stored!.codeVersion, stored!.estimator, "seed 1"])
      await lineage.getByText(part).first().waitFor();
    assert.equal(
      await page.locator('[data-tally="models-back"]').count(),
      0,
      "there is nothing to go back to",
    );
    await page.close();
  });

  it("shows the candidate beside it on live payments, and takes no name for HTML", async () => {
    candidate = await stage.inStore(async (store) => {
      const stored = (await store.collection(modelVersions).get(`categories:${budgetId}@${first}`))!;
      const { perCategory } = stored.metrics as unknown as { perCategory: CategoryMetrics[] };
      const mistakes = ({ support, recall }: CategoryMetrics) => support * (1 - recall);
      const missed = perCategory.reduce((most, one) => (mistakes(one) > mistakes(most) ? one : most));
      await store
        .collection(categories)
        .updateMany([{ id: missed.category, expected: {}, set: { name: HOSTILE[0]! } }]);
      const context = contextOf(store, new Date().toISOString());
      const { version } = await trainStep(context, { budgetId, estimators: ["complement-naive-bayes"] });
      const live = (await store.collection(payments).find({ index: "byDate", order: "desc", limit: 30 }))
        .items;
      const guess = (categoryId: string, answered = true) => ({ categoryId, confidence: 0.9, answered });
      await store.collection(shadows).upsertMany(
        live.map(({ id, date }, n) => ({
          id: `${id}|${budgetId}|${version}|${first}`,
          paymentId: id,
          budgetId,
          date,
          version,
          against: first,
          at: context.now(),
          candidate: guess(n >= 6 && n < 10 ? "other" : "right"),
          production: guess(n < 6 ? "wrong" : "right", n > 2),
        })),
      );
      await store.collection(reviews).upsertMany(
        live.slice(0, 24).map(({ id }) => ({
          id: queueId(id, budgetId),
          paymentId: id,
          budgetId,
          at: "2020-01-01T00:00:00.000Z",
          chosenCategoryId: "right",
        })),
      );
      return version;
    });
    assert.notEqual(candidate, first);
    const page = await stage.page("/dashboard/models");
    assert.match(
      await card(page, candidate).locator('[data-tally="models-shadow"]').innerText(),
      /the same best guess on 20 of 30; sure enough to answer on 30, the other on 27\. Of the 24 that you gave a category since, this one was right on 20, the other on 18: 6 that the other missed, 4 the other way round\.$/,
    );
    assert.match(
      await card(page, candidate).innerText(),
      /candidate[\s\S]*At its training: It is kept as the candidate: no payment is newer/,
    );
    await page.getByText(HOSTILE[0]!).first().waitFor();
    await harmless(page);
    await stage.inStore(async (store) => {
      for await (const one of store.collection(categories).scan({ index: "id" }))
        if (one.name === HOSTILE[0])
          await store
            .collection(categories)
            .updateMany([{ id: one.id, expected: {}, set: { name: "Holidays" } }]);
    });
    await page.reload();
    await card(page, candidate).locator('[data-tally="models-curve"]').waitFor();
    await card(page, first).locator('[data-tally="models-curve"]').waitFor();
    await stage.picture(page, "dashboard-models");
    await page.close();
  });

  it("puts a version into use when it is told to, and only then, with the reason that was given", async () => {
    const page = await stage.page("/dashboard/models");
    await press(card(page, candidate), "models-use");
    assert.match(await text(page, "models-plan"), /From the next run on it gives the categories/);
    assert.equal((await model()).aliases.production, first, "nothing happens before it is confirmed");
    await page.getByText("Leave as it is").click();
    assert.equal(await page.locator('[data-tally="models-plan"]').count(), 0);

    await press(card(page, candidate), "models-use");
    await page.locator('[data-tally="models-plan"] input').fill("It is right more often on live payments");
    await press(page, "models-do");
    await page
      .locator('[data-tally="models-said"]')
      .getByText(`Version ${candidate} is in production`)
      .waitFor();
    const { aliases, moves } = await model();
    assert.deepEqual(aliases, { production: candidate, previous: first });
    assert.equal(
      moves.findLast(({ alias }) => alias === "production")?.reason,
      "It is right more often on live payments",
    );
    await card(page, candidate).getByText("in use", { exact: true }).waitFor();
    await card(page, first).getByText("used before", { exact: true }).waitFor();
    await page.close();
  });

  it("goes back to the version before, and each choice is a run that has ended", async () => {
    const page = await stage.page("/dashboard/models");
    await press(card(page, candidate), "models-back");
    assert.match(await text(page, "models-plan"), /Go back to the version trained/);
    await press(page, "models-do");
    await page
      .locator('[data-tally="models-said"]')
      .getByText(`Version ${first} is in production again`)
      .waitFor();
    const { aliases, moves } = await model();
    assert.deepEqual(aliases, { production: first, previous: candidate });
    assert.deepEqual(
      moves.slice(-2).map(({ alias, reason, rolledBack }) => [alias, reason, rolledBack]),
      [
        ["production", "By hand, on the page Models.", true],
        ["previous", "By hand, on the page Models.", true],
      ],
    );
    await card(page, candidate).getByText("went back from").first().waitFor();
    const chosen = async () =>
      (await stage.nodeRed.get<{ items: Run[] }>("/tallyflow/runs?job=choose%20a%20version&limit=5")).items;
    await until("both runs", async () => (await chosen()).every(({ state }) => state === "Completed"));
    assert.deepEqual(
      (await chosen()).map(({ trigger }) => trigger),
      ["dashboard", "dashboard"],
    );
    await page.close();
  });

  it("trains when it is told to, says how far it is and what came of it", async () => {
    const page = await stage.page("/dashboard/models");
    await press(page, "models-train");
    assert.match(await text(page, "models-plan"), /Bank and budget are read first/);
    await press(page, "models-do");
    await page
      .locator('[data-tally="models-said"]')
      .getByText(/Nothing new was learned|Promoted|It is kept as the candidate|Not promoted/)
      .waitFor({ timeout: 2 * LIMIT });
    const trained = async () =>
      (await stage.nodeRed.get<{ items: Run[] }>("/tallyflow/runs?job=learning&limit=1")).items[0];
    await until("the end of the training", async () => (await trained())?.state === "Completed");
    assert.equal((await trained())?.trigger, "dashboard");
    await until("the button", () => page.locator('[data-tally="models-train"]').isEnabled());
    await page.close();
  });

  it("says what is wrong with a version that cannot be used, and leaves the one in use", async () => {
    const { aliases } = await model();
    await stage.inStore(async (store) => {
      const id = `categories:${budgetId}@${candidate}#000000`;
      assert.equal(await store.collection(artifactChunks).deleteMany([id]), 1);
    });
    const page = await stage.page("/dashboard/models");
    const damaged = card(page, candidate);
    await damaged.locator("summary").first().click();
    await press(damaged, "models-use");
    await press(page, "models-do");
    await page
      .locator('[data-tally="models-error"]')
      .getByText(/is damaged/)
      .waitFor();
    assert.deepEqual((await model()).aliases, aliases);
    assert.equal(await damaged.locator('[data-tally="models-use"]').isEnabled(), true);
    await page.close();
  });

  it("fits a telephone", async () => {
    const page = await stage.page("/dashboard/models", { width: 390, height: 844 });
    await page.locator('[data-tally="models-reliability"]').first().waitFor();
    await fits(page);
    await stage.picture(page, "dashboard-models-phone");
    await page.close();
  });
});
