import assert from "node:assert/strict";
import fc from "fast-check";
import { converter } from "../../lib/budget/actual/money";
import { toMilliunits, toMinor } from "../../lib/budget/ynab/money";
import { decideMark, lexAmount, toMoney } from "../../lib/bank/statements/fields/amounts";
import { currencyExponent, formatAmount, parseAmount, rescale } from "../../lib/values";
import { outcome, property, strangeText } from "./support";

/** One currency of each exponent of ISO 4217, and how many decimals that is, told by hand. */
const DECIMALS = { JPY: 0, EUR: 2, KWD: 3, CLF: 4 } as const;
type Currency = keyof typeof DECIMALS;
const currency = fc.constantFrom<Currency>("JPY", "EUR", "KWD", "CLF");
const LARGEST = Number.MAX_SAFE_INTEGER;

/** 0.01 to 999,999.99 in minor units of the currency; from 0.001 in three decimals, from 1 to 999,999 in none. */
const household = currency.chain((code) =>
  fc.tuple(
    fc.constant(code),
    fc.oneof(
      fc.integer({ min: 1, max: Number((99_999_999n * 10n ** BigInt(DECIMALS[code])) / 100n) }),
      fc.constantFrom(1, 5, 10, 99, 100, 101, 999, 1000, 1001, 999_999),
    ),
  ),
);
/** Everything that can be held, both signs, and the edges. */
const held = fc.tuple(
  currency,
  fc.oneof(
    fc.integer({ min: -LARGEST, max: LARGEST }),
    fc.integer({ min: -100_000, max: 100_000 }),
    fc.constantFrom(0, 1, -1, LARGEST, -LARGEST, LARGEST - 1, 10 ** 15),
  ),
);

/** The amount in digits, by BigInt alone. */
function written(
  minor: number | bigint,
  decimals: number,
): { sign: string; whole: string; fraction: string } {
  const amount = BigInt(minor);
  const digits = String(amount < 0n ? -amount : amount).padStart(decimals + 1, "0");
  const at = digits.length - decimals;
  return { sign: amount < 0n ? "-" : "", whole: digits.slice(0, at), fraction: digits.slice(at) };
}

const GROUPINGS: Readonly<Record<string, (whole: string) => string>> = {
  none: (whole) => whole,
  ...Object.fromEntries(
    [",", ".", "'", "’", " ", "\u00a0", "\u202f"].map((mark) => [
      mark,
      (whole: string) => whole.replace(/\B(?=(\d{3})+$)/g, mark),
    ]),
  ),
  lakh: (whole) => whole.replace(/\B(?=(\d{2})*\d{3}$)/g, ","),
};
const SIGNS: readonly ((text: string) => string)[] = [
  (text) => `-${text}`,
  (text) => `${text}-`,
  (text) => `(${text})`,
  (text) => `\u2212${text}`,
  (text) => `- ${text}`,
];
const AROUND: readonly ((text: string, code: string) => string)[] = [
  (text) => text,
  (text, code) => `${code} ${text}`,
  (text, code) => `${text}\u00a0${code}`,
  (text) => ` ${text}\t`,
];
const style = fc.record({
  grouping: fc.constantFrom(...Object.keys(GROUPINGS)),
  mark: fc.constantFrom(".", ","),
  sign: fc.constantFrom(...SIGNS),
  around: fc.constantFrom(...AROUND),
  negative: fc.boolean(),
});
type Style = typeof style extends fc.Arbitrary<infer T> ? T : never;

function styled(minor: number, code: Currency, { grouping, mark, sign, around, negative }: Style) {
  const { whole, fraction } = written(minor, DECIMALS[code]);
  const taken = (grouping === "lakh" ? "," : grouping) === mark;
  const own = taken ? (mark === "." ? "," : ".") : mark;
  const body = GROUPINGS[grouping]!(whole) + (fraction === "" ? "" : own + fraction);
  return { text: around(negative ? sign(body) : body, code), mark: own as "." | ",", negative };
}

