import assert from "node:assert/strict";
import { labelsOf } from "../../lib/learning";
import { decide, listGroups, listPayments, recentActs, takeUp, undo } from "../../lib/review";
import { requeue } from "../../lib/queue";
import { categories, decisions, queue, reviews } from "../../lib/store";
import { MAPPING, payment } from "../support/context";
import { crashingStore } from "../support/crashing-store";
import type { Bench } from "../queue/bench";
import {
  at,
  BUDGET,
  classify,
  decisionOf,
  FOOD,
  FUN,
  itemId,
  openBench,
  pass,
  RENT,
  reviewOf,
  told,
  waiting,
} from "./bench";

const AH = "ALBERT HEIJN";
const ROWS = [
  at(AH, "1"),
  at(AH, "2", { date: "2026-02-11", amount: -2550 }),
  at(AH, "3", { date: "2026-02-12" }),
  at(AH, "4", { amount: 700 }),
  at("SHELL STATION", "5"),
];

describe("review: deciding", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench();
    await waiting(bench, ROWS);
  });
  afterEach(() => bench.store.close());

  const chosen = (name: string, categoryId: string | null) => ({
    state: "classified",
    categoryId,
    confidence: 1,
    reason: `You chose ${name}.`,
  });

  it("groups what waits by counterparty and direction, most first, with suggestion, reason and the past", async () => {
    const { rows, left, next } = await listGroups(bench.store, { limit: 2 });
    assert.equal(left, 5);
    assert.deepEqual(
      rows.map(({ name, counterparty, direction, items, amountText, from, to }) => [
        name,
        counterparty,
        direction,
        items,
        amountText,
        from,
        to,
      ]),
      [
        ["Albert Heijn", "albert heijn", "out", 3, "-45.50", "2026-02-10", "2026-02-12"],
        ...[rows[1]!].map((row) => [
          row.name,
          row.counterparty,
          row.direction,
          1,
          row.amountText,
          "2026-02-10",
          "2026-02-10",
        ]),
      ],
    );
    const { newest } = rows[0]!;
    assert.equal(newest.id, itemId("3"));
    assert.deepEqual(
      newest.top.map(({ category, confidence }) => [category, confidence]),
      [
        ["food", 0.6],
        ["rent", 0.3],
      ],
    );
    assert.match(newest.reason!, /please decide/);
    assert.deepEqual(
      newest.nearest.map(({ text, category }) => [text, category]),
      [["Shop before", "food"]],
    );
    const more = await listGroups(bench.store, { limit: 2, after: next });
    assert.deepEqual([more.rows.length, more.next], [1, undefined]);
    const names = [...rows, ...more.rows].map(({ name, direction }) => `${name} ${direction}`);
    assert.deepEqual(names.sort(), ["Albert Heijn in", "Albert Heijn out", "Shell Station out"]);

    const first = await listPayments(bench.store, { key: rows[0]!.key, limit: 2 });
    assert.deepEqual([first.rows.map(({ id }) => id), first.left], [[itemId("3"), itemId("2")], 3]);
    const second = await listPayments(bench.store, { key: rows[0]!.key, limit: 2, after: first.next });
    assert.deepEqual([second.rows.map(({ id }) => id), second.next], [[itemId("1")], undefined]);
    await assert.rejects(listGroups(bench.store, { limit: 2, after: "x" }), { code: "CONFIG_INVALID" });
  });

  it("accepts, corrects and leaves uncategorised, and each goes into the budget once", async () => {
    const accepted = await decide(bench.store, { ids: [itemId("1")], categoryId: FOOD }, bench.clock.now);
    assert.deepEqual([accepted.decided, accepted.category], [1, "food"]);
    assert.match(accepted.text, /^1 payment: food\. It goes into the budget with the next run\.$/);
    await decide(bench.store, { ids: [itemId("2")], categoryId: RENT }, bench.clock.now);
    await decide(bench.store, { ids: [itemId("3")], categoryId: null }, bench.clock.now);
    assert.deepEqual(told(await bench.item("1")), chosen("food", FOOD));
    assert.deepEqual(told(await bench.item("2")), chosen("rent", RENT));
    assert.deepEqual(told(await bench.item("3")), chosen("to leave it uncategorised", null));
    const { at: _at, ...learned } = (await reviewOf(bench, "2"))!;
    assert.deepEqual(learned, {
      id: itemId("2"),
      paymentId: "bank:2",
      budgetId: BUDGET,
      suggestedCategoryId: FOOD,
      chosenCategoryId: RENT,
      modelVersion: "m1",
    });
    assert.equal(await reviewOf(bench, "3"), undefined, "there is nothing to learn of no category");
    await pass(bench);
    await pass(bench);
    assert.deepEqual(
      bench.budget.rows.map(({ amount, categoryId }) => [amount, categoryId]).sort(),
      [
        [-1000, FOOD],
        [-1000, null],
        [-2550, RENT],
      ].sort(),
    );
    assert.match(bench.budget.rows[0]!.memo!, /100 %: You chose/);
  });

  it("is a label to learn from, unlike what a model decided", async () => {
    await decide(bench.store, { ids: [itemId("2")], categoryId: RENT }, bench.clock.now);
    const item = await bench.item("3");
    await bench.store
      .collection(queue)
      .upsertMany([
        { ...item, state: "classified", categoryId: FOOD, confidence: 0.97, reason: "Most likely." },
      ]);
    await pass(bench);
    await bench.match();
    const labels = [];
    for await (const { id, label } of labelsOf(bench.store, BUDGET)) labels.push([id, label]);
    assert.deepEqual(labels, [["bank:2", RENT]]);
  });

  it("applies to similar ones only: same counterparty, same direction", async () => {
    const result = await decide(
      bench.store,
      { ids: [itemId("3")], categoryId: FUN, applyToSimilar: true },
      bench.clock.now,
    );
    assert.equal(result.decided, 3);
    for (const id of ["1", "2", "3"]) assert.deepEqual(told(await bench.item(id)), chosen("fun", FUN));
    for (const id of ["4", "5"]) assert.equal((await bench.item(id)).state, "review");
    const [act] = await recentActs(bench.store, BUDGET, 5);
    assert.deepEqual([act!.act, act!.items, act!.open, act!.category], [result.act, 3, 3, "fun"]);
  });

  it("decides once: sent again it changes nothing, and another is told what was decided", async () => {
    const request = { ids: [itemId("1")], categoryId: RENT, act: "act:mine" };
    await decide(bench.store, request, bench.clock.now);
    const before = [await bench.item("1"), await decisionOf(bench, "1"), await reviewOf(bench, "1")];
    const again = await decide(bench.store, request, bench.clock.now);
    assert.deepEqual([again.decided, again.alreadyTotal], [1, 0]);
    const other = await decide(bench.store, { ids: [itemId("1")], categoryId: FOOD }, bench.clock.now);
    assert.deepEqual([other.decided, other.alreadyTotal], [0, 1]);
    assert.deepEqual(
      other.already.map(({ category }) => category),
      ["rent"],
    );
    assert.match(other.text, /1 payment had been decided already: rent/);
    assert.deepEqual(
      [await bench.item("1"), await decisionOf(bench, "1"), await reviewOf(bench, "1")],
      before,
    );
  });

  it("lets one of two who decide at once win, and both hear the same", async () => {
    const ids = ["1", "2", "3", "4", "5"].map(itemId);
    const answers = await Promise.all(
      [FOOD, RENT, FUN, null].map((categoryId) => decide(bench.store, { ids, categoryId }, bench.clock.now)),
    );
    for (const id of ["1", "2", "3", "4", "5"]) {
      const item = await bench.item(id);
      const decision = (await decisionOf(bench, id))!;
      assert.deepEqual(
        [item.state, item.categoryId, item.decision],
        ["classified", decision.categoryId, decision.act],
      );
      assert.equal(decision.pending, undefined);
      assert.equal((await reviewOf(bench, id))?.chosenCategoryId ?? null, decision.categoryId);
    }
    assert.equal(
      answers.reduce((sum, { decided }) => sum + decided, 0),
      5,
    );
    assert.equal(
      answers.reduce((sum, { alreadyTotal }) => sum + alreadyTotal, 0),
      15,
    );
    assert.ok(answers.every(({ refusedTotal }) => refusedTotal === 0));
  });

  it("refuses categories that are hidden, deleted, unknown or of another budget, and what is not said", async () => {
    const [rent] = await bench.store.collection(categories).getMany([RENT]);
    await bench.store.collection(categories).upsertMany([
      { ...rent!, hidden: true },
      { ...rent!, id: FUN, name: "Fun", deleted: true },
      { ...rent!, id: "other:x", budgetId: "other", name: "Elsewhere" },
    ]);
    for (const [categoryId, message] of [
      [RENT, /"rent" is hidden/],
      [FUN, /"Fun" is no longer in the budget/],
      ["other:x", /another budget/],
      ["memory:none", /no longer in the budget/],
    ] as const)
      await assert.rejects(decide(bench.store, { ids: [itemId("1")], categoryId }), {
        code: "CATEGORY_GONE",
        message,
      });
    await assert.rejects(decide(bench.store, { ids: [], categoryId: null }), { code: "CONFIG_INVALID" });
    await assert.rejects(decide(bench.store, { ids: ["none"], categoryId: null }), { code: "NOT_FOUND" });
    assert.equal(await bench.store.collection(decisions).count({ index: "id" }), 0);
  });

  it("does not decide about what no longer waits, and says where it is", async () => {
    await bench.classify();
    await bench.arrive(at("BOL", "9"));
    await bench.classify();
    await bench.sync();
    const { refused, decided } = await decide(bench.store, {
      ids: [itemId("9"), itemId("1")],
      categoryId: FOOD,
    });
    assert.equal(decided, 1);
    assert.deepEqual(
      refused.map(({ id, message }) => [id, message]),
      [[itemId("9"), "It is in the budget already. Change its category there."]],
    );
  });

  it("undoes as long as it is not sent: what was suggested waits again, and nothing is learned", async () => {
    const before = await bench.item("1");
    const { act } = await decide(
      bench.store,
      { ids: [itemId("1")], categoryId: RENT, applyToSimilar: true, makeRule: true },
      bench.clock.now,
    );
    const undone = await undo(bench.store, act, bench.clock.now);
    assert.deepEqual([undone.undone, undone.refusedTotal, undone.ruleDeleted], [3, 0, true]);
    assert.match(undone.text, /Taken back: 3 payments wait again\. The rule .* deleted/);
    const { stateSince: _was, ...old } = before;
    const { stateSince: _is, ...now } = await bench.item("1");
    assert.deepEqual(now, old);
    assert.equal(await bench.store.collection(reviews).count({ index: "id" }), 0);
    assert.deepEqual((await undo(bench.store, act)).undone, 3, "again, and nothing more");
    await classify(bench);
    assert.equal((await bench.item("1")).state, "review", "an undone decision is not taken up again");
    await decide(bench.store, { ids: [itemId("1")], categoryId: FOOD }, bench.clock.now);
    assert.deepEqual(told(await bench.item("1")), chosen("food", FOOD));
    await assert.rejects(undo(bench.store, "act:none"), { code: "NOT_FOUND" });
  });

  it("does not undo what is in the budget, and says what to do", async () => {
    const { act } = await decide(bench.store, { ids: [itemId("1")], categoryId: RENT }, bench.clock.now);
    await pass(bench);
    const result = await undo(bench.store, act, bench.clock.now);
    assert.deepEqual([result.undone, result.refusedTotal], [0, 1]);
    assert.match(result.text, /Undo its batch/);
    assert.equal((await decisionOf(bench, "1"))!.undoneAt, undefined);
    assert.equal((await reviewOf(bench, "1"))!.chosenCategoryId, RENT);
    assert.deepEqual(
      (await recentActs(bench.store, BUDGET, 5)).map(({ open }) => open),
      [0],
    );
  });

  it("undoes what waits for another try and was not written", async () => {
    const { act } = await decide(bench.store, { ids: [itemId("1")], categoryId: RENT }, bench.clock.now);
    bench.budget.faults.push("refuse-all");
    await assert.rejects(pass(bench));
    assert.equal((await bench.item("1")).state, "retry");
    assert.equal((await undo(bench.store, act, bench.clock.now)).undone, 1);
    assert.equal((await bench.item("1")).state, "review");
  });

  it("keeps the decision for a payment that is on its way once more", async () => {
    await decide(bench.store, { ids: [itemId("1")], categoryId: RENT }, bench.clock.now);
    const item = await bench.item("1");
    await bench.store.collection(queue).upsertMany([{ ...item, state: "skipped", skipReason: "not-mapped" }]);
    await requeue(bench.store, { ids: [itemId("1")] }, { now: bench.clock.now });
    assert.equal((await bench.item("1")).state, "new");
    assert.deepEqual(await takeUp(bench.store, BUDGET, bench.clock.now), {
      completed: 0,
      decided: 1,
      ruled: 0,
    });
    assert.deepEqual(told(await bench.item("1")), chosen("rent", RENT));
  });

  it("hands the decision on to the payment that a pending one was booked as", async () => {
    bench.mapping = [{ ...MAPPING[0]!, rules: { pending: "write" } }, MAPPING[1]!];
    await bench.match();
    await waiting(bench, [at("HOTEL", "31", { status: "pending" })]);
    assert.equal((await bench.item("31")).state, "review");
    const { act } = await decide(bench.store, { ids: [itemId("31")], categoryId: FUN }, bench.clock.now);
    await bench.arrive(at("HOTEL", "32", { settles: "bank:31" }));
    await classify(bench);
    assert.deepEqual(told(await bench.item("32")), chosen("fun", FUN));
    await undo(bench.store, act, bench.clock.now);
    assert.equal((await bench.item("32")).state, "review", "and is undone with it");
  });

  it("asks again when the chosen category goes away before it is written", async () => {
    await decide(bench.store, { ids: [itemId("1")], categoryId: RENT }, bench.clock.now);
    bench.budget.categoryList = bench.budget.categoryList.filter(({ id }) => id !== RENT);
    await bench.store.collection(categories).updateMany([{ id: RENT, expected: {}, set: { deleted: true } }]);
    await pass(bench);
    await classify(bench);
    const item = await bench.item("1");
    assert.deepEqual([item.state, item.decision], ["review", undefined]);
    const result = await decide(bench.store, { ids: [itemId("1")], categoryId: FUN }, bench.clock.now);
    assert.equal(result.decided, 1);
    assert.equal((await decisionOf(bench, "1"))!.categoryId, FUN);
  });

  it("goes before a model that is sure at the same moment", async () => {
    // The decision is stored, and before the item moves the model has moved it.
    const crashing = crashingStore(bench.store, 1, "after");
    await assert.rejects(decide(crashing, { ids: [itemId("1")], categoryId: RENT }, bench.clock.now));
    const item = await bench.item("1");
    await bench.store
      .collection(queue)
      .upsertMany([
        { ...item, state: "classified", categoryId: FOOD, confidence: 0.96, reason: "Most likely." },
      ]);
    assert.equal((await takeUp(bench.store, BUDGET, bench.clock.now)).completed, 1);
    assert.deepEqual(told(await bench.item("1")), chosen("rent", RENT));
  });

  it("takes payments without any name one by one", async () => {
    const blank = { counterparty: {}, description: "" };
    await waiting(bench, [payment("21", blank), payment("22", blank)]);
    const result = await decide(
      bench.store,
      { ids: [itemId("21")], categoryId: FUN, applyToSimilar: true },
      bench.clock.now,
    );
    assert.equal(result.decided, 1);
    await assert.rejects(decide(bench.store, { ids: [itemId("22")], categoryId: FUN, makeRule: true }), {
      code: "CONFIG_INVALID",
      message: /no name for this payment/,
    });
  });
});
