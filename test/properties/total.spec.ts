import assert from "node:assert/strict";
import { held, planned, SCALE, SEED } from "./support";

const MILLION = 1_000_000;

/** Loaded last (mocha sorts the files), so that it sees what all the others did. */
describe("properties in sum", () => {
  it("held for a million cases", function () {
    const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((a, b) => a + b, 0);
    assert.deepEqual(Object.fromEntries(held), Object.fromEntries(planned));
    assert.ok(sum(held) >= MILLION * SCALE, `${sum(held)} cases`);
    this.test!.title += `: ${sum(held).toLocaleString("en")} cases, seed ${SEED}`;
  });
});
