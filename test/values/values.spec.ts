import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addDays,
  calendarDate,
  canonicalJson,
  contentHash,
  currencyExponent,
  dateOfDayNumber,
  dayNumber,
  daysBetween,
  ERROR_CODES,
  formatAmount,
  importId,
  isCalendarDate,
  isIban,
  isOwnImportId,
  localDate,
  makeId,
  ownId,
  parseAmount,
  rescale,
  sourceOf,
  TallyError,
  toTallyError,
  weekday,
} from "../../lib/values";

describe("money", () => {
  const cases: [string, string, number][] = [
    ["1.234,56", "EUR", 123456],
    ["1,234.56", "USD", 123456],
    ["1'234.56", "CHF", 123456],
    ["1 234,56", "EUR", 123456],
    ["-12.5", "EUR", -1250],
    ["12,50-", "EUR", -1250],
    ["(3.00)", "USD", -300],
    ["€ 5", "EUR", 500],
    ["5,00 EUR", "EUR", 500],
    ["EUR -5,00", "EUR", -500],
    ["+0.01", "EUR", 1],
    ["−7", "EUR", -700],
    ["1.000", "EUR", 100000],
    ["0.125", "KWD", 125],
    ["1.5", "KWD", 1500],
    ["1,000,000", "USD", 100000000],
    ["1234", "JPY", 1234],
    ["1,234", "JPY", 1234],
    [",50", "EUR", 50],
    ["12,", "EUR", 1200],
    ["1.10000", "EUR", 110],
    ["0", "EUR", 0],
    ["-0.00", "EUR", 0],
  ];
  for (const [text, currency, amount] of cases)
    it(`reads ${text} ${currency}`, () => assert.equal(parseAmount(text, currency), amount));

  for (const text of [
    "",
    "-",
    "abc",
    "1.2.3,4,5",
    "12.345,6.7",
    "1.005,001",
    "0.001",
    "--5",
    "(-5)",
    "99999999999999999",
    "1e5",
    "0x10",
    "5²",
    "①",
    "USD 5.00",
    "5 $ EUR USD",
    "₹ 5",
    "12 50",
  ]) {
    it(`refuses ${JSON.stringify(text)} as EUR`, () =>
      assert.throws(() => parseAmount(text, "EUR"), { code: "MONEY_INVALID" }));
  }

  it("takes the decimal mark that is asked for", () => {
    assert.equal(parseAmount("1.234", "EUR", ","), 123400);
    assert.equal(parseAmount("1,234", "KWD", "."), 1234000);
  });

  it("reads back what it writes, in every exponent (property)", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -99_999_999, max: 99_999_999 }),
        fc.constantFrom("JPY", "EUR", "KWD", "CLF"),
        (amount, currency) => {
          const text = formatAmount(amount, currency);
          assert.equal(parseAmount(text, currency, "."), amount === 0 ? 0 : amount);
          assert.equal(parseAmount(text.replace(".", ","), currency, ","), amount === 0 ? 0 : amount);
          const [whole, fraction] = text.split(".");
          assert.equal(fraction?.length ?? 0, currencyExponent(currency));
          const grouped = whole!.replace(/\B(?=(\d{3})+$)/g, ".");
          assert.equal(
            parseAmount(fraction ? `${grouped},${fraction}` : grouped, currency, ","),
            amount === 0 ? 0 : amount,
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  it("rescales without a loss or not at all", () => {
    assert.equal(rescale(1250, 2, 3), 12500);
    assert.equal(rescale(12500, 3, 2), 1250);
    assert.throws(() => rescale(12505, 3, 2), { code: "MONEY_INVALID" });
    assert.throws(() => rescale(10 ** 15, 0, 1), { code: "MONEY_INVALID" });
  });
});

describe("dates", () => {
  it("counts days like the calendar does", () => {
    assert.equal(dayNumber("1970-01-01"), 0);
    assert.equal(dayNumber("2000-03-01"), 11017);
    assert.equal(addDays("2024-02-28", 1), "2024-02-29");
    assert.equal(addDays("2026-01-01", -1), "2025-12-31");
    assert.equal(daysBetween("2024-02-28", "2024-03-01"), 2);
    assert.equal(weekday("2026-11-21"), 5);
  });

  it("turns days into dates and back, and agrees with UTC dates (property)", () => {
    fc.assert(
      fc.property(fc.integer({ min: -700_000, max: 2_900_000 }), (days) => {
        const date = dateOfDayNumber(days);
        assert.equal(dayNumber(date), days);
        assert.equal(new Date(days * 86_400_000).toISOString().slice(0, 10), date);
        assert.equal(weekday(date), (new Date(days * 86_400_000).getUTCDay() + 6) % 7);
      }),
      { numRuns: 2000 },
    );
  });

  it("knows which days exist", () => {
    assert.ok(
      isCalendarDate("2024-02-29") &&
        !isCalendarDate("2023-02-29") &&
        !isCalendarDate("1900-02-29") &&
        isCalendarDate("2000-02-29"),
    );
    assert.ok(!isCalendarDate("2024-13-01") && !isCalendarDate("2024-1-1") && !isCalendarDate("2024-00-10"));
    assert.throws(() => calendarDate(2023, 2, 30), { code: "DATE_INVALID" });
    assert.throws(() => calendarDate(2024, 1, 1.5), { code: "DATE_INVALID" });
    assert.throws(() => dayNumber("2023-02-30"), { code: "DATE_INVALID" });
    assert.throws(() => addDays("9999-12-31", 1), { code: "DATE_INVALID" });
  });

  it("takes the date from the clock on the wall", () => {
    assert.equal(localDate("2026-06-30T22:30:00Z", "Europe/Amsterdam"), "2026-07-01");
    assert.equal(localDate("2026-12-31T23:30:00Z", "Europe/Amsterdam"), "2027-01-01");
    assert.equal(localDate("2026-01-01T04:00:00Z", "America/New_York"), "2025-12-31");
    const none = ["yesterday", "shop 5", "2026-01-01T10:00:00", "2026-02-30T00:00:00Z", 9e15, NaN];
    for (const moment of none) assert.throws(() => localDate(moment, "UTC"), { code: "DATE_INVALID" });
    assert.throws(() => localDate("2026-01-01T00:00:00Z", "Mars/Base"), { code: "CONFIG_INVALID" });
  });
});

describe("ids and hashes", () => {
  it("keeps the source's own id, colons and all", () => {
    const id = makeId("files", "a:b");
    assert.deepEqual([sourceOf(id), ownId(id)], ["files", "a:b"]);
  });

  it("makes import ids that fit YNAB, always the same and apart for other payments and budgets", () => {
    const id = importId("bunq:1", "ynab:p");
    assert.equal(id, importId("bunq:1", "ynab:p"));
    assert.ok(
      id.length <= 36 &&
        isOwnImportId(id) &&
        !isOwnImportId("YNAB:-1:2026-01-01:1") &&
        !isOwnImportId(undefined),
    );
    assert.equal(
      new Set([
        id,
        importId("bunq:2", "ynab:p"),
        importId("bunq:1", "ynab:q"),
        importId("bunq:1", "ynab:p", 1),
      ]).size,
      4,
    );
  });

  it("checks an IBAN's digits", () => {
    assert.ok(isIban("NL91 ABNA 0417 1643 00") && isIban("de89370400440532013000"));
    assert.ok(!isIban("NL92ABNA0417164300") && !isIban("NL91") && !isIban(""));
  });

  it("writes equal values alike and different ones apart (property)", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const shuffled = JSON.parse(JSON.stringify(a), (_, value: unknown) =>
          value && typeof value === "object" && !Array.isArray(value)
            ? Object.fromEntries(Object.entries(value).reverse())
            : value,
        ) as unknown;
        assert.equal(contentHash(a), contentHash(shuffled));
        const same =
          JSON.stringify(JSON.parse(canonicalJson(a))) === JSON.stringify(JSON.parse(canonicalJson(b)));
        assert.equal(contentHash(a) === contentHash(b), same);
      }),
    );
    assert.equal(canonicalJson({ b: undefined, a: [undefined, null] }), '{"a":[null,null]}');
  });
});

describe("errors", () => {
  it("carries code, message, retryable and details, and keeps the cause out of what is stored", () => {
    const error = new TallyError("RATE_LIMITED", "Too many.", {
      retryable: true,
      retryAfterMs: 5,
      details: { a: 1 },
      cause: new Error("secret"),
    });
    assert.deepEqual(error.toJSON(), {
      code: "RATE_LIMITED",
      message: "Too many.",
      retryable: true,
      details: { a: 1 },
    });
  });

  it("takes anything thrown", () => {
    assert.equal(toTallyError("x").code, "INTERNAL");
    assert.equal(toTallyError(AbortSignal.abort().reason).code, "CANCELLED");
    const known = new TallyError("NOT_FOUND", "x");
    assert.equal(toTallyError(known), known);
  });

  it("has a meaning for every code", () => {
    for (const meaning of Object.values(ERROR_CODES)) assert.match(meaning, /^[A-Z].*\.$/);
  });
});
