import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { TallyError, type ErrorCode } from "../../lib/values";

/**
 * Seeded properties with an exact count of their cases.
 *   TALLYFLOW_PROPERTY_SEED   another seed than the usual one
 *   TALLYFLOW_PROPERTY_SCALE  a factor on the number of cases: 0.1 for a quick look, 20 for a night
 */

const USUAL_SEED = 20_260_229;

function numberFrom(name: string, usual: number): number {
  const text = process.env[name];
  const value = text === undefined || text === "" ? usual : Number(text);
  if (!Number.isFinite(value)) throw new Error(`${name} is "${text}", which is no number.`);
  return value;
}

export const SEED = numberFrom("TALLYFLOW_PROPERTY_SEED", USUAL_SEED);
export const SCALE = numberFrom("TALLYFLOW_PROPERTY_SCALE", 1);

/** Cases that are asked for by the properties that were loaded, and those that held, by property. */
export const planned = new Map<string, number>();
export const held = new Map<string, number>();

/** Each property has a stream of its own, so that another one can be added without changing what this one sees. */
function seedOf(name: string): number {
  return createHash("sha256").update(`${SEED}|${name}`).digest().readInt32BE(0);
}

/** A spec: `check` holds for `cases` generated values. What it throws fails the spec, shrunk and with the seed. */
export function property<T>(
  name: string,
  cases: number,
  values: fc.Arbitrary<T>,
  check: (value: T) => void,
): void {
  spec(name, cases, (count) =>
    fc.property(values, (value) => {
      check(value);
      count();
    }),
  );
}

/** As {@link property}, for a check that waits. */
export function waitingProperty<T>(
  name: string,
  cases: number,
  values: fc.Arbitrary<T>,
  check: (value: T) => Promise<void>,
): void {
  spec(name, cases, (count) =>
    fc.asyncProperty(values, async (value) => {
      await check(value);
      count();
    }),
  );
}

function spec<T>(
  name: string,
  cases: number,
  make: (count: () => void) => fc.IProperty<[T]> | fc.IAsyncProperty<[T]>,
): void {
  const numRuns = Math.max(1, Math.round(cases * SCALE));
  assert.ok(!planned.has(name), `two properties are called "${name}"`);
  planned.set(name, numRuns);
  it(`${name} (${numRuns.toLocaleString("en")} cases)`, async function () {
    this.timeout(0);
    let count = 0;
    const counted = make(() => (count += 1));
    const seed = seedOf(name);
    const first = await fc.check(counted, { numRuns, seed, maxSkipsPerRun: 20, endOnFailure: true });
    held.set(name, count);
    if (!first.failed) return;
    // Shrunk for so long only: a file of strange texts has no end of smaller ones.
    const shrunk = { seed, path: first.counterexamplePath ?? "", numRuns, interruptAfterTimeLimit: 20_000 };
    const again = await fc.check(counted, shrunk);
    const result = again.failed ? again : first;
    const repeat = `TALLYFLOW_PROPERTY_SEED=${SEED} TALLYFLOW_PROPERTY_SCALE=${SCALE}`;
    throw new Error(`Failed; ${repeat} repeats it.\n${fc.defaultReportMessage(result) ?? ""}`, {
      cause: result.errorInstance,
    });
  });
}

/** What a call gives, or the code of the TallyError that it throws. Anything else that it throws is a crash. */
export function outcome<T>(
  call: () => T,
  ...codes: readonly ErrorCode[]
): { value: T } | { code: ErrorCode } {
  try {
    return { value: call() };
  } catch (thrown) {
    if (!(thrown instanceof TallyError)) throw thrown;
    assert.ok(codes.includes(thrown.code), `${thrown.code} was thrown: ${thrown.message}`);
    assert.ok(thrown.message.length < 500, "a message for people is not that long");
    return { code: thrown.code };
  }
}

/** Text by strangers: other scripts, right-to-left and its marks, emoji, control characters, format words, digits. */
export const strangeText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: "grapheme", maxLength: 24 }) },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 16 }) },
  {
    weight: 3,
    arbitrary: fc
      .array(
        fc.constantFrom(
          ..."\u202e \u200f \u0000 \u0007 \u001b[31m \u00a0 \ufeff \u2028 👩‍👩‍👧 🇳🇱 עברית العربية 日本 ﷺ é e\u0301 ß İ ; , \" ' < & ]]> &#1; \\ ^ | \t // ?20 :61: - {4: 1,00 -5.00 2024-02-13".split(
            " ",
          ),
        ),
        { maxLength: 8 },
      )
      .map((parts) => parts.join("")),
  },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 5 }).map((text) => text.repeat(600)) },
);
