import assert from "node:assert/strict";
import fc from "fast-check";
import { cleanText, FeatureExtractor } from "../../lib/learning";
import { amountBucket, HashIndex, LabelMemory } from "../../lib/learning/features";
import { runAtOnce } from "../../lib/values";
import { example } from "./support";

describe("learning: features", () => {
  const cases: [string, string][] = [
    ["ALBERT HEIJN 1403 AMSTERDAM", "albert heijn"],
    ["Albert Heijn 1521\\UTRECHT\\NLD", "albert heijn"],
    ["tesco stores 5504", "tesco stores"],
    ["premier inn44529580", "premier inn"],
    ["SumUp *Café Zürich", "cafe zurich"],
    ["BEA, Betaalpas Jumbo 23-04-24 12:31", "jumbo"],
    ["7-Eleven", "7 eleven"],
    ["4711", "4711"],
    ["", ""],
  ];
  for (const [raw, whole] of cases) {
    it(`cleans "${raw}" to "${whole}"`, () => assert.equal(cleanText(raw).whole, whole));
  }

  it("cleans any text, and cleaning is repeatable", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (text) => {
        assert.deepEqual(cleanText(text), cleanText(text));
        assert.ok(cleanText(text).words.length <= 24);
      }),
    );
  });

  it("gives the same features for the same example, cached or not", () => {
    const one = new FeatureExtractor();
    const first = Array.from(one.extract(example(), undefined).hashes.subarray(0, one.vector.size));
    one.extract(example({ text: "something else", amount: 5 }), undefined);
    const again = Array.from(one.extract(example(), undefined).hashes.subarray(0, one.vector.size));
    assert.deepEqual(again, first);
  });

  it("names every feature when asked, in the same order", () => {
    const extractor = new FeatureExtractor();
    const memory = new LabelMemory();
    const rich = example({ counterpartyAccount: "NL91ABNA0417164300", context: ["a", "b"] });
    for (const key of extractor.memoryKeys(rich)) if (key) memory.push(key, 3, 20_000);
    const plain = Array.from(extractor.extract(rich, memory).hashes.subarray(0, extractor.vector.size));
    const named = extractor.extract(rich, memory, true);
    assert.deepEqual(Array.from(named.hashes.subarray(0, named.size)), plain);
    assert.equal(named.names.length, named.size);
    assert.ok(named.names.every((name) => typeof name === "string" && name !== ""));
  });

  it("tells refunds from payments", () => {
    assert.notEqual(amountBucket(500), amountBucket(-500));
    assert.equal(amountBucket(500), amountBucket(501));
  });

  it("remembers the last five labels of a key, newest first, and survives being written down", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.nat(100)), { maxLength: 800 }),
        (pushes) => {
          const memory = new LabelMemory(4);
          const expected = new Map<number, number[]>();
          for (const [key, label] of pushes) {
            memory.push(key, label, 20_000);
            expected.set(key, [label, ...(expected.get(key) ?? [])]);
          }
          const written = memory.serialise();
          const restored = runAtOnce(LabelMemory.restore(written.keys, written.slots));
          for (const held of [memory, restored]) {
            for (const [key, labels] of expected) {
              const at = held.find(key);
              assert.equal(held.slots[at], labels.length);
              assert.deepEqual(
                Array.from(held.slots.subarray(at + 1, at + 1 + Math.min(5, labels.length))),
                labels.slice(0, 5),
              );
            }
            assert.equal(held.find(301), -1);
          }
        },
      ),
    );
  });

  it("keeps an index of hashes like a map does", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 0xffffffff }), fc.nat())), (pairs) => {
        const index = new HashIndex(2);
        const map = new Map(pairs);
        for (const [key, value] of pairs) index.set(key, value);
        assert.equal(index.size, map.size);
        for (const [key, value] of map) assert.equal(index.get(key), value);
      }),
    );
  });
});
