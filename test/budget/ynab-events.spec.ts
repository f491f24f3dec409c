import assert from "node:assert/strict";
import { undoBatch } from "../../lib/queue";
import { labelsOf } from "../../lib/learning";
import { bankAccounts, matches, transactions } from "../../lib/store";
import type { TallyError } from "../../lib/values";
import { YnabPasses } from "../support/ynab-pass";
import { ACCOUNTS, payment } from "../support/context";
import { openOn } from "../support/ynab";

const DAY = 24 * 3_600_000;
const [CURRENT, SAVINGS] = ACCOUNTS.map(({ iban }) => iban!);

/** One event, one transaction: what the queue and YNAB make of it together. */
describe("YNAB: transfers through the transfer payee", () => {
  let passes: YnabPasses;
  beforeEach(async () => {
    passes = await YnabPasses.start();
  });
  afterEach(() => passes.close());

  const out = (date = "2025-07-10") =>
    payment("out", { date, amount: -5000, counterparty: { name: "Me", iban: SAVINGS! } });
  const into = (date = "2025-07-10") =>
    payment("in", {
      accountId: "bank:2",
      date,
      amount: 5000,
      counterparty: { name: "Me", iban: CURRENT! },
    });
  const sides = () => passes.twin.control.all().filter((row) => Math.abs(row.amount) === 50_000);
  const { accountIds } = { accountIds: (key: string) => passes.twin.accountIds[key] };

  function assertOneTransfer(): void {
    const rows = sides();
    assert.deepEqual(
      rows.map((row) => [row.accountId, row.amount]).sort(),
      [
        [accountIds("current"), -50_000],
        [accountIds("savings"), 50_000],
      ].sort(),
    );
    assert.equal(rows[0]!.transferTransactionId, rows[1]!.id);
    assert.ok(rows.every((row) => row.categoryId === null));
  }

  it("makes both sides by one transaction in one call, when both payments are there", async () => {
    await passes.arrive(out(), into());
    assert.equal((await passes.pass()).counts["synced"], 1);
    assert.equal(passes.posts, 1);
    assertOneTransfer();
    const follower = await passes.item("in");
    assert.deepEqual([follower.state, follower.skipReason], ["skipped", "own-transfer"]);
    const bearers = sides().map((row) => row.importId);
    assert.deepEqual(new Set(bearers), new Set([(await passes.item("out")).importId, null]));
  });

  for (const first of ["out", "in"] as const) {
    it(`takes the payment of the other bank, which comes a day later, for the side that stands (${first} first)`, async () => {
      const [lead, follower] = first === "out" ? [out(), into("2025-07-11")] : [into(), out("2025-07-11")];
      await passes.arrive(lead);
      await passes.pass();
      assertOneTransfer();
      await passes.arrive(follower);
      assert.equal((await passes.pass()).counts["synced"], 0);
      assert.equal(passes.posts, 1);
      assertOneTransfer();
      assert.equal((await passes.item(first === "out" ? "in" : "out")).state, "skipped");
    });
  }

  it("writes neither side again when the store was lost", async () => {
    await passes.arrive(out(), into("2025-07-11"), payment("1", { date: "2025-07-10" }));
    await passes.pass();
    await passes.loseStore();
    await passes.arrive(out(), into("2025-07-11"), payment("1", { date: "2025-07-10" }));
    for (let n = 0; n < 2; n++) assert.equal((await passes.pass()).counts["synced"], 0);
    assert.equal(passes.posts, 1);
    assertOneTransfer();
    const states = (await passes.items()).map((item) => item.skipReason ?? item.state).sort();
    assert.deepEqual(states, ["own-transfer", "synced", "synced"]);
  });

  it("finds both sides of a transfer that a person entered", async () => {
    passes.twin.control.addTransaction({
      accountId: accountIds("current")!,
      date: "2025-07-10",
      amount: -50_000,
      transferTo: accountIds("savings")!,
    });
    await passes.arrive(out(), into("2025-07-11"));
    await passes.pass();
    assert.equal(passes.posts, 0);
    assertOneTransfer();
  });

  it("leaves a split alone that has the payment's amount, and takes it for the payment", async () => {
    const id = passes.twin.control.addTransaction({
      accountId: accountIds("current")!,
      date: "2025-07-10",
      amount: -30_000,
      payeeName: "Market",
      parts: [{ amount: -10_000, categoryId: passes.twin.categoryIds["fun"]! }, { amount: -20_000 }],
    });
    const before = passes.twin.control.all().find((row) => row.id === id);
    await passes.arrive(payment("1", { date: "2025-07-10", amount: -3000 }));
    await passes.pass();
    await passes.provider.update([{ id: `ynab:${id}`, categoryId: passes.category("rent"), memo: "x" }]);
    const after = passes.twin.control.all().find((row) => row.id === id);
    assert.deepEqual(after?.parts, before?.parts);
    assert.deepEqual([after?.categoryId, after?.amount, passes.posts], [null, -30_000, 0]);
  });
});

