import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { openActual } from "../../lib/budget/actual";
import { TallyError, type ErrorCode } from "../../lib/values";
import type { ActualServer } from "../servers/actual";
import type { ActualClient } from "../servers/actual-client";
import {
  actualFixture,
  eventually,
  isRunning,
  optionsFor,
  sharedBudget,
  type ActualFixture,
} from "./actual-fixture";
import { createdId, newItem } from "./fixture";

/** Memory of the helper process, in megabytes; five full bulks in a row take less than 400. */
const LARGEST_HELPER = 600;

const isRetryable = (code: ErrorCode) => (error: unknown) =>
  error instanceof TallyError && error.code === code && error.retryable;

/** What becomes of money when processes die and the server goes away. */
export function actualFaults(server: () => ActualServer, client: () => ActualClient): void {
  describe("Actual: crashes, restarts and absences", () => {
    const shared = sharedBudget(server, client);
    let fixture: ActualFixture;
    beforeEach(async () => {
      fixture = await shared.fixture();
    });
    afterEach(() => fixture.close());
    after(() => shared.close());
    const range = () => ({ from: "2026-01-01", accountIds: [fixture.accountIds.current] });

    it("keeps an edit that another client made meanwhile", async () => {
      const [id] = (await fixture.provider.create([newItem(fixture)])).map(createdId);
      await fixture.person.edit(id!, { memo: "by hand", categoryId: fixture.categoryIds.rent });
      await fixture.provider.create([newItem(fixture)]);
      await fixture.provider.update([{ id: id!, categoryId: fixture.categoryIds.fun }]);
      const row = (await fixture.fresh()).find((one) => one.id === id);
      assert.equal(row?.memo, "by hand");
      assert.equal(row.categoryId, fixture.categoryIds.fun);
    });

    it("has two budgets open at once", async () => {
      const second = await actualFixture(server(), await server().client());
      const [one, two] = [newItem(fixture), newItem(second)];
      const [first, other] = await Promise.all([
        fixture.provider.create([one]),
        second.provider.create([two]),
      ]);
      assert.deepEqual([first[0]?.status, other[0]?.status], ["created", "created"]);
      assert.deepEqual(
        (await fixture.fresh()).map((row) => row.importId),
        [one.importId],
      );
      assert.deepEqual(
        (await second.fresh()).map((row) => row.importId),
        [two.importId],
      );
      await second.close();
    });

    it("shares one helper between two connections with the same settings", async () => {
      const options = optionsFor(server(), { syncId: fixture.created.syncId });
      const one = await openActual(options);
      const again = await openActual(options);
      assert.equal(again.helperPid, one.helperPid);
      assert.notEqual(again.helperPid, fixture.provider.helperPid);
      await one.close();
      createdId((await again.create([newItem(fixture)]))[0]);
      await again.close();
      assert.equal(again.helperPid, undefined);
    });

    it("reads again after its helper was killed during a read", async () => {
      const [id] = (await fixture.provider.create([newItem(fixture)])).map(createdId);
      const reading = fixture.provider.extract({ cursor: null });
      process.kill(fixture.provider.helperPid!, "SIGKILL");
      await assert.rejects(reading, isRetryable("PROVIDER_UNAVAILABLE"));
      const delta = await fixture.provider.extract({ cursor: null });
      const read = delta.transactions.map((row) => row.id).sort();
      assert.deepEqual(read, (await fixture.all()).map((row) => row.id).sort());
      assert.ok(read.includes(id!));
    });

    it("goes on from its cursor after a restart, and reads everything from a copy made anew", async () => {
      const options = optionsFor(server(), { syncId: fixture.created.syncId });
      const provider = await openActual(options);
      await provider.create([newItem(fixture)]);
      const first = await provider.extract({ cursor: null });
      await provider.close();
      const same = await openActual(options);
      const delta = await same.extract({ cursor: first.cursor });
      await same.close();
      assert.deepEqual([delta.full, delta.transactions.length], [false, 0]);
    });

    it("is stopped when idle and comes back when needed", async () => {
      const idle = await openActual({ ...optionsFor(server()), syncId: fixture.created.syncId, idleMs: 50 });
      const pid = idle.helperPid!;
      await eventually(() => !isRunning(pid), "the end of the idle helper");
      assert.equal((await idle.extract({ cursor: null })).full, true);
      assert.notEqual(idle.helperPid, pid);
      await idle.close();
    });

    it("writes nothing while the server is away, and once when it is back", async () => {
      const item = newItem(fixture);
      await server().pause();
      try {
        await assert.rejects(fixture.provider.create([item]), isRetryable("PROVIDER_UNAVAILABLE"));
        await assert.rejects(
          fixture.provider.find([item.importId], range()),
          isRetryable("PROVIDER_UNAVAILABLE"),
        );
      } finally {
        await server().resume();
      }
      assert.equal((await fixture.provider.find([item.importId], range())).size, 0);
      createdId((await fixture.provider.create([item]))[0]);
      assert.equal((await fixture.fresh()).length, 1);
    });

    it("leaves no helper behind when the parent is killed", async () => {
      const module = path.join(__dirname, "../../lib/budget/actual/index.js");
      const script = `require(${JSON.stringify(module)}).openActual(JSON.parse(process.argv[1])).then((p) => console.log(p.helperPid))`;
      const options = { ...optionsFor(server()), syncId: fixture.created.syncId };
      const parent = spawn(process.execPath, ["-e", script, JSON.stringify(options)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const pid = await new Promise<number>((resolve) =>
        parent.stdout.once("data", (text: Buffer) => resolve(Number(text.toString()))),
      );
      assert.ok(isRunning(pid));
      parent.kill("SIGKILL");
      await eventually(() => !isRunning(pid), "the end of the orphaned helper");
    });

    // From here on the budget is a large one, which whoever opens it anew downloads: these come last.
    for (const delay of [0, 40, 150, 400]) {
      it(`tells the truth after its helper was killed ${delay} ms into a create`, async () => {
        const items = Array.from({ length: 400 }, () => newItem(fixture));
        const writing = fixture.provider.create(items).then(
          () => undefined,
          (error: unknown) => error,
        );
        await new Promise((resolve) => setTimeout(resolve, delay));
        process.kill(fixture.provider.helperPid!, "SIGKILL");
        assert.ok(isRetryable("OUTCOME_UNKNOWN")(await writing), String(await writing));
        const ids = items.map((item) => item.importId);
        const found = await fixture.provider.find(ids, range());
        const standing = (await fixture.fresh()).map((row) => row.importId).sort();
        assert.deepEqual([...found.keys()].sort(), standing);
        const outcomes = await fixture.provider.create(items);
        assert.ok(outcomes.every((outcome) => outcome.status === (found.size > 0 ? "duplicate" : "created")));
        assert.equal((await fixture.fresh()).length, items.length);
      });
    }

    it("writes full bulks one after the other and stays small beside Node-RED", async () => {
      const { bulk } = fixture.provider.limits;
      const memory: number[] = [];
      for (let round = 0; round < 2; round++) {
        const items = Array.from({ length: bulk }, (_, index) => newItem(fixture, { amount: -index - 1 }));
        const outcomes = await fixture.provider.create(items);
        assert.ok(outcomes.every((outcome) => outcome.status === "created"));
        memory.push(residentMegabytes(fixture.provider.helperPid!));
      }
      assert.ok(Math.max(...memory) < LARGEST_HELPER, memory.join());
      const delta = await fixture.provider.extract({ cursor: null });
      const own = delta.transactions.filter((row) => row.accountId === fixture.accountIds.current);
      assert.equal(own.length, 2 * bulk);
      console.log(`      helper after each bulk of ${bulk}: ${memory.join(", ")} MB`);
    });
  });

  describe("Actual: sync that was reset", () => {
    it("downloads the budget anew after sync was reset, with the same ids", async () => {
      const fixture = await actualFixture(server(), client(), "fileId");
      const { provider } = fixture;
      const item = newItem(fixture);
      const [id] = (await provider.create([item])).map(createdId);
      const before = await provider.extract({ cursor: null });
      await client().sync();
      const reset = (await client().send("sync-reset")) as { error?: unknown };
      assert.equal(reset.error, undefined);
      const after = await provider.extract({ cursor: before.cursor });
      assert.equal(after.full, true);
      assert.deepEqual(
        after.transactions.map((row) => row.id),
        [id],
      );
      assert.equal((await provider.create([item]))[0]?.status, "duplicate");
      await fixture.close();
    });
  });
}

function residentMegabytes(pid: number): number {
  if (process.platform !== "linux") return 0;
  const status = process.getBuiltinModule("node:fs").readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
