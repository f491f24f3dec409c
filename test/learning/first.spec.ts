import assert from "node:assert/strict";
import {
  classifyStep,
  decide,
  explain,
  FIRST_LABELS,
  liveModel,
  modelName,
  parseColumnMap,
  readLabelledCsv,
  releaseModel,
  resolveAlias,
  TrainedModel,
  trainModel,
  trainWhen,
  type LabelledExample,
} from "../../lib/learning";
import { categories, matches, payments, queue, reviews, transactions, type Store } from "../../lib/store";
import { openStore } from "../../lib/store/open";
import { addDays, queueId, sha256 } from "../../lib/values";
import { sharedPath, skipWithout } from "../support/shared";
import { AT, BUDGET, contextOf, itemOf, paymentOf } from "./filled";
import { example, household } from "./support";

const NAME = modelName(BUDGET);
const LATER = "2024-06-01T01:00:00.000Z";

/** Payments of these shops, one a day. */
const visits = (...shops: [name: string, label: string][]): LabelledExample[] =>
  shops.map(([name, label], i) =>
    example({
      id: `first:${i}`,
      text: `${name} ${1400 + i}`,
      description: "",
      date: addDays("2024-05-01", i),
      label,
    }),
  );
const SIX = visits(
  ["JUMBO", "groceries"],
  ["NETFLIX", "fun"],
  ["JUMBO", "groceries"],
  ["SHELL", "transport"],
  ["JUMBO", "groceries"],
  ["NETFLIX", "fun"],
);
const visit = (text: string, more: Partial<LabelledExample> = {}) =>
  example({ id: `new:${text}`, text, description: "", date: "2024-05-20", ...more });

describe("learning: the first labels of a household", () => {
  const { model, gate } = trainModel(SIX);

  it("answer what three payments of the same name agree on, and say like what", () => {
    assert.deepEqual([gate.promote, gate.verdict, model.info.estimator], [true, "first", FIRST_LABELS]);
    const jumbo = visit("JUMBO 9999");
    const decision = decide(model, jumbo);
    assert.deepEqual([decision.path, decision.categoryId], ["model", "groceries"]);
    assert.ok(decision.confidence > 0.95 && decision.confidence < 0.96, `${decision.confidence}`);
    assert.equal(
      explain(model, jumbo, decision).reason,
      'Most likely groceries (95 % sure), like "JUMBO 1404" before.',
    );
  });

  it("suggest where fewer agree, and answer that where less is asked for", () => {
    for (const [name, label, sure] of [
      ["NETFLIX 9001", "fun", 92],
      ["SHELL 9001", "transport", 87],
    ] as const) {
      const decision = decide(model, visit(name));
      assert.equal(decision.path, "abstain");
      const { reason, top } = explain(model, visit(name), decision);
      assert.equal(top[0]!.categoryId, label);
      assert.match(
        reason,
        new RegExp(`^Perhaps ${label}, like "[A-Z]+ 14\\d\\d" before, but only ${sure} % sure`),
      );
    }
    const lower = trainModel(SIX, { targetPrecision: 0.9 }).model;
    assert.equal(decide(lower, visit("NETFLIX 9001")).categoryId, "fun");
    assert.equal(decide(lower, visit("SHELL 9001")).path, "abstain");
  });

  it("say nothing of what is like none of them, nor of money that comes in from whom it went to", () => {
    for (const unknown of [visit("VATTENFALL"), visit("JUMBO 9999", { amount: 2500 }), visit("")]) {
      const decision = decide(model, unknown);
      assert.deepEqual([decision.path, decision.top], ["abstain", []]);
      assert.match(explain(model, unknown, decision).reason, /No payment like this one has a category yet/);
    }
  });

  it("count less where they contradict each other, and where only the first word is known", () => {
    const mixed = trainModel(
      visits(["BOL", "things"], ["BOL", "gifts"], ["ESSO CITY", "transport"], ["BOL", "things"]),
    ).model;
    const bol = decide(mixed, visit("BOL 9001"));
    assert.deepEqual([bol.path, bol.top[0]!.categoryId], ["abstain", "things"]);
    assert.ok(bol.confidence < 0.6);
    const esso = decide(mixed, visit("ESSO LAAN"));
    assert.deepEqual([esso.path, esso.top[0]!.categoryId], ["abstain", "transport"]);
    assert.ok(esso.confidence < 0.6);
  });

  it("give no category that is gone", () => {
    const decision = decide(model, visit("JUMBO 9999"), { allowed: new Set(["fun"]) });
    assert.deepEqual([decision.path, decision.top], ["abstain", []]);
    const none = decide(model, visit("JUMBO 9999"), { allowed: new Set(["gone"]) });
    assert.match(
      explain(model, visit("JUMBO 9999"), none, { allowed: new Set(["gone"]) }).reason,
      /knows no category that still exists/,
    );
  });

  it("are the same model after being written down and read, and go on learning", () => {
    const restored = TrainedModel.decode(model.encode());
    const grown = TrainedModel.decode(model.encode());
    assert.equal(sha256(restored.encode()), sha256(model.encode()));
    for (const one of [restored, grown]) one.learn(visit("NETFLIX 9007"), "fun");
    assert.equal(decide(restored, visit("NETFLIX 9008")).categoryId, "fun");
    assert.equal(sha256(restored.encode()), sha256(grown.encode()));
    assert.deepEqual(
      restored.terms(visit("NETFLIX 9008"), "fun").map(({ term }) => term),
      ["seen before: name"],
    );
  });

  it("are enough also when all are of one category, however many", () => {
    const rows = household(60).map((row) => ({ ...row, label: "one" }));
    const { model: one } = trainModel(rows);
    assert.equal(one.info.estimator, FIRST_LABELS);
    assert.equal(decide(one, rows[59]!).categoryId, "one");
    assert.equal(decide(one, visit("VATTENFALL ELSEWHERE")).path, "abstain");
  });

  it("give way to weights, and never replace them", () => {
    const many = household(200);
    const grown = trainModel(many, { production: model });
    assert.notEqual(grown.model.info.estimator, FIRST_LABELS);
    assert.deepEqual([grown.gate.promote, grown.gate.verdict], [true, "first"]);
    const back = trainModel(SIX, { production: grown.model });
    assert.deepEqual([back.gate.promote, back.gate.verdict], [false, "nothing-to-compare"]);
  });

  it("stay while weights do no better than the most frequent category on the few rows that tell", () => {
    const rows = household(40).map((row, i) => ({ ...row, label: i >= 30 || i % 2 ? "one" : "other" }));
    assert.equal(trainModel(rows).model.info.estimator, FIRST_LABELS);
  });
});