for (const matching of ["one", "both"] as const) {
  describe(`YNAB: imports that it matches with what a person entered, listing ${matching} of them`, () => {
    let passes: YnabPasses;
    beforeEach(async () => {
      passes = await YnabPasses.start({ matching });
    });
    afterEach(() => passes.close());

    /** Entered by hand. */
    const entered = (date: string, approved = true) =>
      passes.twin.control.addTransaction({
        accountId: passes.twin.accountIds["current"]!,
        date,
        amount: -7770,
        payeeName: "Kiosk",
        categoryId: passes.twin.categoryIds["fun"]!,
        approved,
      });
    const bought = (id: string, date: string) => payment(id, { date, amount: -777 });
    /** A pass in which a person enters a transaction after the budget was read: for YNAB alone to match. */
    const passMeanwhile = async (date: string) => {
      await passes.read();
      await passes.classify(passes.category("groceries"));
      const id = entered(date);
      const result = await passes.send();
      passes.clock.advance(1000);
      return { id, ...result };
    };
    const standing = () => passes.twin.control.all().filter((row) => row.amount === -7770);

    it("counts the two once, under the person's transaction", async () => {
      await passes.arrive(bought("1", "2025-07-10"));
      const { id, counts, problems } = await passMeanwhile("2025-07-02");
      assert.deepEqual([counts["synced"], problems], [1, []]);
      assert.equal((await passes.item("1")).transactionId, `ynab:${id}`);
      await passes.pass();
      assert.equal((await passes.store.collection(matches).get(`ynab:${id}`))?.paymentId, "bank:1");
      assert.deepEqual(
        standing().map((row) => row.id),
        [id],
      );
      assert.equal((await passes.pass()).counts["synced"], 0);
      assert.equal(passes.posts, 1);
    });

    it("learns the person's category, and not ours", async () => {
      await passes.arrive(bought("1", "2025-07-10"));
      await passMeanwhile("2025-07-02");
      await passes.pass();
      const labels: [string, string][] = [];
      for await (const { id, label } of labelsOf(passes.store, passes.provider.budgetId))
        labels.push([id, label]);
      assert.deepEqual(labels, [["bank:1", passes.category("fun")]]);
    });

    it("writes the next equal payment all the same", async () => {
      await passes.arrive(bought("1", "2025-07-10"));
      await passMeanwhile("2025-07-02");
      await passes.arrive(bought("2", "2025-07-11"));
      await passes.pass();
      await passes.pass();
      assert.equal(standing().length, 2);
      assert.equal((await passes.item("2")).state, "synced");
    });

    it("does not delete the person's transaction when the batch is undone", async () => {
      await passes.arrive(bought("1", "2025-07-10"));
      const { batchIds } = await passMeanwhile("2025-07-02");
      const { refused } = await undoBatch(passes.store, passes.provider, batchIds[0]!, {
        now: passes.clock.now,
      });
      assert.deepEqual(
        refused.map((one) => one.reason),
        ["changed"],
      );
      assert.match(refused[0]!.message, /match/);
      assert.equal(standing().length, 1);
    });

    for (const [what, date, other] of [
      ["stands for an earlier payment", "2025-07-07", "2025-07-14"],
      ["lies nearer to it than to the payment it stands for", "2025-07-11", "2025-07-12"],
    ] as const) {
      it(`writes a payment whose amount was entered by hand before, where that ${what}`, async () => {
        const id = entered(date);
        await passes.arrive(bought("1", "2025-07-10"));
        await passes.pass();
        assert.equal((await passes.item("1")).skipReason, "already-in-budget");
        await passes.arrive(bought("2", other), bought("3", other));
        const { counts, problems } = await passes.pass();
        assert.deepEqual([counts["synced"], counts["revised"], problems], [2, 2, []]);
        for (let n = 0; n < 2; n++) {
          assert.deepEqual(
            standing().map((row) => [row.date, row.cleared, row.matchedTransactionId ?? null, row.id === id]),
            [
              [date, "uncleared", null, true],
              [other, "cleared", null, false],
              [other, "cleared", null, false],
            ],
          );
          assert.deepEqual((await passes.pass()).problems, []);
        }
        const written = await passes.item("2");
        assert.deepEqual(
          [written.state, written.uncleared, written.wrote?.amount],
          ["synced", undefined, -777],
        );
        assert.equal(passes.posts, 1);
      });
    }

    it("takes back what the run wrote, with what was set apart from the transaction of another payment", async () => {
      const id = entered("2025-07-07");
      await passes.arrive(bought("1", "2025-07-10"));
      await passes.pass();
      await passes.arrive(bought("2", "2025-07-14"), payment("3", { date: "2025-07-14", amount: -450 }));
      const { batchIds, counts } = await passes.pass();
      assert.deepEqual([counts["synced"], counts["revised"]], [2, 1]);
      const undo = (batchId: string) =>
        undoBatch(passes.store, passes.provider, batchId, { now: passes.clock.now });
      assert.deepEqual((await undo(batchIds[0]!)).undone.map(({ paymentId }) => paymentId).sort(), [
        "bank:2",
        "bank:3",
      ]);
      const written = () => passes.twin.control.all().filter((row) => row.importId?.startsWith("TF1:"));
      assert.deepEqual(written(), []);
      for (const batchId of batchIds) {
        const { undone, refused } = await undo(batchId);
        assert.deepEqual([undone, refused], [[], []]);
      }
      for (let n = 0; n < 2; n++) await passes.pass();
      assert.deepEqual(
        [...written(), ...standing()].map((row) => row.id),
        [id],
      );
    });

    for (const fault of ["before", "after"] as const) {
      it(`takes it back as well where YNAB went away ${fault} it got its own amount`, async () => {
        entered("2025-07-07");
        await passes.arrive(bought("1", "2025-07-10"));
        await passes.pass();
        await passes.arrive(bought("2", "2025-07-14"));
        passes.twin.control.setFault(
          fault === "before"
            ? { kind: "status", status: 503, method: "PATCH", times: 9 }
            : { kind: "fail-after-commit", status: 503, method: "PATCH", times: 1 },
        );
        await passes.pass().catch((error: TallyError) => assert.equal(error.code, "PROVIDER_UNAVAILABLE"));
        passes.twin.control.clearFaults();
        const { batchId, revisedIn } = await passes.item("2");
        assert.ok(revisedIn && revisedIn !== batchId, "its change is a batch of its own");
        const { undone } = await undoBatch(passes.store, passes.provider, batchId!, {
          now: passes.clock.now,
        });
        assert.deepEqual(
          undone.map(({ paymentId }) => paymentId),
          ["bank:2"],
        );
        for (let n = 0; n < 2; n++) {
          passes.clock.advance(DAY / 24);
          assert.equal((await passes.pass()).counts["synced"], 0);
        }
        assert.equal(standing().length, 1);
        assert.equal((await passes.item("2")).skipReason, "undone");
      });
    }

    it("says so when YNAB takes the transaction of another payment all the same, and goes on when it was taken apart", async () => {
      const id = entered("2025-07-08");
      await passes.arrive(bought("1", "2025-07-08"));
      await passes.pass();
      assert.equal((await passes.item("1")).skipReason, "already-in-budget");
      await passes.arrive(bought("2", "2025-07-12"));
      await passes.read();
      await passes.classify(passes.category("groceries"));
      // A person took the row's match with something else apart after the budget was read.
      const row = (await passes.store.collection(transactions).get(`ynab:${id}`))!;
      await passes.store
        .collection(transactions)
        .upsertMany([{ ...row, matchedTransactionId: "ynab:earlier" }]);
      const { problems } = await passes.send();
      assert.equal(problems[0]?.paymentId, "bank:2");
      assert.match(problems[0].message, /stands for the payment bank:1/);
      passes.twin.control.unmatch(id);
      for (let n = 0; n < 2; n++) assert.equal((await passes.pass()).counts["synced"], 0);
      assert.equal(standing().length, 2);
      const found = await passes.store.collection(matches).find({ index: "byPayment", equals: ["bank:2"] });
      assert.equal(found.items.length, 1);
      assert.equal(passes.posts, 1);
    });
  });
}

