import assert from "node:assert/strict";
import { payeeNamer } from "../../lib/queue";
import { payments, type Payment } from "../../lib/store";
import { payment } from "../support/context";
import { Bench } from "./bench";

describe("payees and memos", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  const written = async (given: Partial<Payment>, options = {}) => {
    await bench.extract([payment("1", given)]);
    await bench.pass({ explain: false, ...options });
    const { payeeName, memo, amount } = bench.budget.rows[0]!;
    return [payeeName, memo, amount];
  };
  const CAFE = { counterparty: { name: "CCV*CAFE DE ZWAAN 448211" }, description: "card 31" };

  it("are written clean, with the bank's text kept in the memo", async () => {
    assert.deepEqual(await written(CAFE), ["Cafe De Zwaan", "CCV*CAFE DE ZWAAN 448211 · card 31", -1000]);
  });

  it("are written as the bank gives them where that is wanted", async () => {
    assert.deepEqual(await written(CAFE, { cleanPayees: false }), [
      "CCV*CAFE DE ZWAAN 448211",
      "card 31",
      -1000,
    ]);
  });

  it("get the names that a person gives, by text or by pattern", async () => {
    const payees = [
      { match: "nothing", name: "x" },
      { match: "/cafe de (\\w+)/", name: "Café $1" },
    ];
    assert.deepEqual((await written(CAFE, { payees }))[0], "Café ZWAAN");
    const named = payeeNamer([{ match: "card 31", name: "Kim" }]);
    assert.equal(named("", "paid with CARD 31"), "Kim");
    assert.equal(payeeNamer([{ match: "/(x)?card/", name: "$1" }])("", "card"), undefined, "never blank");
  });

  it("cannot be given by a line that is empty, or whose pattern is none", () => {
    for (const line of [
      { match: " ", name: "x" },
      { match: "x", name: "" },
      { match: "/(/", name: "x" },
      { match: `/${"x".repeat(201)}/`, name: "x" },
    ])
      assert.throws(() => payeeNamer([line]), { code: "CONFIG_INVALID" });
  });

  it("show what was paid in a foreign currency, exactly, where that is wanted", async () => {
    const original = { amount: -123456, currency: "JPY" };
    assert.deepEqual((await written({ original }))[1], "-123456 JPY · Card payment 1");
    await bench.reset();
    assert.deepEqual((await written({ original }, { foreign: false }))[1], "Card payment 1");
    const [stored] = await bench.store.collection(payments).getMany(["bank:1"]);
    assert.deepEqual(stored?.original, original);
  });
});
