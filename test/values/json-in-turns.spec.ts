import assert from "node:assert/strict";
import fc from "fast-check";
import { parseInTurns } from "../../lib/values";

/** Either both give the same value, or both refuse. */
async function sameAsJson(text: string): Promise<void> {
  let expected: unknown;
  try {
    expected = JSON.parse(text);
  } catch {
    await assert.rejects(parseInTurns(text), SyntaxError);
    return;
  }
  assert.deepEqual(await parseInTurns(text), expected);
}

describe("JSON in turns", () => {
  const row = (id: number) => ({
    id,
    text: `a "quoted" \\ ], [ {${"x".repeat(900)}`,
    parts: [{ n: [id] }, []],
  });
  const rows = Array.from({ length: 400 }, (_, at) => row(at));
  const answer = { data: { before: [1, 2], rows, after: { rows: rows.slice(0, 300), 7: null } }, empty: [] };

  it("gives what JSON.parse gives", async () => {
    const text = JSON.stringify(answer);
    assert.ok(text.length > 500_000);
    await sameAsJson(text);
    await sameAsJson(JSON.stringify(answer, null, 2));
    await sameAsJson(JSON.stringify(rows));
    await sameAsJson(JSON.stringify([rows, rows]));
    await sameAsJson(JSON.stringify("\\".repeat(200_001)));
  });

  it("lets the event loop turn on the way", async () => {
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    const text = JSON.stringify({ rows: Array.from({ length: 12 }, () => rows) });
    const many = JSON.stringify({ rows: Array.from({ length: 12 }, () => rows).flat() });
    await parseInTurns(many);
    clearInterval(counting);
    assert.ok(turns > 0, `${many.length} characters without a turn`);
    await sameAsJson(text);
  });

  it("refuses what JSON.parse refuses, wherever it is damaged", async () => {
    const text = JSON.stringify(answer);
    const damage = fc.tuple(
      fc.nat(text.length - 1),
      fc.constantFrom("", ",", "]", "}", "[", "{", '"', "\\", "0"),
      fc.boolean(),
    );
    await fc.assert(
      fc.asyncProperty(damage, ([at, by, replace]) =>
        sameAsJson(text.slice(0, at) + by + text.slice(replace ? at + 1 : at)),
      ),
      { numRuns: 150 },
    );
    await sameAsJson(text.slice(0, -40));
    // The first list does not count, and has to be JSON all the same.
    await sameAsJson(`{"rows":${JSON.stringify(rows).replace('"id":200', '"id":2x0')},"rows":[]}`);
    await sameAsJson(text.replaceAll(',{"id":', ',,{"id":'));
    await sameAsJson(JSON.stringify({ rows }).replace(/\]\}$/, ",]}"));
  });
});
