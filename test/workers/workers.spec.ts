import assert from "node:assert/strict";
import { startMongo } from "../servers/mongo";
import { fillQueue, shareQueue } from "./harness";

/** Two workers and a small queue, in every run of the suite; `npm run bench -- workers` shares one of 20,000 among four. */
describe("two Node-REDs on one store", () => {
  it("share the queue: each payment is written once", async function () {
    this.timeout(900_000);
    const server = await startMongo();
    if ("unavailable" in server) {
      console.log(`      skipped: ${server.unavailable}`);
      return this.skip();
    }
    const url = (name: string) => `${server.uri}tallyflow_share_${name}_${process.pid}`;
    try {
      const small = { from: "2025-03-01", until: "2025-06-30", budgetedUntil: "2025-04-15", scale: 0.1 };
      const filled = await fillQueue(small);
      const shared = await shareQueue(filled, { workers: 2, storeUrl: url("two"), latencyMs: 200 });
      assert.ok(filled.waiting > 50, "payments wait");
      assert.deepEqual(
        { written: shared.written, lost: shared.lost, doubled: shared.doubled, synced: shared.left.synced },
        { written: filled.waiting, lost: 0, doubled: 0, synced: filled.waiting },
      );
    } finally {
      await server.stop();
    }
  });
});
