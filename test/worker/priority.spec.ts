import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { getPriority, tmpdir } from "node:os";
import path from "node:path";
import { storeFromUrl } from "../../lib/store";

/** Field `nice` of proc_pid_stat(5) for each thread of this process. */
function niceOfThreads(): Map<number, number> {
  return new Map(
    readdirSync("/proc/self/task").map((thread) => {
      const stat = readFileSync(`/proc/self/task/${thread}/stat`, "latin1");
      return [Number(thread), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16])];
    }),
  );
}

describe("threads of the library", () => {
  it("stand back behind the main thread, which keeps its priority", async function () {
    if (process.platform !== "linux") {
      console.log("      skipped: only Linux counts the priority of a thread by itself");
      return this.skip();
    }
    const own = getPriority();
    const before = niceOfThreads();
    const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-priority-"));
    const store = await storeFromUrl(`sqlite:${path.join(folder, "books.db")}`);
    try {
      const after = niceOfThreads();
      assert.equal(after.get(process.pid), own);
      const started = [...after].filter(([thread]) => !before.has(thread)).map(([, nice]) => nice);
      assert.ok(
        started.some((nice) => nice > own),
        `of the new threads: ${started.join(", ")}`,
      );
    } finally {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
