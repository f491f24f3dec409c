import assert from "node:assert/strict";
import fc from "fast-check";
import { identify } from "../../lib/bank/statements/ids";
import {
  importId,
  isIban,
  isOwnImportId,
  makeId,
  normaliseIban,
  ownId,
  queueId,
  sourceOf,
} from "../../lib/values";
import { rowId } from "../../lib/budget/actual/rows";
import { property, strangeText } from "./support";

/** Own ids as sources give them, and such as nobody should. */
const own = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[A-Za-z0-9_-]{1,22}$/) },
  {
    weight: 2,
    arbitrary: fc
      .array(fc.constantFrom("a", "b", ":", "|", "\\", "1", "%", " "), { minLength: 1, maxLength: 6 })
      .map((parts) => parts.join("")),
  },
  { weight: 1, arbitrary: strangeText },
);
const source = fc.stringMatching(/^[a-z]{2,8}(-[a-z0-9|]{1,5})?$/);

describe("properties: ids", () => {
  property(
    "an id gives back its source and the source's own id",
    30_000,
    fc.tuple(source, own),
    ([from, id]) => {
      const whole = makeId(from, id);
      assert.equal(sourceOf(whole), from);
      assert.equal(ownId(whole), id);
    },
  );

  property(
    "import ids are the same for the same payment, different for others, and short enough",
    30_000,
    fc.tuple(fc.array(own, { minLength: 4, maxLength: 4 }), fc.nat(3), fc.nat(3)),
    ([ids, one, other]) => {
      const [a, b, c, d] = ids as [string, string, string, string];
      const made = importId(a, b, one);
      assert.equal(importId(a, b, one), made);
      assert.match(made, /^TF1:[\w-]{22}$/);
      assert.ok(isOwnImportId(made) && made.length <= 36);
      assert.equal(importId(c, d, other) === made, a === c && b === d && one === other);
      // The same characters with the border elsewhere are another payment.
      const joined = `${a}|${b}|${c}`;
      const keys = [queueId(a, `${b}|${c}`), queueId(`${a}|${b}`, c)];
      assert.notEqual(keys[0], keys[1], joined);
      assert.notEqual(importId(a, `${b}|${c}`), importId(`${a}|${b}`, c), joined);
      assert.match(rowId(made), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.notEqual(rowId(made), rowId(made, "other"));
    },
  );

  const facts = fc.record({
    date: fc.constantFrom("2024-02-13", "2024-02-14"),
    amount: fc.constantFrom(-100, 100, 5),
    currency: fc.constantFrom("EUR", "USD"),
    description: fc.constantFrom("a", "b", "A ", "shop 12", "shop 1 2"),
    counterparty: fc.constantFrom({ name: "x" }, { iban: "NL91ABNA0417164300" }, {}),
    bankId: fc.constantFrom("", "1", "ABCDEF1", "ABCDEF2"),
  });
  property(
    "ids of rows of a file stay when the file is renamed, sorted anew or cut in days",
    6_000,
    fc.tuple(fc.array(facts, { maxLength: 8 }), fc.boolean()),
    ([rows, newestFirst]) => {
      const ids = identify("NL91ABNA0417164300", rows).map(({ id }) => id);
      for (const id of ids) assert.match(id, /^[\w-]{22}$/);
      assert.deepEqual(
        identify("nl91 abna 0417 1643 00", rows).map(({ id }) => id),
        ids,
      );
      const turned = newestFirst ? rows.toReversed() : [...rows].sort((a, b) => (a.date < b.date ? -1 : 1));
      assert.deepEqual(
        identify("NL91ABNA0417164300", turned)
          .map(({ id }) => id)
          .sort(),
        [...ids].sort(),
      );
      // Rows without an id of the bank are each a payment of their own.
      const plain = rows.map((row) => ({ ...row, bankId: "" }));
      assert.equal(new Set(identify("1", plain).map(({ id }) => id)).size, rows.length);
      // Rows of other days do not change what a day's rows are called.
      const day = plain.filter(({ date }) => date === "2024-02-13");
      const among = identify("1", plain).filter(({ payment }) => payment.date === "2024-02-13");
      assert.deepEqual(
        identify("1", day).map(({ id }) => id),
        among.map(({ id }) => id),
      );
    },
  );

  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const valid = fc
    .tuple(fc.constantFrom("NL", "DE", "FR", "MT"), fc.stringMatching(/^[A-Z0-9]{12,27}$/))
    .map(([country, rest]) => {
      const digits = [...`${rest}${country}00`].map((char) => parseInt(char, 36)).join("");
      return `${country}${String(98n - (BigInt(digits) % 97n)).padStart(2, "0")}${rest}`;
    });
  property(
    "an IBAN with one character changed or two swapped is none",
    20_000,
    fc.tuple(valid, fc.nat(), fc.nat(35), fc.boolean()),
    ([iban, where, other, swap]) => {
      assert.ok(isIban(iban) && isIban(iban.toLowerCase().replace(/(.{4})/g, "$1 ")), iban);
      assert.equal(normaliseIban(` ${iban.toLowerCase()}\n`), iban);
      const at = 4 + (where % (iban.length - 5));
      const char = other < 26 ? LETTERS[other]! : String(other - 26);
      const wrong = swap
        ? iban.slice(0, at) + iban[at + 1]! + iban[at]! + iban.slice(at + 2)
        : iban.slice(0, at) + char + iban.slice(at + 1);
      // Letters count as two digits: a letter for a digit is not always found out, and ISO 13616 knows that.
      const digits = (text: string) => /^[A-Z]{2}\d+$/.test(text);
      if (wrong === iban || !digits(iban) || !digits(wrong)) return;
      assert.ok(!isIban(wrong), `${wrong} for ${iban}`);
    },
  );
});
