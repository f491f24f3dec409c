import assert from "node:assert/strict";
import { mapInTurns, runAtOnce, runInTurns, takeTurn, turnDue } from "../../lib/values";

/** Works until its turn is over. */
function workOut(): void {
  while (!turnDue());
}

describe("turns", () => {
  it("lets the event loop turn between the turns of works that go on at once", async () => {
    let turned = 0;
    let counting = true;
    const count = () => {
      turned++;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    const seen: number[] = [];
    const work = async () => {
      for (let i = 0; i < 4; i++) {
        workOut();
        await takeTurn();
        seen.push(turned);
      }
    };
    await Promise.all([work(), work(), work()]);
    counting = false;
    assert.equal(seen.length, 12);
    assert.equal(new Set(seen).size, 12, `two works had one turn of the event loop: ${seen.join(" ")}`);
  });

  it("lets those who ask first go on first", async () => {
    const order: number[] = [];
    await Promise.all([0, 1, 2, 3].map((who) => takeTurn().then(() => order.push(who))));
    assert.deepEqual(order, [0, 1, 2, 3]);
  });

  it("has one span for all works of the thread", async () => {
    await takeTurn();
    workOut();
    assert.equal(turnDue(), true);
  });

  it("maps in order and runs to the end", async () => {
    function* work(): Generator<void, string> {
      yield;
      yield;
      return "done";
    }
    assert.deepEqual(await mapInTurns([1, 2, 3], (n) => n * 2), [2, 4, 6]);
    assert.equal(await runInTurns(work()), "done");
    assert.equal(runAtOnce(work()), "done");
  });

  it("hands on what the work throws", async () => {
    const broken = (): Iterator<void, never> => ({
      next: () => {
        throw new RangeError("broken");
      },
    });
    await assert.rejects(runInTurns(broken()), RangeError);
    assert.throws(() => runAtOnce(broken()), RangeError);
  });
});
