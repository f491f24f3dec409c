import assert from "node:assert/strict";
import { accountOf, paymentsOf } from "../../lib/bank/bunq/mapping";
import { codeOf } from "./bunq-harness";

describe("bunq: mapping", () => {
  const context = { source: "bunq", timeZone: "Europe/Amsterdam", now: () => "2025-01-01T00:00:00.000Z" };
  const account = accountOf(
    { MonetaryAccountBank: { id: 7, currency: "EUR", balance: null, alias: null } },
    context,
  )!;
  const map = (...rows: unknown[]) =>
    paymentsOf({ Response: rows.map((Payment) => ({ Payment })) }, account, context);
  const plain = {
    id: 1,
    created: "2025-03-29 23:30:00.123456",
    amount: { value: "-12.50", currency: "EUR" },
  };

  it("takes nulls for what bunq has nothing to say on", async () => {
    const { payments, errors } = await map({
      ...plain,
      description: null,
      type: null,
      counterparty_alias: { iban: null, display_name: null },
      balance_after_mutation: null,
      merchant_reference: null,
    });
    assert.deepEqual(errors, []);
    const { raw: _, fetchedAt: __, ...payment } = payments[0]!;
    assert.deepEqual(payment, {
      id: "bunq:1",
      source: "bunq",
      accountId: "bunq:7",
      status: "booked",
      date: "2025-03-30",
      instant: "2025-03-29T23:30:00.123Z",
      amount: -1250,
      currency: "EUR",
      description: "",
    });
  });

  it("keeps good rows beside bad ones, and names the bad", async () => {
    const { payments, errors, rows } = await map(
      plain,
      { ...plain, id: 2, amount: { value: "twelve", currency: "EUR" } },
      { ...plain, id: 3, created: "yesterday" },
      { ...plain, id: "x" },
      null,
      { ...plain, id: 4, amount: { value: "1.001", currency: "EUR" } },
      { ...plain, id: 5, amount: { value: "1000", currency: "JPY" } },
    );
    assert.deepEqual(
      payments.map(({ id, amount }) => [id, amount]),
      [
        ["bunq:1", -1250],
        ["bunq:5", 1000],
      ],
    );
    assert.deepEqual(
      errors.map(({ reason }) => /Payment (\d)|without an id/.exec(reason)?.[0]),
      ["Payment 2", "Payment 3", "without an id", "without an id", "Payment 4"],
    );
    assert.deepEqual(
      rows.map(({ id }) => id),
      [1, 2, 3, 4, 5],
    );
  });

  it("knows kinds of account, and passes over those without payments", () => {
    const typeOf = (kind: string) => accountOf({ [kind]: { id: 1, currency: "EUR" } }, context)?.type;
    assert.equal(typeOf("MonetaryAccountJoint"), "current");
    assert.equal(typeOf("MonetaryAccountSavings"), "savings");
    assert.equal(typeOf("MonetaryAccountCard"), "credit");
    assert.equal(typeOf("MonetaryAccountExternal"), undefined);
    const closed = accountOf(
      { MonetaryAccountBank: { id: 1, currency: "EUR", status: "CANCELLED" } },
      context,
    );
    assert.equal(closed?.closed, true);
    assert.throws(() => accountOf({ MonetaryAccountBank: { id: 1 } }, context), codeOf("PROVIDER_MALFORMED"));
  });
});
