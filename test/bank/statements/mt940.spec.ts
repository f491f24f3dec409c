import assert from "node:assert/strict";
import fc from "fast-check";
import { parseStatement } from "../../../lib/bank/statements";
import { addDays, formatAmount } from "../../../lib/values";
import { fixtureText, rows } from "./support";

const read = (name: string) => parseStatement(fixtureText(`mt940/${name}.sta`));

/** A statement of these `:61:` and `:86:` lines. */
const statement = (...lines: string[]) =>
  [
    ":20:T",
    ":25:NL91ABNA0417164300",
    ":28C:1/1",
    ":60F:C240101EUR0,",
    ...lines,
    ":62F:C240131EUR0,",
    "-",
  ].join("\r\n");

const one = (...lines: string[]) => {
  const [row] = rows(parseStatement(statement(...lines)));
  assert.ok(row);
  return row;
};

describe("MT940 reader", () => {
  it("reads ING's keywords between slashes inside a SWIFT envelope", () => {
    const parsed = read("ing-sepa");
    assert.deepEqual(parsed.errors, []);
    assert.equal(parsed.format, "mt940");
    assert.equal(parsed.accounts[0]?.iban, "NL02INGB0001234567");
    assert.deepEqual(rows(parsed), [
      {
        date: "2026-01-05",
        valueDate: "2026-01-05",
        amount: -2550,
        currency: "EUR",
        status: "booked",
        counterparty: { name: "BAKKERIJ DE KORENAAR", iban: "NL91ABNA0417164300", bic: "ABNANL2A" },
        description: "Factuur 77 brood",
        type: "transfer",
        bankId: "26005123456789",
        reference: "BON-2026-77",
        line: 6,
      },
      {
        date: "2026-01-05",
        valueDate: "2026-01-05",
        amount: -1200,
        currency: "EUR",
        status: "booked",
        counterparty: { name: "SPORTSCHOOL FIT", iban: "NL20INGB0001234560", bic: "INGBNL2A" },
        description: "Contributie januari",
        type: "direct debit",
        bankId: "26005123456790",
        reference: "INC-9",
        mandateId: "M-123",
        creditorId: "NL13ZZZ332005960000",
        line: 10,
      },
      {
        date: "2026-01-05",
        valueDate: "2026-01-05",
        amount: 40000,
        currency: "EUR",
        status: "booked",
        counterparty: { name: "J JANSEN", iban: "NL20INGB0001234560", bic: "INGBNL2A" },
        description: "0012345678901234",
        type: "transfer",
        bankId: "26005123456791",
        reference: "0012345678901234",
        line: 14,
      },
    ]);
  });

  it("reads ABN AMRO's keywords and card texts, and takes the year of an entry date across New Year", () => {
    const parsed = read("abnamro-sepa");
    assert.deepEqual(parsed.errors, []);
    const [debit, card] = rows(parsed);
    assert.equal(debit?.date, "2026-01-02");
    assert.equal(debit?.valueDate, "2025-12-31");
    assert.deepEqual(debit?.counterparty, {
      name: "ENERGIE DIRECT B.V.",
      iban: "NL20INGB0001234560",
      bic: "INGBNL2A",
    });
    assert.equal(debit?.description, "TERMIJN JANUARI 2026");
    assert.equal(debit?.mandateId, "E-4711");
    assert.equal(debit?.creditorId, "NL22ZZZ332005960000");
    assert.equal(card?.type, "card");
    assert.equal(card?.counterparty?.name, "KIOSK AMSTERDAM CS");
  });

  it("reads German subfields, SEPA keywords across them, reversals and expected entries", () => {
    const parsed = read("commerzbank");
    const [salary, subscription, returned, cancelled, expected] = rows(parsed);
    assert.equal(salary?.amount, 125000);
    assert.equal(salary?.description, "Lohn und Gehalt Feb 2026");
    assert.equal(salary?.reference, "LOHN-2026-02");
    // The number in the text is the statement's own account, so it is nobody else's.
    assert.deepEqual(salary?.counterparty, { name: "Muster Maschinenbau GmbH", bic: "COBADEFFXXX" });
    assert.equal(subscription?.creditorId, "DE98ZZZ09999999999");
    assert.equal(subscription?.mandateId, "M0815");
    assert.equal(subscription?.description, "Abos März");
    assert.equal(subscription?.date, "2026-02-28");
    assert.equal(returned?.amount, -5000, "RC takes money out");
    assert.equal(cancelled?.amount, 700, "RD brings money in");
    assert.equal(expected?.status, "pending");
    assert.deepEqual(
      parsed.errors.map(({ line }) => line),
      [9],
      "only the 30 February is reported: the balances tie without the expected entry",
    );
    assert.match(parsed.errors[0]!.reason, /2026-02-30, which does not exist; 2026-02-28/);
  });

  it("reads Polish subfields after ^ and ~", () => {
    const parsed = read("polish");
    assert.deepEqual(parsed.errors, []);
    const [transfer, interest] = rows(parsed);
    assert.deepEqual(transfer?.counterparty, {
      name: "ANNA NOWAK UL. POLNA 5 WARSZAWA",
      iban: "PL27114020040000300201355387",
    });
    assert.equal(transfer?.description, "FAKTURA 12/2025 ZA GRUDZIEN");
    assert.equal(interest?.amount, 55);
    assert.equal(interest?.type, "odsetki");
  });

  it("keeps good rows beside bad ones, and does not take wrapped times for fields", () => {
    const parsed = read("odd");
    assert.deepEqual(
      rows(parsed).map(({ line, amount, description }) => [line, amount, description]),
      [
        [6, 50, "-:86:this is not a tag"],
        [11, -200, "Terminal 2026-01-01T10 :12:11 and :20:15 and - a dash :25:59 Uhr"],
        [23, 100, "kept"],
      ],
    );
    const reasons = parsed.errors.map(({ line, reason }) => `${line}: ${reason}`).join("\n");
    assert.match(reasons, /^8: :61: left out: .*is not a statement line/m);
    assert.match(reasons, /^9: :61: left out: "240132" is not a date/m);
    assert.match(reasons, /^10: :61: left out: .*more than 2 decimals/m);
    assert.match(reasons, /no closing balance \(:62F:\): the file may have been cut off/);
  });

  it("says by how much the balances are off", () => {
    const parsed = parseStatement(statement(":61:240115C1,50NTRFNONREF"));
    assert.equal(parsed.errors.length, 1);
    assert.match(parsed.errors[0]!.reason, /off by -1\.50 EUR/);
  });

  it("reads Rabobank's, Knab's and the name behind an account in the row itself", () => {
    assert.deepEqual(
      one(
        ":61:240115D25,NTRFNONREF",
        "NL20INGB0001234560",
        ":86:/BENM//NAME/A DE WIT/REMI/Fiets/ISDT/2024-01-15",
      ).counterparty,
      { name: "A DE WIT", iban: "NL20INGB0001234560" },
    );
    assert.deepEqual(
      one(":61:240115D25,NTRFNONREF", ":86:HUUR", "REK: NL20INGB0001234560/NAAM: WOONSTAD").counterparty,
      {
        name: "WOONSTAD",
        iban: "NL20INGB0001234560",
      },
    );
    assert.deepEqual(
      one(":61:240115D25,NIOBNL20INGB0001234560", "a de wit", ":86:NL20INGB0001234560 a de wit", "", "Fiets")
        .counterparty,
      {
        name: "a de wit",
        iban: "NL20INGB0001234560",
      },
    );
  });

  it("finds the only foreign IBAN in free text, and the Belgian structured message", () => {
    assert.deepEqual(
      one(":61:240115D25,NTRFNONREF", ":86:VIREMENT A BE68 5390 0754 7034 DUPONT ***090/9337/55493***"),
      {
        date: "2024-01-15",
        valueDate: "2024-01-15",
        amount: -2500,
        currency: "EUR",
        status: "booked",
        counterparty: { iban: "BE68539007547034" },
        description: "VIREMENT A BE68 5390 0754 7034 DUPONT ***090/9337/55493***",
        type: "transfer",
        reference: "090/9337/55493",
        line: 5,
      },
    );
    assert.equal(one(":61:240115D25,NTRFNONREF", ":86:FROM NL91ABNA0417164300").counterparty, undefined);
  });

  it("reads amounts, marks and dates however they are written", () => {
    const amounts: [line: string, amount: number][] = [
      [":61:240115C12,NTRFNONREF", 1200],
      [":61:240115C,50NTRFNONREF", 50],
      [":61:240115CR1.234,56NTRFNONREF", 123456],
      [":61:240115C0000000012,5NTRFNONREF", 1250],
      [":61:2401150116DR12.50NTRFNONREF", -1250],
      [":61:240115RD3,00NTRFNONREF", 300],
      [":61:240115RC3,00NTRFNONREF", -300],
      [":61:240115C0,00NTRFNONREF", 0],
    ];
    for (const [line, amount] of amounts) assert.equal(one(line).amount, amount, line);
    assert.equal(one(":61:2312291229C1,NTRFNONREF").date, "2023-12-29");
    assert.equal(one(":61:2401021229C1,NTRFNONREF").date, "2023-12-29");
    assert.equal(one(":61:990115C1,NTRFNONREF").date, "1999-01-15");
    assert.equal(one(":61:2401150000C1,NTRFNONREF").date, "2024-01-15");
  });

  it("takes MT942 as pending, with the currency of its floor limit", () => {
    const parsed = parseStatement(
      ":20:X\n:25:NL91ABNA0417164300\n:28C:1\n:34F:JPY0,\n:13D:2401151200+0100\n:61:240115C100,NTRFNONREF//REF12345\n:90C:1JPY100,\n-",
    );
    assert.equal(parsed.format, "mt942");
    assert.deepEqual(parsed.errors, []);
    const [row] = rows(parsed);
    assert.equal(row?.status, "pending");
    assert.equal(row?.amount, 100);
    assert.equal(row?.currency, "JPY");
  });

  it("reads the line ends of HBCI, old Mac line ends and a text under a wrong field number", () => {
    const text = statement(":61:240115C1,00NTRFNONREF", ":86:166?00GUTSCHRIFT?20SVWZ+Miete");
    for (const end of ["@@", "\r", "\n"]) {
      assert.equal(rows(parseStatement(text.replaceAll("\r\n", end)))[0]?.description, "Miete");
    }
    assert.equal(rows(parseStatement(text.replace(":86:", ":25:")))[0]?.description, "Miete");
    assert.equal(parseStatement(text.replace(":86:", ":25:")).accounts.length, 1);
  });

  it("reads keywords with a colon, and the text behind the last of them", () => {
    const row = one(
      ":61:2401150115DR10,00N105NONREF",
      ":86:105?00Lastschrift?20EREF: ABC123?21MREF: M1?22CRED: DE98ZZZ09999999999",
      "?23IBAN: DE02120300000000202051?24BIC: BYLADEM1001?25Miete Mai?32Hausverwaltung",
    );
    assert.deepEqual(
      [row.reference, row.mandateId, row.creditorId, row.description],
      ["ABC123", "M1", "DE98ZZZ09999999999", "Miete Mai"],
    );
    assert.deepEqual(row.counterparty, {
      name: "Hausverwaltung",
      iban: "DE02120300000000202051",
      bic: "BYLADEM1001",
    });
  });

  it("never invents a currency", () => {
    const parsed = parseStatement(":20:X\n:25:123456\n:61:240115C100,NTRFNONREF\n-");
    assert.equal(rows(parsed)[0]?.currency, "XXX");
    assert.match(parsed.errors[0]!.reason, /does not name the currency/);
    assert.equal(
      rows(parseStatement(":20:X\n:25:123456\n:61:240115C100,NTRFNONREF\n-", { currency: "CHF" }))[0]
        ?.currency,
      "CHF",
    );
  });

  const payment = fc.record({
    day: fc.integer({ min: 0, max: 700 }),
    lag: fc.integer({ min: -20, max: 20 }),
    amount: fc.integer({ min: -99_999_999, max: 99_999_999 }),
    name: fc.stringMatching(/^[A-Z][A-Za-z]{1,20}$/),
    purpose: fc.stringMatching(/^[A-Z][a-z0-9]{0,8}( [a-z0-9]{1,8}){0,8}$/),
    ref: fc.stringMatching(/^[A-Z1-9][A-Z0-9]{7,15}$/),
  });

  /** German text in subfields of 27 characters, lines of 65. */
  const render = (
    items: readonly {
      day: number;
      lag: number;
      amount: number;
      name: string;
      purpose: string;
      ref: string;
    }[],
    end: string,
  ) => {
    const short = (date: string) => date.slice(2).replaceAll("-", "");
    const swift = (amount: number) => formatAmount(Math.abs(amount), "EUR").replace(".", ",");
    const sum = items.reduce((total, { amount }) => total + amount, 0);
    const balance = (amount: number) => `${amount < 0 ? "D" : "C"}240101EUR${swift(amount)}`;
    const lines = [":20:G", ":25:NL91ABNA0417164300", ":28C:1/1", `:60F:${balance(500)}`];
    for (const item of items) {
      const booked = addDays("2024-01-01", item.day);
      const valued = addDays(booked, item.lag);
      lines.push(
        `:61:${short(valued)}${short(booked).slice(2)}${item.amount < 0 ? "D" : "C"}${swift(item.amount)}NTRFNONREF//${item.ref}`,
      );
      const text = `EREF+E-${item.ref} SVWZ+${item.purpose}`;
      const parts = text.match(/.{1,27}/g) ?? [];
      const coded = `166?00X${parts.map((part, at) => `?${20 + at}${part}`).join("")}?32${item.name}`;
      const wrapped = coded.match(/.{1,65}/g) ?? [];
      lines.push(`:86:${wrapped.join(end)}`);
    }
    lines.push(`:62F:${balance(500 + sum)}`, "-");
    return lines.join(end);
  };

  it("gives back what was written (property)", () => {
    fc.assert(
      fc.property(fc.array(payment, { maxLength: 8 }), fc.constantFrom("\n", "\r\n"), (items, end) => {
        const parsed = parseStatement(render(items, end));
        assert.deepEqual(parsed.errors, []);
        assert.deepEqual(
          rows(parsed).map((row) => [
            row.date,
            row.valueDate,
            row.amount,
            row.counterparty?.name,
            row.description,
            row.reference,
            row.bankId,
          ]),
          items.map((item) => {
            const date = addDays("2024-01-01", item.day);
            return [
              date,
              addDays(date, item.lag),
              item.amount,
              item.name,
              item.purpose,
              `E-${item.ref}`,
              item.ref,
            ];
          }),
        );
      }),
      { numRuns: 150 },
    );
  });

  it("never crashes on a file cut off anywhere, and yields no payment that was not there (property)", () => {
    fc.assert(
      fc.property(
        fc.array(payment, { minLength: 1, maxLength: 5 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (items, where) => {
          const whole = render(items, "\n");
          const cut = whole.slice(0, Math.floor(whole.length * where));
          const parsed = readOrRefuse(cut);
          const there = items.map(({ day, amount }) => `${addDays("2024-01-01", day)} ${amount}`);
          const found = parsed.map(({ date, amount }) => `${date} ${amount}`);
          assert.deepEqual(found, there.slice(0, found.length));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("reports or survives garbage anywhere; amounts that were not there do not go unreported (property)", () => {
    fc.assert(
      fc.property(
        fc.array(payment, { minLength: 1, maxLength: 4 }),
        fc.nat(),
        fc.nat({ max: 12 }),
        fc.string({ maxLength: 8 }),
        (items, at, length, garbage) => {
          const whole = render(items, "\n");
          const start = at % whole.length;
          const text = whole.slice(0, start) + garbage + whole.slice(start + length);
          let parsed;
          try {
            parsed = parseStatement(text);
          } catch (error) {
            assert.equal((error as { code?: string }).code, "STATEMENT_UNREADABLE");
            return;
          }
          const there = new Set(items.map(({ amount }) => amount));
          const strange = rows(parsed).filter(({ amount }) => !there.has(amount));
          assert.ok(strange.length === 0 || parsed.errors.length > 0, JSON.stringify(strange));
        },
      ),
      { numRuns: 400 },
    );
  });
});

function readOrRefuse(text: string) {
  try {
    return rows(parseStatement(text));
  } catch (error) {
    assert.equal((error as { code?: string }).code, "STATEMENT_UNREADABLE");
    return [];
  }
}
