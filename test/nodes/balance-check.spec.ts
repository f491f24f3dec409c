import assert from "node:assert/strict";
import type { BalanceCheckResult } from "../../lib/balance";
import bankType = require("../../nodes/bank/index");
import budgetType = require("../../nodes/budget/index");
import storeType = require("../../nodes/store/index");
import bankExtractType = require("../../nodes/bank-extract/index");
import budgetExtractType = require("../../nodes/budget-extract/index");
import matchType = require("../../nodes/match/index");
import checkType = require("../../nodes/balance-check/index");
import { startSimulators, type Simulators } from "../../simulators";
import { arrival, ask, load, node, runtime } from "./support";

const SMALL = { from: "2025-01-01", until: "2025-06-30", scale: 0.2 };

describe("tally-balance-check", function () {
  this.timeout(60_000);
  runtime();
  let twins: Simulators;
  before(async () => {
    twins = await startSimulators({ household: SMALL, limits: false });
  });
  after(() => twins.stop());

  const flow = () => {
    const step = (id: string, type: string, more: object) => ({
      id,
      type,
      store: "store",
      budget: "book",
      ...more,
    });
    return load({
      types: [storeType, bankType, budgetType, bankExtractType, budgetExtractType, matchType, checkType],
      nodes: [
        { id: "store", type: "tally-store" },
        { id: "house", type: "tally-bank", url: twins.bunq.url },
        {
          id: "book",
          type: "tally-budget",
          url: twins.ynab.url,
          plan: twins.ynab.planId,
          accounts: twins.accounts,
        },
        step("start", "tally-bank-extract", { bank: "house", wires: [["read"]] }),
        step("read", "tally-budget-extract", { wires: [["pair"]] }),
        step("pair", "tally-match", { wires: [["check"]] }),
        step("check", "tally-balance-check", { wires: [["out"]] }),
        { id: "out", type: "helper" },
        { id: "catcher", type: "catch", scope: ["check"], wires: [["caught"]] },
        { id: "caught", type: "helper" },
      ],
      credentials: { house: { apiKey: twins.bunq.apiKey }, book: { token: twins.ynab.token } },
    });
  };
  const check = async () => (await ask("start", "out", {})).payload as unknown as BalanceCheckResult;

  it("finds what a person entered that no bank knows, and nothing else", async () => {
    await flow();
    const first = await check();
    assert.equal(first.accounts.length, 3);
    assert.equal(first.counts["unknown"], 0);
    const onlyInBudget = (name: string) =>
      first.accounts.find((account) => account.name === name)!.difference?.onlyInBudget ?? [];

    // A transaction in an account that agrees, on a day of its own.
    const account = first.accounts.find(({ state }) => state === "equal");
    assert.ok(account, "an account of the household agrees");
    const answer = await fetch(`${twins.ynab.url}/plans/${twins.ynab.planId}/transactions`, {
      method: "POST",
      headers: { authorization: `Bearer ${twins.ynab.token}`, "content-type": "application/json" },
      body: JSON.stringify({
        transaction: {
          account_id: account.budgetAccountId.replace(/^ynab:/, ""),
          date: "2025-03-15",
          amount: -12_340,
          payee_name: "Nobody",
        },
      }),
    });
    assert.equal(answer.status, 201, await answer.text());
    const second = await check();
    const found = second.accounts.find(({ name }) => name === account.name)!;
    assert.equal(found.state, "different");
    assert.equal(found.difference?.amount, 1_234);
    assert.equal(found.difference.date, "2025-03-15");
    assert.deepEqual(
      found.difference.onlyInBudget.map(({ amount, text }) => [amount, text]),
      [[-1_234, "Nobody"]],
    );
    assert.match(found.message, /part on 2025-03-15\. Only in the budget: -12\.34 EUR Nobody/);
    assert.deepEqual(onlyInBudget(account.name), []);
  });

  it("says that the budget has to be extracted first", async () => {
    await flow();
    const caught = arrival("caught");
    node("check").receive({} as never);
    assert.equal((await caught).error?.code, "NOT_FOUND");
  });
});