describe("learning: a new household", () => {
  let store: Store;
  beforeEach(async () => {
    store = await openStore({ kind: "sqlite", path: ":memory:" });
    const all = ["groceries", "fun", "transport", "things", "energy", "health"];
    await store
      .collection(categories)
      .upsertMany(all.map((id) => ({ id, budgetId: BUDGET, name: id, hidden: false, deleted: false })));
  });
  afterEach(() => store.close());

  /** A person approved these in the budget. */
  async function approve(rows: readonly LabelledExample[]): Promise<void> {
    await store.collection(payments).upsertMany(rows.map(paymentOf));
    await store.collection(transactions).upsertMany(
      rows.map(({ id, date, amount, label }) => ({
        id: `ynab:${id}`,
        budgetId: BUDGET,
        accountId: "ynab:a",
        date,
        amount,
        currency: "EUR",
        categoryId: label,
        approved: true,
        deleted: false,
      })),
    );
    await store.collection(matches).upsertMany(
      rows.map(({ id }) => ({
        id: `ynab:${id}`,
        budgetId: BUDGET,
        paymentId: id,
        rule: "import-id" as const,
        confidence: 1,
        reason: "",
      })),
    );
  }
  async function wait(rows: readonly LabelledExample[]): Promise<void> {
    await store.collection(payments).upsertMany(rows.map(paymentOf));
    await store.collection(queue).upsertMany(rows.map((row) => itemOf(paymentOf(row))));
  }
  const decideInReview = (row: LabelledExample, at: string) =>
    store.collection(reviews).upsertMany([
      {
        id: queueId(row.id, BUDGET),
        paymentId: row.id,
        budgetId: BUDGET,
        at,
        chosenCategoryId: row.label,
      },
    ]);
  const stateOf = async (row: LabelledExample) => {
    const item = (await store.collection(queue).get(queueId(row.id, BUDGET)))!;
    return [item.state, item.categoryId ?? null];
  };
  const classify = () => classifyStep(contextOf(store, LATER), { budgetId: BUDGET, policy: "review" });

  it("is answered from six labels, and trained for good when there are twenty", async () => {
    const before = await trainWhen(contextOf(store), "missing", { budgetId: BUDGET });
    assert.equal(before.trained, false);
    assert.match(before.reason, /No payment has been given a category yet/);

    await approve(SIX);
    const first = await trainWhen(contextOf(store), "missing", { budgetId: BUDGET });
    assert.ok(first.trained && first.promoted);
    assert.equal(first.estimator, FIRST_LABELS);
    const [jumbo, netflix, unknown] = [visit("JUMBO 9001"), visit("NETFLIX 9001"), visit("VATTENFALL")];
    await wait([jumbo, netflix, unknown]);
    await classify();
    assert.deepEqual(await stateOf(jumbo), ["classified", "groceries"]);
    assert.deepEqual(await stateOf(netflix), ["review", null]);
    assert.deepEqual(await stateOf(unknown), ["review", null]);

    const again = contextOf(store, LATER);
    const same = await trainWhen(again, "missing", { budgetId: BUDGET });
    assert.ok(same.trained && !same.promoted, "the same labels give the same version");
    assert.deepEqual(again.events, [], "and no news");

    await approve(household(60));
    const grown = await trainWhen(contextOf(store, LATER), "missing", { budgetId: BUDGET });
    assert.ok(grown.trained && grown.promoted, grown.reason);
    assert.notEqual(grown.estimator, FIRST_LABELS);
    assert.equal(await resolveAlias(store, NAME, "production"), grown.version);
    const settled = await trainWhen(contextOf(store, LATER), "missing", { budgetId: BUDGET });
    assert.equal(settled.trained, false);
  });

  it("counts what was decided in review at once, also before the training and after a restart", async () => {
    await approve(SIX);
    const early = visit("NETFLIX 9005", { id: "review:early", label: "fun" });
    // The last of the six was decided in review too, and came back as approved: it counts once.
    await wait([early]);
    await decideInReview(early, "2024-05-31T00:00:00.000Z");
    await decideInReview({ ...SIX[5]!, label: "things" }, "2024-05-30T00:00:00.000Z");
    await trainWhen(contextOf(store, AT), "missing", { budgetId: BUDGET });
    const netflix = visit("NETFLIX 9006");
    const shell = visit("SHELL 9006");
    await wait([netflix, shell]);
    await classify();
    assert.deepEqual(await stateOf(netflix), ["classified", "fun"]);
    assert.deepEqual(await stateOf(shell), ["review", null]);
    for (const i of [1, 2])
      await wait([visit(`SHELL 900${i}`, { id: `review:shell${i}` })]).then(() =>
        decideInReview(
          visit(`SHELL 900${i}`, { id: `review:shell${i}`, label: "transport" }),
          `2024-06-01T00:0${i}:00.000Z`,
        ),
      );
    for (const restart of [false, true]) {
      if (restart) releaseModel(store, BUDGET);
      const live = (await liveModel(store, BUDGET))!;
      assert.equal(decide(live.model, visit("SHELL 9009")).categoryId, "transport");
    }
  });
});

