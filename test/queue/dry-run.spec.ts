import assert from "node:assert/strict";
import { moveItems, queueSync } from "../../lib/queue";
import { allCollections, exportLines } from "../../lib/store";
import { payment, stepContext } from "../support/context";
import { Bench, OPTIONS } from "./bench";

describe("dry run of queue sync", () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await Bench.open();
  });
  afterEach(() => bench.store.close());

  /** Everything that the store and the budget hold, leases too. */
  async function dump(): Promise<unknown> {
    const lines: string[] = [];
    for await (const line of exportLines(bench.store, allCollections(["transactions"]))) lines.push(line);
    return { lines, rows: structuredClone(bench.budget.rows) };
  }

  /** One item in every situation that a pass would change. */
  async function everything(): Promise<void> {
    await bench.arrive(payment("written"));
    await bench.pass();
    await bench.arrive(
      payment("plain", { date: "2026-02-12" }),
      payment("due", { amount: -2, date: "2026-02-09" }),
      payment("later", { amount: -3 }),
      payment("leased", { amount: -4 }),
      payment("lost", { amount: -5 }),
      payment("arrived", { amount: -6 }),
      payment("held", { amount: -7 }),
      payment("old", { amount: -8, date: "2025-01-01" }),
      payment("ahead", { amount: -9, date: "2026-06-01" }),
      payment("unmapped", { amount: -10, accountId: "bank:3" }),
      payment("booked", { amount: -11, status: "pending" }),
    );
    await bench.classify();
    const at = (minutes: number) => new Date(Date.parse(bench.clock.now()) + minutes * 60_000).toISOString();
    const to = async (id: string, state: "retry" | "leased" | "sending", set: Record<string, unknown>) => {
      const [moved] = await moveItems(
        bench.store,
        [{ item: await bench.item(id), to: state === "sending" ? "leased" : state, set }],
        bench.clock.now(),
      );
      if (state === "sending")
        await moveItems(bench.store, [{ item: moved!, to: state, set }], bench.clock.now());
    };
    await to("due", "retry", { dueAt: at(-5), attempt: 1 });
    await to("later", "retry", { dueAt: at(60), attempt: 1 });
    for (const [id, state] of [
      ["leased", "leased"],
      ["lost", "sending"],
      ["arrived", "sending"],
    ] as const)
      await to(id, state, { leaseOwner: "elsewhere", leaseUntil: at(-1) });
    await to("held", "sending", { leaseOwner: "elsewhere", leaseUntil: at(60) });
    const { importId } = await bench.item("arrived");
    await bench.budget.create([
      {
        importId,
        accountId: "memory:a1",
        date: "2026-02-10",
        amount: -6,
        cleared: "cleared",
        approved: false,
      },
    ]);
  }

  it("changes nothing, in the store or in the budget, and lists what the pass then writes", async () => {
    await everything();
    const before = await dump();
    const options = { ...OPTIONS, startDate: "2026-01-01" };
    const events: unknown[] = [];
    const context = stepContext(bench.store, bench.clock, {
      emit: async (type, _subject, data) =>
        void (type === "queue.would-write" && events.push(...(data["items"] as unknown[]))),
    });
    const listed = await queueSync(context, bench.budget, { ...options, dryRun: true });
    assert.deepEqual(await dump(), before);
    assert.deepEqual(events, listed.wouldWrite);
    assert.deepEqual(
      listed.wouldWrite?.map((write) => write.date),
      [...listed.wouldWrite!.map((write) => write.date)].sort(),
    );
    assert.deepEqual(listed.skipped, { "before-start-date": 1, "future-date": 1 });
    assert.deepEqual(listed.batchIds, []);

    const standing = new Set(bench.budget.rows.map((row) => row.importId));
    await bench.sync(options);
    const wrote = bench.budget.rows.filter((row) => !standing.has(row.importId)).map((row) => row.importId);
    assert.deepEqual(listed.wouldWrite!.map((write) => write.importId).sort(), wrote.sort());
    assert.equal(wrote.length, 4, "plain, due, leased, lost");
  });

  it("takes a mapping into account without writing it", async () => {
    await bench.arrive(payment("1", { accountId: "bank:2" }));
    await bench.classify();
    const before = await dump();
    const mapping = [{ bank: "bank:2", budget: "memory:a1" }];
    const result = await bench.sync({ dryRun: true, mapping });
    assert.deepEqual(await dump(), before);
    assert.deepEqual(
      result.wouldWrite?.map((write) => write.accountId),
      ["memory:a1"],
    );
  });
});
