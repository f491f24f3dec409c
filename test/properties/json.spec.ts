import assert from "node:assert/strict";
import fc from "fast-check";
import { canonicalJson, contentHash, parsingJson, runAtOnce } from "../../lib/values";
import { property } from "./support";

/** Objects with the keys in another order, at all depths. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (value === null || typeof value !== "object") return value;
  const turned: Record<string, unknown> = {};
  for (const key of Object.keys(value).reverse()) {
    Object.defineProperty(turned, key, {
      value: shuffled((value as Record<string, unknown>)[key]),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return turned;
}

describe("properties: JSON", () => {
  const anyJson = fc.jsonValue({ maxDepth: 3, stringUnit: "binary" });

  property(
    "canonical JSON is JSON, of one form for one value",
    5_000,
    fc.tuple(anyJson, anyJson),
    ([one, other]) => {
      const text = canonicalJson(one);
      const back: unknown = JSON.parse(text);
      assert.deepEqual(back, JSON.parse(JSON.stringify(one)));
      assert.equal(canonicalJson(back), text);
      assert.equal(canonicalJson(shuffled(one)), text);
      assert.equal(contentHash(shuffled(one)), contentHash(one));
      let equal = true;
      try {
        assert.deepEqual(JSON.parse(JSON.stringify(other)), back);
      } catch {
        equal = false;
      }
      assert.equal(canonicalJson(other) === text, equal);
    },
  );

  /** Answers of APIs: lists of many rows somewhere in objects, damaged or not. */
  const answer = fc.record({
    row: fc.jsonValue({ maxDepth: 2 }),
    rows: fc.integer({ min: 0, max: 900 }),
    text: fc.string({ unit: "binary", maxLength: 40 }),
    shape: fc.nat(8),
    indent: fc.constantFrom(0, 2),
    damage: fc.option(
      fc.tuple(
        fc.nat(),
        fc.constantFrom("", ",", "]", "}", "[", "{", '"', "\\", "0", "\u0000", ',"a":1'),
        fc.boolean(),
      ),
    ),
  });
  property(
    "JSON in pieces is what JSON.parse gives, or refused as JSON.parse refuses it",
    600,
    answer,
    (made) => {
      const rows = Array.from({ length: made.rows }, (_, id) => ({
        id,
        row: made.row,
        text: made.text.repeat(12),
      }));
      const whole = [
        rows,
        { rows },
        { a: { b: rows, c: rows.slice(0, 3) }, d: rows },
        [rows, [], rows],
        { text: made.text.repeat(5_000), rows },
        { rows: rows.map(({ row }) => row), __proto__: null },
        {
          inputs: [
            { name: "a", data: rows },
            1,
            made.row,
            { data: rows.map(({ text }) => [text]) },
            { data: [] },
          ],
        },
        [[[rows, 1], [[rows]]], made.text.repeat(5_000), 2, [made.text.repeat(5_000)]],
        [1, made.row, { rows }],
      ][made.shape];
      let text = JSON.stringify(whole, null, made.indent);
      // The same name twice: the last one counts, and both have to be JSON.
      if (made.shape === 1 && made.rows % 2) text = `{"rows":1,${text.slice(1, -1)},"rows":[2]}`;
      if (made.damage) {
        const [where, by, replace] = made.damage;
        const at = where % text.length;
        text = text.slice(0, at) + by + text.slice(replace ? at + 1 : at);
      }
      let wanted: unknown;
      try {
        wanted = JSON.parse(text);
      } catch {
        assert.throws(() => runAtOnce(parsingJson(text)), SyntaxError);
        return;
      }
      // As text: comparing the trees takes longer than all the rest.
      assert.ok(JSON.stringify(runAtOnce(parsingJson(text))) === JSON.stringify(wanted), "another value");
    },
  );
});