describe("YNAB: categories and dates that it does not take", () => {
  let passes: YnabPasses;
  beforeEach(async () => {
    passes = await YnabPasses.start();
  });
  afterEach(() => passes.close());
  const written = () => passes.twin.control.all().filter((row) => row.importId);

  for (const [what, take] of [
    ["hidden", () => passes.twin.control.hideCategory(passes.twin.categoryIds["fun"]!)],
    ["deleted", () => passes.twin.control.deleteCategory(passes.twin.categoryIds["fun"]!)],
  ] as const) {
    it(`has a payment classified again whose category was ${what} before it was sent`, async () => {
      await passes.arrive(payment("1", { date: "2025-07-10" }));
      await passes.read();
      await passes.classify(passes.category("fun"));
      take();
      await passes.read();
      await passes.send();
      assert.deepEqual([(await passes.item("1")).state, written()], ["new", []]);
    });

    it(`has a payment reviewed whose category was ${what} a moment ago`, async () => {
      await passes.arrive(payment("1", { date: "2025-07-10" }), payment("2", { date: "2025-07-10" }));
      await passes.read();
      await passes.classify(passes.category("fun"));
      take();
      await passes.send();
      const item = await passes.item("1");
      assert.deepEqual([item.state, item.error?.code], ["review", "CATEGORY_GONE"]);
      assert.deepEqual(written(), []);
    });
  }

  it("does not give categories that YNAB keeps for itself, nor those of a group hidden since", async () => {
    const provider = openOn(passes.twin);
    const named = (name: string) => passes.twin.control.categories().find((one) => one.name === name)!;
    let number = 0;
    const give = async (name: string) => {
      const [outcome] = await provider.create([
        {
          importId: `TF1:category-${++number}`,
          accountId: `ynab:${passes.twin.accountIds["current"]}`,
          date: "2025-07-10",
          amount: -100,
          categoryId: `ynab:${named(name).id}`,
          cleared: "cleared",
          approved: false,
        },
      ]);
      return outcome?.status === "rejected" ? outcome.error.code : outcome?.status;
    };
    assert.equal(await give("Inflow: Ready to Assign"), "created");
    assert.equal(await give("Uncategorized"), "CATEGORY_GONE");
    assert.equal(await give("Credit card"), "CATEGORY_GONE");
    assert.equal(await give("Groceries"), "created");
  });

  it("holds a payment of tomorrow back, says why, and writes it when the day has come", async () => {
    await passes.arrive(payment("1", { date: "2025-07-17" }), payment("2", { date: "2025-07-15" }));
    const first = await passes.pass();
    assert.deepEqual([first.counts["synced"], first.skipped], [1, { "future-date": 1 }]);
    const held = await passes.item("1");
    assert.deepEqual([held.state, held.skipReason], ["skipped", "future-date"]);
    passes.clock.advance(DAY);
    assert.equal((await passes.pass()).counts["synced"], 0);
    assert.equal((await passes.item("1")).skipReason, "future-date");
    passes.clock.advance(DAY);
    assert.equal((await passes.pass()).counts["synced"], 1);
    assert.equal((await passes.item("1")).state, "synced");
    assert.equal(written().length, 2);
  });

  it("waits for YNAB's own day where the account is ahead of it", async () => {
    const [first] = ACCOUNTS;
    await passes.store.collection(bankAccounts).upsertMany([{ ...first!, timeZone: "Pacific/Kiritimati" }]);
    await passes.arrive(payment("1", { date: "2025-07-16" }));
    await passes.pass();
    const item = await passes.item("1");
    assert.deepEqual([item.state, item.attempt], ["retry", 1]);
    assert.match(item.error?.message ?? "", /future/);
    passes.clock.advance(DAY);
    assert.equal((await passes.pass()).counts["synced"], 1);
  });

  it("gives up what is more than five years old, saying so", async () => {
    await passes.arrive(payment("1", { date: "2020-01-01" }), payment("2", { date: "2025-07-10" }));
    assert.deepEqual((await passes.pass()).counts["synced"], 1);
    const item = await passes.item("1");
    assert.equal(item.state, "dead");
    assert.match(item.error?.message ?? "", /5 years/);
  });
});

