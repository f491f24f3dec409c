import assert from "node:assert/strict";
import type { ReviewResult } from "../../nodes/review/act";
import { pressedIn } from "../../nodes/review/pressed";
import type { Lease, OpenStore, StoreNode } from "../../nodes/runtime";
import classifyType = require("../../nodes/classify/index");
import reviewType = require("../../nodes/review/index");
import storeType = require("../../nodes/store/index");
import type { Message } from "../../lib/review";
import { queue } from "../../lib/store";
import { queueId } from "../../lib/values";
import type { MemoryBudget } from "../support/memory-budget";
import { Bench } from "../queue/bench";
import { at, BUDGET, FOOD, itemId, RENT, waiting } from "../review/bench";
import { arrival, ask, load, memoryBudgetType, node, runtime } from "./support";

describe("tally-review", () => {
  runtime();
  let budget: MemoryBudget | undefined;
  let held: Lease<OpenStore> | undefined;
  afterEach(async () => {
    await held?.release();
    held = undefined;
  });

  async function deployed(rows = ["1", "2"].map((id) => at("ALBERT HEIJN", id))): Promise<Bench> {
    const settings = () => ({ accounts: [], targetPrecision: 0.95, policy: "review" });
    await load({
      types: [storeType, reviewType, classifyType, memoryBudgetType(() => budget!, settings)],
      nodes: [
        { id: "store", type: "tally-store" },
        { id: "budget", type: "tally-budget" },
        { id: "review", type: "tally-review", store: "store", wires: [["out"], ["phone"]] },
        { id: "lonely", type: "tally-review", store: "store", action: "announce", wires: [[], ["phone"]] },
        { id: "classify", type: "tally-classify", store: "store", budget: "budget", wires: [["out"]] },
        { id: "out", type: "helper" },
        { id: "phone", type: "helper" },
        { id: "catcher", type: "catch", scope: ["review"], wires: [["caught"]] },
        { id: "caught", type: "helper" },
      ],
    });
    held = await (node("store") as unknown as StoreNode).lease();
    const bench = await Bench.open(held.value.store);
    budget = bench.budget;
    await waiting(bench, rows);
    return bench;
  }

  const act = async (options: object, payload?: unknown) => {
    const { payload: result } = await ask("review", "out", { payload, tally: { options } });
    return result as ReviewResult & { rows: Record<string, unknown>[]; text: string; act: string };
  };
  const runs = async () => (await held!.value.ledger.list({ limit: 10 })).items;

  it("lists, decides for similar ones with a rule, tells what was decided, and takes it back", async () => {
    const bench = await deployed();
    const { rows, counts } = await act({ action: "list" });
    assert.deepEqual(counts, { left: 2 });
    assert.deepEqual([rows[0]!["name"], rows[0]!["items"]], ["Albert Heijn", 2]);
    const members = await act({ action: "payments", group: rows[0]!["key"], limit: 1 });
    assert.deepEqual([members.rows.length, members.counts], [1, { left: 2 }]);

    const ids = [itemId("1")];
    const done = await act({
      action: "correct",
      ids,
      categoryId: RENT,
      applyToSimilar: true,
      makeRule: true,
    });
    assert.deepEqual(done.counts, { decided: 2, already: 0, refused: 0 });
    assert.match(done.text, /^2 payments: rent\. .* The rule is kept\.$/);
    assert.equal((await bench.item("2")).categoryId, RENT);
    const other = await act({ action: "accept", ids, categoryId: FOOD });
    assert.deepEqual(other.counts, { decided: 0, already: 1, refused: 0 });
    const kept = await act({ action: "rules" });
    assert.deepEqual(
      kept.rows.map(({ text, category, problem }) => [text, category, problem]),
      [['counterparty is "albert heijn", money out', "rent", null]],
    );
    const recent = await act({ action: "decided" });
    assert.deepEqual([recent.rows[0]!["act"], recent.rows[0]!["open"]], [done.act, 2]);
    const back = await act({ action: "undo" });
    assert.deepEqual([back.act, back.counts], [done.act, { undone: 2, refused: 0 }]);
    assert.deepEqual((await act({ action: "rules" })).rows, []);
    assert.equal((await act({ action: "skip", ids })).text.slice(0, 24), "1 payment: no category. ");
    assert.deepEqual(await runs(), [], "a click is no run");
  });

  it("suggests by what was decided up to now, and accepts what was seen", async () => {
    const bench = await deployed();
    // As payments wait before there is any model.
    for (const { paymentId } of await bench.items())
      await bench.store
        .collection(queue)
        .updateMany([{ id: queueId(paymentId, BUDGET), expected: {}, set: { modelVersion: "none" } }]);
    await bench.arrive(at("ALBERT HEIJN", "3"));
    await ask("classify", "out", {});
    const best = async () => {
      const { rows } = await act({ action: "list" });
      const { top } = rows[0]!["newest"] as { top: { categoryId: string; category: string }[] };
      return top[0]?.categoryId;
    };
    await act({ action: "correct", ids: [itemId("1")], categoryId: FOOD });
    const seen = await best();
    await act({ action: "correct", ids: [itemId("2")], categoryId: RENT });
    assert.deepEqual([seen, await best()], [FOOD, RENT]);
    const { text } = await act({ action: "accept", ids: [itemId("3")], categoryId: seen });
    assert.match(text, /^1 payment: food\./);
    assert.equal((await bench.item("3")).categoryId, FOOD);
  });

  it("keeps rules: made, changed, moved, deleted", async () => {
    await deployed();
    const one = await act({ action: "save-rule", categoryId: FOOD, rule: { contains: "jumbo" } });
    await act({ action: "save-rule", categoryId: FOOD, rule: { contains: "lidl", name: "Discount" } });
    const { id: ruleId } = one["rule"] as { id: string };
    const moved = await act({ action: "move-rule", ruleId, place: 2 });
    assert.deepEqual(
      moved.rows.map(({ contains }) => contains),
      ["lidl", "jumbo"],
    );
    const changed = await act({ action: "save-rule", ruleId, categoryId: RENT, rule: { contains: "aldi" } });
    assert.deepEqual(changed.rows.map(({ contains, category }) => [contains, category])[1], ["aldi", "rent"]);
    const left = await act({ action: "delete-rule", ruleId });
    assert.deepEqual([left["deleted"], left.counts], [true, { rules: 1, unusable: 0 }]);
  });

  it("gives a message for each group on its second output, and takes the pressed button back", async () => {
    const bench = await deployed();
    const onPhone = arrival("phone");
    const result = await act({ action: "announce" });
    assert.deepEqual(result.counts, { announced: 1 });
    const message = await onPhone;
    const { title, actions } = message.payload as Message;
    assert.match(title, /^Albert Heijn: -20\.00 EUR \(2 payments\)$/);
    assert.equal(message["topic"], "review");
    const button = actions.find((one) => one.title === "rent")!;
    // As Home Assistant brings it back.
    const pressed = await act({ action: "press" }, { event: { action: button.id } });
    assert.deepEqual(pressed.counts, { decided: 2, already: 0, refused: 0 });
    assert.equal((await bench.item("1")).categoryId, RENT);
    assert.equal((await act({ action: "press" }, "SNOOZE"))["ours"], false);
  });

  it("ends its run when nothing but messages follow", async () => {
    await deployed();
    const message = await ask("lonely", "phone", {});
    assert.ok(message.tally!["runId"]);
    for (let tries = 0; tries < 100 && (await runs())[0]!.state !== "Completed"; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal((await runs())[0]!.state, "Completed");
  });

  it("finds the pressed button wherever services put it", () => {
    const id = "tf.x.0";
    for (const payload of [
      id,
      ` ${id}\n`,
      Buffer.from(id),
      { event: { action: id } },
      { content: id },
      { callback_query: { data: id } },
      { action: id },
      { data: id },
    ])
      assert.equal(pressedIn(payload), id, JSON.stringify(payload));
    for (const payload of [undefined, null, "", 7, {}, { event: null }, { action: 1 }])
      assert.equal(pressedIn(payload), undefined);
  });

  it("classify takes up what was decided and left by a crash, and what rules say", async () => {
    const bench = await deployed();
    await act({ action: "correct", ids: [itemId("1")], categoryId: RENT });
    const item = await bench.item("1");
    await bench.store.collection(queue).upsertMany([{ ...item, state: "new", decision: undefined } as never]);
    await act({ action: "save-rule", categoryId: FOOD, rule: { contains: "heijn" } });
    const { payload } = await ask("classify", "out", {});
    assert.equal((payload as ReviewResult).counts["decided"], 1);
    assert.deepEqual([(await bench.item("1")).categoryId, (await bench.item("2")).categoryId], [RENT, FOOD]);
  });

  it("says what is missing or wrong", async () => {
    await deployed();
    for (const [options, code] of [
      [{ action: "payments" }, "CONFIG_INVALID"],
      [{ action: "accept" }, "CONFIG_INVALID"],
      [{ action: "accept", ids: [itemId("1")] }, "CONFIG_INVALID"],
      [{ action: "correct", ids: [itemId("1")] }, "CONFIG_INVALID"],
      [{ action: "correct", ids: [itemId("1")], categoryId: "none" }, "CATEGORY_GONE"],
      [{ action: "correct", ids: ["none"], categoryId: FOOD }, "NOT_FOUND"],
      [{ action: "undo" }, "NOT_FOUND"],
      [{ action: "undo", act: "act:none" }, "NOT_FOUND"],
      [{ action: "save-rule", rule: { contains: "x" } }, "CONFIG_INVALID"],
      [{ action: "move-rule", ruleId: "none", place: 1 }, "NOT_FOUND"],
      [{ action: "press" }, "CONFIG_INVALID"],
      [{ action: "press", pressed: "tf.none.0" }, "TOKEN_INVALID"],
      [{ action: "burn" }, "CONFIG_INVALID"],
    ] as const) {
      const caught = arrival("caught");
      node("review").receive({ tally: { options } } as never);
      assert.equal((await caught).error?.code, code, JSON.stringify(options));
    }
  });
});
