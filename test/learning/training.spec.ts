import assert from "node:assert/strict";
import {
  decide,
  explain,
  firstGate,
  gate,
  TrainedModel,
  trainInWorker,
  trainModel,
  type Outcome,
} from "../../lib/learning";
import { addDays, sha256, type TallyError } from "../../lib/values";
import { seededRandom } from "../../lib/learning/random";
import { example, household } from "./support";

const rows = household(900);

describe("learning: training", function () {
  it("gives the same bytes for the same labels", () => {
    const one = trainModel(rows).model.encode();
    const two = trainModel(rows).model.encode();
    assert.equal(sha256(one), sha256(two));
  });

  it("says how far it is, from nothing to all of it, and never goes back", async () => {
    const many = household(6_000);
    const production = trainModel(many.slice(0, 4_000)).model;
    for (const estimators of [undefined, ["complement-naive-bayes"]]) {
      const told: { done: number; total: number; what: string }[] = [];
      const progress = (done: number, total: number, what: string) => void told.push({ done, total, what });
      trainModel(many, { production, progress, ...(estimators && { estimators }) });
      assert.equal(told[0]!.done, 0);
      const { done, total } = told.at(-1)!;
      assert.equal(done, total);
      told.slice(1).forEach((one, n) => {
        assert.ok(one.done >= told[n]!.done, `${told[n]!.done} and then ${one.done}`);
        assert.ok(one.done - told[n]!.done <= 1_100, `a leap from ${told[n]!.done} to ${one.done}`);
        assert.equal(one.total, total);
      });
    }
    const last: number[] = [];
    await trainInWorker(many, {
      production: production.encode(),
      progress: (...now) => (last[0] = now[0] / now[1]),
    });
    assert.deepEqual(last, [1]);
  });

  it("answers most of an easy household and is right", () => {
    const { model, gate: verdict } = trainModel(rows);
    assert.equal(verdict.verdict, "first");
    assert.ok(model.info.metrics.accuracy > 0.95);
    assert.ok(model.info.metrics.coverage > 0.8);
    assert.equal(model.info.metrics.competition.length, 4);
    assert.equal(model.info.trainedOn.examples, 900);
  });

  it("asks the stack of estimators first, and not at all where there are many labels", () => {
    assert.equal(trainModel(rows).model.info.estimator, "stacked");
    const { competition } = trainModel(household(10_001)).model.info.metrics;
    assert.deepEqual(competition.map(({ estimator }) => estimator).sort(), [
      "complement-naive-bayes",
      "counterparty-memory",
      "sparse-logistic",
    ]);
  });

  it("decodes to a model that decides, explains and learns the same", () => {
    const { model } = trainModel(rows);
    const restored = TrainedModel.decode(model.encode());
    for (const row of household(60, 11)) {
      const decision = decide(model, row);
      assert.deepEqual(decide(restored, row), decision);
      assert.deepEqual(explain(restored, row, decision), explain(model, row, decision));
      model.learn(row, row.label);
      restored.learn(row, row.label);
    }
    assert.equal(sha256(restored.encode()), sha256(model.encode()));
  });

  it("refuses to learn from nothing and says what to do", () => {
    assert.throws(
      () => trainModel([]),
      (error: TallyError) => error.code === "TRAINING_DATA_TOO_SMALL" && /Approve/.test(error.message),
    );
  });

  it("abstains on noise: nothing can be promised there", () => {
    const noise = rows.map((row, i) => ({
      ...row,
      label: ["a", "b", "c", "d"][(i * 7919) % 4]!,
      text: `shop ${i}`,
      description: "",
    }));
    const { model } = trainModel(noise);
    const answered = noise
      .slice(0, 100)
      .filter((row) => decide(model, { ...row, text: `other ${row.id}` }).categoryId);
    assert.equal(answered.length, 0);
  });

  it("judges itself apart by what was revealed at once and by what it was left alone with", () => {
    // All shops get a new category in the end: who is told follows, who is left alone is wrong about all of them.
    const turning = rows.map((row, i) => ({ ...row, label: i < 800 ? row.label : `new ${row.label}` }));
    const { model } = trainModel(turning);
    const last = turning.at(-1)!;
    const soon = model.score({ ...last, date: addDays(last.date, 1) });
    const late = model.score({ ...last, date: addDays(last.date, 90) });
    assert.ok(soon.threshold < late.threshold, `${soon.threshold} and ${late.threshold}`);
    assert.equal(late.best, soon.best);
  });

  it("follows what is revealed: wrong guesses raise the threshold and lower the confidence", () => {
    const { model } = trainModel(rows);
    const unknown = (i: number) =>
      example({ text: `shop ${i % 7}`, description: "", date: addDays("2023-11-01", Math.floor(i / 10)) });
    const before = model.score(unknown(0));
    const labels = ["groceries", "fun", "things", "energy"];
    const random = seededRandom(5);
    for (let i = 0; i < 400; i++) model.learn(unknown(i), labels[Math.floor(random() * 4)]!);
    const after = model.score(unknown(400));
    assert.ok(after.confidence < 0.6 && after.confidence < after.threshold);
    assert.ok(after.threshold >= before.threshold);
  });

  it("trains the same model in a worker, while the event loop goes on", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const trained = await trainInWorker(rows);
    clearInterval(timer);
    assert.equal(trained.sha256, sha256(trainModel(rows).model.encode()));
    assert.equal(sha256(trained.artifact), trained.sha256);
    assert.ok(turns > 5, `${turns} turns`);
  });

  it("carries a worker's refusal over as it was", async () => {
    await assert.rejects(trainInWorker([]), { code: "TRAINING_DATA_TOO_SMALL" });
  });

  it("stops the worker when asked", async () => {
    const controller = new AbortController();
    const training = trainInWorker(household(20_000), { signal: controller.signal });
    setTimeout(() => controller.abort(), 30);
    await assert.rejects(training, { code: "CANCELLED", retryable: true });
    await assert.rejects(trainInWorker(rows, { signal: AbortSignal.abort() }), { code: "CANCELLED" });
  });

  it("passes a source's failure on", async () => {
    async function* broken() {
      yield rows[0]!;
      throw new Error("the store went away");
    }
    await assert.rejects(trainInWorker(broken()), /store went away/);
  });
});

