import assert from "node:assert/strict";
import fc from "fast-check";
import { announce, decide, press, undo } from "../../lib/review";
import { exportLines, allCollections, notices } from "../../lib/store";
import type { Bench } from "../queue/bench";
import { at, BUDGET, FOOD, itemId, openBench, RENT, waiting } from "./bench";

const AH = "ALBERT HEIJN";

describe("review: messages with buttons", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await openBench();
    await waiting(bench, [at(AH, "1"), at(AH, "2"), at("SHELL STATION", "3")]);
  });
  afterEach(() => bench.store.close());
  const told = (most?: number) => announce(bench.store, { budgetId: BUDGET, most }, bench.clock.now);
  const pressed = (id: string) => press(bench.store, id, bench.clock.now);

  it("tell once of what has come to wait, similar payments in one, with a button for each suggestion", async () => {
    const messages = await told();
    const [groceries] = messages.filter(({ title }) => title.startsWith("Albert Heijn"));
    assert.equal(messages.length, 2);
    assert.equal(groceries!.title, "Albert Heijn: -20.00 EUR (2 payments)");
    assert.match(groceries!.text, /^2026-02-10 to 2026-02-10\. Card \d Perhaps food \(60 %\)\.$/);
    assert.deepEqual(
      groceries!.actions.map(({ title }) => title),
      ["food", "rent", "No category"],
    );
    for (const { id } of groceries!.actions)
      assert.ok(Buffer.byteLength(id) <= 64, "Telegram takes 64 bytes");
    assert.deepEqual(await told(), []);
    await waiting(bench, [at(AH, "4")]);
    assert.deepEqual(
      (await told()).map(({ title }) => title),
      ["Albert Heijn: -10.00 EUR"],
    );
  });

  it("tell of many in few messages, and of the rest in one", async () => {
    await waiting(
      bench,
      ["11", "12", "13"].map((id) => at(`SHOP ${"ABC"[Number(id) - 11]}`, id)),
    );
    const messages = await told(2);
    assert.equal(messages.length, 3);
    assert.match(messages[2]!.title, /^\d more|payments? more to review$/);
    assert.deepEqual(messages[2]!.actions, []);
    assert.deepEqual(await told(2), []);
  });

  it("decide when pressed; pressed again, or another button, says what was decided", async () => {
    const [message] = (await told()).filter(({ title }) => title.startsWith("Albert"));
    const rent = message!.actions.find(({ title }) => title === "rent")!;
    const first = await pressed(rent.id);
    assert.deepEqual([first.ours, first.decided, first.category], [true, 2, "rent"]);
    for (const id of ["1", "2"]) assert.equal((await bench.item(id)).categoryId, RENT);
    const again = await pressed(rent.id);
    assert.deepEqual([again.decided, again.alreadyTotal], [2, 0]);
    const other = await pressed(message!.actions[0]!.id);
    assert.deepEqual([other.decided, other.alreadyTotal], [0, 2]);
    assert.match(other.text, /decided already: rent/);
    assert.equal((await bench.item("1")).categoryId, RENT);
    await undo(bench.store, first.act!, bench.clock.now);
    assert.equal((await pressed(message!.actions[0]!.id)).decided, 2, "after undo it waits again");
    assert.equal((await bench.item("1")).categoryId, FOOD);
  });

  it("press says plainly that somebody decided on the dashboard meanwhile", async () => {
    const [message] = (await told()).filter(({ title }) => title.startsWith("Shell"));
    await decide(bench.store, { ids: [itemId("3")], categoryId: null }, bench.clock.now);
    assert.match(
      (await pressed(message!.actions[0]!.id)).text,
      /1 payment had been decided already: no category/,
    );
  });

  it("mean what they said, whatever is suggested by now", async () => {
    const [message] = (await told()).filter(({ title }) => title.startsWith("Shell"));
    await bench.store.collection(notices).count({ index: "id" });
    const none = message!.actions.at(-1)!;
    assert.equal(none.title, "No category");
    const result = await pressed(none.id);
    assert.deepEqual([result.decided, result.categoryId], [1, null]);
  });

  it("refuse a button that is made up, altered, of a number that is not there, or too old", async () => {
    const [message] = await told();
    const { id } = message!.actions[0]!;
    const other = id.slice(0, 5) + (id[5] === "A" ? "B" : "A") + id.slice(6);
    for (const bad of [other, id.replace(/\d$/, "9"), "tf.", `${id}0`, `tf.${"A".repeat(22)}.0`, "tf.x.0"])
      await assert.rejects(pressed(bad), { code: "TOKEN_INVALID" }, bad);
    bench.clock.advance(8 * 86_400_000);
    await assert.rejects(pressed(id), { code: "TOKEN_INVALID", message: /too old/ });
    await waiting(bench, [at(AH, "9")]);
    await told();
    const kept = await bench.store.collection(notices).count({ index: "id" });
    assert.equal(kept, 1, "what is too old is forgotten");
    assert.deepEqual(await pressed("SNOOZE"), { ours: false, text: "This is not a button of Tallyflow." });
  });

  it("cannot be made from what the store holds", async () => {
    const [message] = await told();
    const token = message!.actions[0]!.id.slice(3, 25);
    let text = "";
    for await (const line of exportLines(bench.store, allCollections())) text += line;
    assert.ok(text.includes('"notices"'));
    assert.ok(!text.includes(token));
  });

  it("refuse any text that is no button of theirs", async () => {
    await told();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string().map((end) => `tf.${end}`),
        ),
        async (text) => {
          const outcome = await pressed(text).catch((error: { code: string }) => error.code);
          assert.ok(outcome === "TOKEN_INVALID" || (outcome as { ours: boolean }).ours === false);
        },
      ),
      { numRuns: 200 },
    );
  });
});
