import assert from "node:assert/strict";
import { groupKey, GroupSums } from "../../lib/learning/estimators/groupSums";

const hashes = Uint32Array.of(5, 6, 7, 8, 9, 10, 11, 12);

describe("learning: sums of groups of features", () => {
  it("finds what it kept, by all of its hashes", () => {
    const sums = new GroupSums();
    const key = groupKey(hashes, 0, 4);
    assert.equal(sums.find(key, hashes, 0, 4), -1);
    const at = sums.keep(key, hashes, 0, 4, 3);
    sums.pool.set([1, 2, 3], at);
    assert.equal(sums.find(key, hashes, 0, 4), at);
    assert.equal(sums.find(key, hashes, 4, 8), -1, "another group with the same key");
    assert.equal(sums.find(key, hashes, 0, 5), -1, "a longer group with the same key");
  });

  it("gives room that is empty, also where it was used before", () => {
    const sums = new GroupSums();
    const at = sums.keep(1, hashes, 0, 4, 3);
    sums.pool.set([1, 2, 3], at);
    sums.forget();
    assert.equal(sums.find(1, hashes, 0, 4), -1);
    const next = sums.keep(2, hashes, 4, 8, 3);
    assert.deepEqual([...sums.pool.subarray(next, next + 3)], [0, 0, 0]);
  });

  it("lets all go when there is no more room, and goes on", () => {
    const sums = new GroupSums();
    const categories = 60_000;
    let lost = 0;
    for (let group = 1; group <= 20; group++) {
      const kept = sums.keep(group, hashes, 0, 4, categories);
      sums.pool[kept] = group;
      for (let earlier = 1; earlier <= group; earlier++) {
        const at = sums.find(earlier, hashes, 0, 4);
        if (at < 0) lost++;
        else assert.equal(sums.pool[at], earlier);
      }
      assert.notEqual(sums.find(group, hashes, 0, 4), -1);
    }
    assert.ok(lost > 0);
    assert.ok(sums.pool.length <= 1 << 20);
  });

  it("remembers what it met", () => {
    const sums = new GroupSums();
    assert.equal(sums.again(77), false);
    assert.equal(sums.again(77), true);
  });

  it("is of use only while nothing is learned", () => {
    const sums = new GroupSums();
    const asked = () => Array.from({ length: 100 }, () => sums.worthwhile());
    assert.equal(asked().at(-1), true);
    sums.forget();
    assert.equal(sums.worthwhile(), false);
  });
});