describe("learning: cascade", () => {
  const { model } = trainModel(rows);
  const jumbo = example({ text: "JUMBO 4242", description: "" });

  it("gives transfers no category", () => {
    const decision = decide(model, jumbo, { transfer: true });
    assert.equal(decision.path, "transfer");
    assert.equal(decision.categoryId, undefined);
  });

  it("lets a person's rule go first, unless its category is gone", () => {
    const rules = [{ id: "1", contains: "jumbo", categoryId: "fun" }];
    assert.equal(decide(model, jumbo, { rules }).categoryId, "fun");
    assert.notEqual(decide(model, jumbo, { rules, allowed: new Set(["groceries"]) }).categoryId, "fun");
  });

  it("never suggests a category that is gone, and shares its probability out", () => {
    const allowed = new Set(["fun", "things"]);
    const decision = decide(model, jumbo, { allowed });
    assert.ok(decision.top.length > 0);
    assert.ok(decision.top.every(({ categoryId }) => allowed.has(categoryId)));
    const { probabilities } = model.score(jumbo, allowed);
    assert.ok(Math.abs(probabilities.reduce((a, b) => a + b, 0) - 1) < 1e-5);
    assert.equal(decide(model, jumbo, { allowed: new Set() }).path, "abstain");
  });

  it("says why, with past payments and terms", () => {
    const explained = explain(model, jumbo, decide(model, jumbo), { nameOf: (id) => `<${id}>` });
    assert.equal(explained.categoryId, "groceries");
    assert.match(explained.reason, /<groceries>/);
    assert.ok(explained.explanation.nearest.some(({ text }) => text.startsWith("JUMBO")));
    assert.ok(explained.explanation.terms.length > 0);
    assert.ok(
      explained.top.every(({ confidence }, i) => i === 0 || confidence <= explained.top[i - 1]!.confidence),
    );
  });

  it("abstains without a model", () => {
    assert.equal(decide(undefined, jumbo).path, "abstain");
    assert.match(explain(undefined, jumbo, decide(undefined, jumbo)).reason, /no model/);
  });
});

describe("learning: gate", () => {
  const outcomes = (n: number, right: number): Outcome[] =>
    Array.from({ length: n }, (_, i) => ({
      predicted: (i * 37) % 100 < right ? "a" : "b",
      confidence: 0.9,
      label: "a",
    }));

  it("promotes what is better, and what is equal", () => {
    assert.equal(gate(outcomes(400, 90), outcomes(400, 70), []).verdict, "better");
    const equal = gate(outcomes(400, 80), outcomes(400, 80), []);
    assert.deepEqual([equal.verdict, equal.promote], ["equal", true]);
  });

  it("keeps production when the candidate is worse", () => {
    const verdict = gate(outcomes(400, 78), outcomes(400, 82), []);
    assert.equal(verdict.promote, false);
    assert.match(verdict.reason, /^Not promoted/);
  });

  it("guards single categories", () => {
    const mixed = (b: boolean): Outcome[] =>
      Array.from({ length: 1000 }, (_, i) => ({
        predicted: i % 10 === 0 ? (b ? "rare" : "x") : "a",
        confidence: 1,
        label: i % 10 === 0 ? "rare" : "a",
      }));
    const verdict = gate(mixed(false), mixed(true), []);
    assert.deepEqual(
      [verdict.promote, verdict.verdict, verdict.guarded],
      [false, "category-guard", ["rare"]],
    );
  });

  it("waits when there is nothing to compare, unless something new is known", () => {
    assert.equal(gate(outcomes(5, 100), outcomes(5, 0), []).promote, false);
    assert.equal(gate(outcomes(5, 100), outcomes(5, 0), ["pets"]).promote, true);
  });

  it("asks the first model to beat the most frequent category", () => {
    assert.equal(firstGate(outcomes(100, 60), 0.6).promote, false);
    assert.equal(firstGate(outcomes(100, 60), 0.3).promote, true);
  });

  it("gives the same interval for the same seed", () => {
    assert.deepEqual(
      gate(outcomes(300, 80), outcomes(300, 75), []),
      gate(outcomes(300, 80), outcomes(300, 75), []),
    );
  });
});