describe("learning: first labels of real cards", () => {
  it("are right as often as they say, on payments that nothing was counted on", async function () {
    const file = sharedPath("data/payments/birmingham_2014_2017.csv");
    if (!file) skipWithout(this, "data/payments/birmingham_2014_2017.csv");
    const { rows } = readLabelledCsv(
      file,
      parseColumnMap("text=merchant,label=category,date=date,amount=amount_gbp,account=card"),
    );
    // The shares were counted on the earlier 80 %: each card begins anew after it.
    const cards = new Map<string, LabelledExample[]>();
    for (const row of rows.slice(Math.floor(rows.length * 0.8)))
      cards.set(row.account, [...(cards.get(row.account) ?? []), row]);
    const answers = { given: 0, right: 0 };
    const said = new Map<number, { n: number; right: number }>();
    for (const card of cards.values()) {
      let model: TrainedModel | undefined;
      for (const row of card.slice(0, 20)) {
        const decision = decide(model, row);
        const guess = decision.top[0];
        if (guess) {
          const share = Math.round(guess.confidence * 1000) / 1000;
          const of = said.get(share) ?? { n: 0, right: 0 };
          said.set(share, { n: of.n + 1, right: of.right + Number(guess.categoryId === row.label) });
        }
        if (decision.categoryId !== undefined) {
          answers.given++;
          if (decision.categoryId === row.label) answers.right++;
        }
        if (model) model.learn(row, row.label);
        else model = trainModel([row]).model;
      }
    }
    const noise = (share: number, n: number) => Math.sqrt((share * (1 - share)) / n);
    assert.ok(answers.given > 1000, `${answers.given}`);
    assert.ok(answers.right / answers.given > 0.95 - noise(0.95, answers.given), JSON.stringify(answers));
    for (const [share, { n, right }] of said)
      assert.ok(Math.abs(right / n - share) < 0.05 + 3 * noise(share, n), `${share}: ${right} of ${n}`);
  });
});
