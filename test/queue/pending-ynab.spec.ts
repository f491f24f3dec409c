import assert from "node:assert/strict";
import { bankExtract, type BankProvider } from "../../lib/bank";
import { budgetExtract, type YnabProvider } from "../../lib/budget";
import { classifyStep } from "../../lib/learning";
import { matchStep } from "../../lib/matching";
import { queueSync, undoBatch, withRules } from "../../lib/queue";
import type { Payment, Store } from "../../lib/store";
import type { YnabTwin } from "../../simulators/ynab";
import { ACCOUNTS, memoryStore, payment, stepContext, TestClock } from "../support/context";
import { NOW, openOn, startTwin } from "../support/ynab";

/** All steps of the main job, from what the bank shows to what stands in YNAB. */
describe("pending payments on YNAB", () => {
  let twin: YnabTwin;
  let provider: YnabProvider;
  let store: Store;
  let clock: TestClock;
  const date = "2025-07-08";

  beforeEach(async () => {
    twin = await startTwin();
    provider = openOn(twin);
    store = await memoryStore();
    clock = new TestClock(NOW);
  });
  afterEach(async () => {
    await store.close();
    await twin.stop();
  });

  async function see(...rows: Payment[]) {
    const context = stepContext(store, clock);
    const { budgetId } = provider;
    const bank: BankProvider = {
      kind: "bank",
      source: "bank",
      calls: 0,
      listsPending: true,
      accounts: async () => structuredClone(ACCOUNTS),
      async *payments({ id }) {
        yield { payments: rows.filter(({ accountId }) => accountId === id), errors: [], cursor: null };
      },
      close: async () => {},
    };
    const mapping = withRules(
      [
        { bank: "bank:1", budget: twin.accountIds["current"]! },
        { bank: "bank:2", budget: twin.accountIds["savings"]! },
      ],
      [{ bank: "bank:1", setting: "pending", value: "write" }],
    );
    await bankExtract(context, bank, { budgetIds: [budgetId] });
    await budgetExtract(context, provider);
    await matchStep(context, { budgetId, mapping });
    const rules = [
      { id: "all", categoryId: `ynab:${twin.categoryIds["groceries"]}`, direction: "out" as const },
    ];
    await classifyStep(context, { budgetId, policy: "uncategorised", rules });
    const result = await queueSync(context, provider, { worker: "here", mapping });
    clock.advance(60_000);
    return result;
  }
  const standing = () => twin.control.all().filter((row) => row.importId?.startsWith("TF1:"));
  const shape = () => standing().map((row) => [row.date, row.amount, row.cleared]);
  const waiting = (id: string, parts: Partial<Payment> = {}) =>
    payment(id, { date, status: "pending", ...parts });

  it("are one row each from the authorisation to the booking, with what a person gave it", async () => {
    const name = { counterparty: { name: "Hotel Zon" }, description: "Hotel Zon" };
    await see();
    await see(waiting("1"), waiting("open", { ...name, amount: -12000 }));
    assert.deepEqual(shape().sort(), [
      [date, -10000, "uncleared"],
      [date, -120000, "uncleared"],
    ]);
    const hotel = standing().find((row) => row.amount === -120000)!;
    await provider.update([{ id: `ynab:${hotel.id}`, memo: "mine", approved: true }]);
    const booked = [
      payment("1", { date: "2025-07-09" }),
      payment("hotel", { ...name, date: "2025-07-10", amount: -10150 }),
    ];
    const { batchIds } = await see(...booked);
    for (let n = 0; n < 2; n++) await see(...booked);
    assert.deepEqual(shape().sort(), [
      ["2025-07-09", -10000, "cleared"],
      ["2025-07-10", -101500, "cleared"],
    ]);
    const after = standing().find((row) => row.id === hotel.id)!;
    assert.deepEqual([after.memo, after.approved, after.amount], ["mine", true, -101500]);

    const undone = await undoBatch(store, provider, batchIds[0]!, { now: clock.now });
    assert.equal(undone.undone.length, 1, "what nobody touched");
    assert.match(undone.refused[0]!.message, /memo/);
  });
});
