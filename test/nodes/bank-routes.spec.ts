import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { MAX_UPLOAD_BYTES } from "../../nodes/bank/routes";
import bankType = require("../../nodes/bank/index");
import budgetType = require("../../nodes/budget/index");
import storeType = require("../../nodes/store/index");
import { startSimulators } from "../../simulators";
import { load, runtime, withAdmin } from "./support";

const OWN = "NL91ABNA0417164300";

describe("routes of the bank's and the budget's form", function () {
  this.timeout(60_000);
  const { dir } = runtime();
  const flow = () =>
    load({
      types: [storeType, bankType],
      nodes: [
        { id: "store", type: "tally-store" },
        { id: "bank", type: "tally-bank", provider: "files", account: OWN, currency: "EUR" },
        { id: "other", type: "tally-bank", provider: "bunq" },
      ],
    });
  const upload = async (
    id: string,
    name: string,
    body: string | Buffer,
    type = "application/octet-stream",
  ) => {
    const answer = await fetch(`${url}/tallyflow/bank/${id}/statements?name=${encodeURIComponent(name)}`, {
      method: "POST",
      headers: { "content-type": type },
      body: new Uint8Array(Buffer.from(body)),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  let url = "";
  const served = (work: () => Promise<void>) => () =>
    withAdmin((at) => {
      url = at;
      return work();
    });
  const folder = () => path.join(dir(), "tallyflow/statements");
  const good = "Date;Amount;Name\n2024-01-02;-3,50;A\n";

  it(
    "take a statement under a name that stays in the folder",
    served(async () => {
      await flow();
      const { status, body } = await upload("bank", "../../../flows.json", good);
      assert.equal(status, 200, JSON.stringify(body));
      assert.deepEqual([body["name"], body["payments"], body["known"]], ["flows.json", 1, false]);
      assert.deepEqual(readdirSync(folder()), ["flows.json"]);
      assert.equal((await upload("bank", "flows.json", good)).body["known"], true);
    }),
  );

  it(
    "refuse what is empty, too large, unreadable, sent as another type, or for another bank",
    served(async () => {
      await flow();
      for (const [status, answer] of [
        [422, await upload("bank", "a.csv", "")],
        [422, await upload("bank", "a.csv", Buffer.alloc(MAX_UPLOAD_BYTES + 1, 65))],
        [422, await upload("bank", "a.pdf", "%PDF-1.7")],
        [400, await upload("bank", "a.csv", good, "text/plain")],
        [400, await upload("other", "a.csv", good)],
        [404, await upload("store", "a.csv", good)],
        [404, await upload("gone", "a.csv", good)],
      ] as const) {
        assert.equal(answer.status, status, JSON.stringify(answer.body));
        assert.ok(String(answer.body["message"]).length > 10);
      }
      assert.equal(existsSync(folder()), false);
    }),
  );

  it(
    "propose a CSV mapping, and refuse a body that is none",
    served(async () => {
      await flow();
      const infer = async (body: object) => {
        const answer = await fetch(`${url}/tallyflow/csv/infer`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
        return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
      };
      const { status, body } = await infer({
        content: Buffer.from(good).toString("base64"),
        currency: "EUR",
      });
      assert.equal(status, 200);
      assert.deepEqual(body["payments"], [
        {
          line: 2,
          date: "2024-01-02",
          amount: "-3.50",
          currency: "EUR",
          counterparty: "A",
          description: "A",
        },
      ]);
      assert.equal((await infer({})).status, 400);
      assert.equal((await infer({ text: good, mapping: { date: "Nothing", amount: "Amount" } })).status, 400);
      assert.equal((await infer({ text: "%PDF-1.7" })).status, 422);
    }),
  );

  it(
    "list the accounts and plans behind deployed connections, and say when a node has no such list",
    served(async () => {
      const simulators = await startSimulators({ limits: false });
      try {
        await load({
          types: [storeType, bankType, budgetType],
          nodes: [
            { id: "store", type: "tally-store" },
            { id: "bank", type: "tally-bank", url: simulators.bunq.url },
            { id: "budget", type: "tally-budget", url: simulators.ynab.url, plan: simulators.ynab.planId },
          ],
          credentials: { bank: { apiKey: simulators.bunq.apiKey }, budget: { token: simulators.ynab.token } },
        });
        const list = async (id: string, name: string) => {
          const answer = await fetch(`${url}/tallyflow/list/${id}/${name}`);
          const body = (await answer.json()) as { items?: { value: string; also?: string[] }[] };
          return { status: answer.status, items: body.items ?? [] };
        };
        const values = async (id: string, name: string) =>
          (await list(id, name)).items.flatMap(({ value, also }) => [value, ...(also ?? [])]);
        const banks = await values("bank", "accounts");
        const budgets = await values("budget", "accounts");
        for (const { bank, budget } of simulators.accounts) {
          assert.ok(banks.includes(bank));
          assert.ok(budgets.includes(budget));
        }
        assert.ok((await values("budget", "plans")).includes(simulators.ynab.planId));
        for (const [id, name] of [
          ["bank", "plans"],
          ["bank", "constructor"],
          ["store", "accounts"],
          ["gone", "accounts"],
        ] as const)
          assert.equal((await list(id, name)).status, 404, `${id} ${name}`);
      } finally {
        await simulators.stop();
      }
    }),
  );
});