describe("YNAB: what outlives a restart", () => {
  let passes: YnabPasses;
  beforeEach(async () => {
    passes = await YnabPasses.start();
  });
  afterEach(() => passes.close());

  it("loads everything when YNAB refuses the cursor's knowledge", async () => {
    const { cursor } = await passes.provider.extract({ cursor: null });
    passes.twin.control.setFault({ kind: "status", status: 400, path: "last_knowledge_of_server" });
    const delta = await passes.provider.extract({ cursor });
    assert.equal(delta.full, true);
    assert.equal(delta.transactions.length, passes.twin.control.all().length);
  });

  it("keeps away for as long as YNAB told another worker to", async () => {
    passes.twin.control.setFault({ kind: "status", status: 429, retryAfter: 900 });
    await assert.rejects(passes.provider.plans(), { code: "RATE_LIMITED", retryAfterMs: 900_000 });
    const asked = passes.twin.control.requests;
    const restarted = passes.open();
    await assert.rejects(restarted.plans(), { code: "RATE_LIMITED" });
    assert.equal(passes.twin.control.requests, asked, "nothing was sent");
    passes.clock.advance(901_000);
    assert.equal((await restarted.plans()).length, 1);
  });

  it("takes up a write that ended in a conflict, whatever stands", async () => {
    await passes.arrive(
      payment("1", { date: "2025-07-10" }),
      payment("2", { date: "2025-07-10", amount: -5 }),
    );
    passes.twin.control.setFault({ kind: "status", status: 409, method: "POST" });
    await assert.rejects(passes.pass(), { code: "OUTCOME_UNKNOWN" });
    passes.clock.advance(3_600_000);
    await passes.pass();
    assert.deepEqual(new Set((await passes.items()).map((item) => item.state)), new Set(["synced"]));
    assert.equal(passes.twin.control.all().filter((row) => row.importId).length, 2);
  });
});