describe("properties: money", () => {
  it("knows as many decimals as Intl", () => {
    for (const code of ["EUR", "USD", "GBP", "JPY", "KRW", "CLP", "KWD", "BHD", "TND", "OMR", "CLF", "UYW"]) {
      const { maximumFractionDigits } = new Intl.NumberFormat("en", {
        style: "currency",
        currency: code,
      }).resolvedOptions();
      assert.equal(currencyExponent(code), maximumFractionDigits, code);
    }
  });

  property(
    "0.01 to 999,999.99 is written and read exactly in every exponent",
    160_000,
    household,
    ([code, minor]) => {
      const { whole, fraction } = written(minor, DECIMALS[code]);
      const plain = fraction === "" ? whole : `${whole}.${fraction}`;
      assert.equal(formatAmount(minor, code), plain);
      assert.equal(formatAmount(-minor, code), `-${plain}`);
      assert.equal(parseAmount(plain, code), minor);
      assert.equal(parseAmount(`-${plain}`, code, "."), -minor);
      assert.equal(parseAmount(plain.replace(".", ","), code, ","), minor);
    },
  );

  property(
    "amounts are read in the groups, marks and signs of all countries",
    80_000,
    fc.tuple(household, style),
    ([[code, minor], how]) => {
      const { text, mark, negative } = styled(minor, code, how);
      const wanted = negative ? -minor : minor;
      assert.equal(parseAmount(text, code, mark), wanted);
      // Left to itself it may only be unsure of one group of three behind the first digits.
      const digits = /[\d][\d.,]*/.exec(text)![0];
      if (!/^\d{1,3}[.,]\d{3}$/.test(digits) || DECIMALS[code] === 0 || digits.startsWith("0")) {
        assert.equal(parseAmount(text, code), wanted);
      }
    },
  );

  const LOCALES = ["en-US", "de-DE", "fr-FR", "nl-NL", "de-CH", "en-IN", "pl-PL", "sv-SE", "es-ES", "pt-BR"];
  const formats = new Map<string, { format: Intl.NumberFormat; mark: "." | "," }>();
  const formatOf = (locale: string, code: Currency) => {
    const key = `${locale} ${code}`;
    let found = formats.get(key);
    if (!found) {
      const digits = { minimumFractionDigits: DECIMALS[code], maximumFractionDigits: DECIMALS[code] };
      const format = new Intl.NumberFormat(locale, {
        style: "currency",
        currency: code,
        currencyDisplay: "code",
        ...digits,
      });
      const mark =
        new Intl.NumberFormat(locale).formatToParts(1.1).find(({ type }) => type === "decimal")?.value ?? ".";
      formats.set(key, (found = { format, mark: mark as "." | "," }));
    }
    return found;
  };
  property(
    "what Intl writes for a locale is read back",
    20_000,
    fc.tuple(fc.constantFrom(...LOCALES), household, fc.boolean()),
    ([locale, [code, minor], negative]) => {
      const { format, mark } = formatOf(locale, code);
      const { whole, fraction } = written(minor, DECIMALS[code]);
      const exact = `${negative ? "-" : ""}${whole}.${fraction || "0"}` as `${number}`;
      assert.equal(parseAmount(format.format(exact), code, mark), negative ? -minor : minor);
    },
  );

  property("everything that can be held is written and read exactly", 40_000, held, ([code, minor]) => {
    const { sign, whole, fraction } = written(minor, DECIMALS[code]);
    const plain = sign + whole + (fraction === "" ? "" : `.${fraction}`);
    assert.equal(formatAmount(minor, code), plain);
    assert.equal(parseAmount(plain, code, "."), minor);
  });

  property(
    "what cannot be held exactly is refused",
    10_000,
    fc.tuple(currency, fc.bigInt({ min: BigInt(LARGEST) + 1n, max: 10n ** 40n })),
    ([code, minor]) => {
      const { whole, fraction } = written(minor, DECIMALS[code]);
      const plain = `${whole}.${fraction}`;
      assert.deepEqual(
        outcome(() => parseAmount(plain, code, "."), "MONEY_INVALID"),
        { code: "MONEY_INVALID" },
      );
      const { whole: w, fraction: f } = written(minor, DECIMALS[code] + 1);
      if (f.endsWith("0")) return;
      assert.deepEqual(
        outcome(() => parseAmount(`${w.slice(-6)}.${f}`, code, "."), "MONEY_INVALID"),
        { code: "MONEY_INVALID" },
      );
    },
  );

  const folded = (text: string) =>
    text.replace(/[\uff10-\uff19]/g, (digit) => String(digit.charCodeAt(0) - 0xff10));

  /** All ways in which a text can be read as decimal digits, in units of 10^-12. */
  function readings(text: string): Set<bigint> {
    const plain = folded(text);
    const marked = plain
      .replaceAll("\uff0e", ".")
      .replaceAll("\uff0c", ",")
      .replace(/[^\d.,]/g, "");
    const found = new Set<bigint>();
    for (const at of [marked.length, marked.lastIndexOf("."), marked.lastIndexOf(",")]) {
      if (at < 0) continue;
      const whole = marked.slice(0, at).replace(/\D/g, "");
      const fraction = marked.slice(at + 1).replace(/\D/g, "");
      if (fraction.length <= 12 || /^0*$/.test(fraction.slice(12)))
        found.add(BigInt(whole || "0") * 10n ** 12n + BigInt(fraction.slice(0, 12).padEnd(12, "0")));
    }
    return found;
  }
  const nearlyMoney = fc
    .array(
      fc.constantFrom(
        ..."0 1 2 5 9 12 000 123 4567 . , , . ' - + ( ) € $ EUR USD JPY x e ² ½ ① ⒈ ⑴ \uff11 \uff0e ٣ \u2212".split(
          " ",
        ),
        " ",
        "\u00a0",
        "\n",
        "\u200b",
      ),
      { maxLength: 9 },
    )
    .map((parts) => parts.join(""));
  property(
    "no text is taken for another amount than its digits say, and none crashes",
    90_000,
    fc.tuple(
      fc.oneof({ weight: 4, arbitrary: nearlyMoney }, { weight: 1, arbitrary: strangeText }),
      currency,
      fc.constantFrom<"." | "," | "auto">(".", ",", "auto"),
    ),
    ([text, code, mark]) => {
      const read = outcome(() => parseAmount(text, code, mark), "MONEY_INVALID");
      if ("code" in read) return;
      const { value } = read;
      assert.ok(Number.isSafeInteger(value) && !Object.is(value, -0));
      const size = BigInt(Math.abs(value)) * 10n ** BigInt(12 - DECIMALS[code]);
      assert.ok(readings(text).has(size), `${JSON.stringify(text)} was read as ${formatAmount(value, code)}`);
      const minus = /[-(\u2212\u2013\uff0d\uff08]/.test(text);
      assert.equal(value < 0, minus && value !== 0, JSON.stringify(text));
      // An amount that says to be in another currency is none in this one.
      const named = /[A-Z]{3}/.exec(text)?.[0];
      assert.ok(named === undefined || named === code, `${JSON.stringify(text)} was read as ${code}`);
      // Nor are two numbers with a gap between them one number.
      assert.ok(!/\d\s+\d{1,2}(?!\d)/.test(folded(text).replace(/[.,]/g, "x")), JSON.stringify(text));
    },
  );

  property(
    "cells of statements: the mark is decided over a column and every amount is exact",
    30_000,
    fc.tuple(
      currency,
      fc.array(fc.integer({ min: 1, max: 99_999_999 }), { minLength: 1, maxLength: 6 }),
      style,
    ),
    ([code, amounts, how]) => {
      const cells = amounts.map((minor) => styled(minor, code, how));
      const taken = cells.map(({ text }) =>
        lexAmount(text.trim().replace(/^\((.*)\)\u00a0[A-Z]{3}$/, "($1)")),
      );
      assert.ok(!taken.includes(undefined), JSON.stringify(cells));
      const { mark } = decideMark(taken.map((cell) => cell!.body));
      taken.forEach((cell, at) => {
        const money = toMoney(cell!, code, mark);
        // Unsure is said, and a wrong amount is never given.
        if (typeof money === "string") assert.equal(mark, undefined);
        else if (mark !== undefined || DECIMALS[code] === 0)
          assert.deepEqual(money, { minor: amounts[at], rounded: false });
        assert.equal(cell!.sign === "-", how.negative);
      });
    },
  );

  property(
    "rescaling loses nothing and changes no sum, or is refused",
    40_000,
    fc.tuple(held, held, fc.nat(4), fc.nat(4)),
    ([[, one], [, other], from, to]) => {
      const exact = (amount: bigint) =>
        to >= from ? amount * 10n ** BigInt(to - from) : amount / 10n ** BigInt(from - to);
      const fits = (amount: bigint) =>
        (to >= from || amount % 10n ** BigInt(from - to) === 0n) &&
        exact(amount) <= BigInt(LARGEST) &&
        exact(amount) >= -BigInt(LARGEST);
      for (const amount of [one, other]) {
        const scaled = outcome(() => rescale(amount, from, to), "MONEY_INVALID");
        if (!fits(BigInt(amount))) assert.deepEqual(scaled, { code: "MONEY_INVALID" });
        else {
          assert.deepEqual(scaled, { value: Number(exact(BigInt(amount))) });
          assert.equal(rescale(Number(exact(BigInt(amount))), to, from), amount);
        }
      }
    },
  );

  property("sums of amounts never drift", 15_000, fc.array(household, { maxLength: 40 }), (rows) => {
    for (const code of Object.keys(DECIMALS) as Currency[]) {
      const own = rows.filter(([of]) => of === code).map(([, minor], at) => (at % 2 ? -minor : minor));
      const texts = own.map((minor) => formatAmount(minor, code));
      const sum = texts.reduce((total, text) => total + parseAmount(text, code, "."), 0);
      assert.equal(
        BigInt(sum),
        own.reduce((total, minor) => total + BigInt(minor), 0n),
      );
      const milliunits = code === "CLF" ? [] : own.map((minor) => toMilliunits(minor, code));
      if (code !== "CLF") {
        const total = milliunits.reduce((a, b) => a + b, 0);
        assert.equal(toMinor(total, code), sum === 0 ? 0 : sum);
      }
    }
  });

  property("YNAB's milliunits are exact both ways, or refused", 40_000, held, ([code, minor]) => {
    const decimals = DECIMALS[code];
    const exact = decimals <= 3 ? BigInt(minor) * 10n ** BigInt(3 - decimals) : BigInt(minor) / 10n;
    const fits =
      (decimals <= 3 || BigInt(minor) % 10n === 0n) && exact <= BigInt(LARGEST) && exact >= -BigInt(LARGEST);
    const milliunits = outcome(() => toMilliunits(minor, code), "MONEY_INVALID");
    if (!fits) assert.deepEqual(milliunits, { code: "MONEY_INVALID" });
    else {
      assert.deepEqual(milliunits, { value: Number(exact) });
      assert.equal(toMinor(Number(exact), code), minor);
    }
  });

  property(
    "fractions of a minor unit in YNAB are rounded to the nearest one",
    30_000,
    fc.tuple(fc.constantFrom<Currency>("JPY", "EUR", "KWD"), held),
    ([code, [, milliunits]]) => {
      const factor = 10n ** BigInt(3 - DECIMALS[code]);
      // The floor of the double plus one half, as Math.round and YNAB's own library have it.
      const twice = 2n * BigInt(milliunits) + factor;
      const floor = twice / (2n * factor) - (twice < 0n && twice % (2n * factor) !== 0n ? 1n : 0n);
      assert.equal(toMinor(milliunits, code), Number(floor));
    },
  );

  property(
    "Actual's integers are exact both ways, or refused",
    40_000,
    fc.tuple(held, fc.boolean()),
    ([[code, minor], chosen]) => {
      const { toMinor: read, toStored } = converter(code, chosen ? code : "");
      const decimals = chosen && code === "JPY" ? 0 : 2;
      const up = BigInt(minor) * 10n ** BigInt(decimals);
      const down = 10n ** BigInt(DECIMALS[code]);
      const stored = up / down;
      const fits = up % down === 0n && stored < 2n ** 51n && stored > -(2n ** 51n);
      const found = outcome(() => toStored(minor), "MONEY_INVALID");
      if (!fits) assert.deepEqual(found, { code: "MONEY_INVALID" });
      else {
        assert.deepEqual(found, { value: Number(stored) });
        assert.equal(read(Number(stored)), minor);
      }
    },
  );
});
