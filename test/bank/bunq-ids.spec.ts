import assert from "node:assert/strict";
import { bankExtract, bankExtractHinted, type BankProvider } from "../../lib/bank";
import { payments, queue, type BankAccount } from "../../lib/store";
import { makeId } from "../../lib/values";
import type { BunqTwin } from "../../simulators/bunq";
import { stepContext } from "../support/context";
import { accountNamed, bunqHarness } from "./bunq-harness";

/** A bank that gives a payment another id later: the queue gets it once, and equal payments stay as many as they are. */
describe("bunq: payments that come again under another id", () => {
  const harness = bunqHarness();
  const BUDGET = "ynab:plan";
  let twin: BunqTwin;
  let provider: BankProvider;
  let account: BankAccount;

  const extract = () => bankExtract(stepContext(harness.store), provider, { budgetIds: [BUDGET] });
  const hinted = (id: number) =>
    bankExtractHinted(
      stepContext(harness.store),
      provider,
      [{ accountId: account.id, paymentId: makeId("bunq", id) }],
      { budgetIds: [BUDGET] },
    );
  /** Payments of this name in the store, and how many of them are queued. */
  async function named(name: string): Promise<[stored: number, queued: number]> {
    const ids: string[] = [];
    for await (const row of harness.store.collection(payments).scan({ index: "id" }))
      if (row.counterparty?.name === name) ids.push(row.id);
    const items = await harness.store.collection(queue).getMany(ids.map((id) => `${id}|${BUDGET}`));
    return [ids.length, items.length];
  }
  const pay = (instant: string) =>
    twin.control.addPayment({ account: "current", amount: -1995, name: "Twice", instant });

  beforeEach(async () => {
    twin = await harness.start();
    provider = harness.connect(twin);
    account = await accountNamed(provider, "Everyday");
    await extract();
  });

  it("is one payment, read again or hinted at", async () => {
    const id = pay("2025-06-29T10:00:00.000Z");
    await extract();
    const next = twin.control.rotateId(id);
    await extract();
    assert.deepEqual(await named("Twice"), [1, 1]);
    const last = twin.control.rotateId(next);
    await hinted(last);
    await extract();
    assert.deepEqual(await named("Twice"), [1, 1]);
  });

  it("leaves two equal payments of one day two, also when only the second is hinted at", async () => {
    pay("2025-06-29T10:00:00.000Z");
    await extract();
    await hinted(pay("2025-06-29T10:00:01.000Z"));
    assert.deepEqual(await named("Twice"), [2, 2]);
    await extract();
    assert.deepEqual(await named("Twice"), [2, 2]);
  });
});
