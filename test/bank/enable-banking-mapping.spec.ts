import assert from "node:assert/strict";
import type { Payment } from "../../lib/store";
import { read } from "./bunq-harness";
import { enableBankingHarness, household } from "./enable-banking-harness";

/** One payment of the twin, shaped; the others left out. */
describe("Enable Banking: what a payment says", () => {
  const harness = enableBankingHarness();
  const sequence = household.payments.find(
    ({ account, amount }) => account === "current" && amount < 0,
  )!.sequence;
  const base = {
    entry_reference: "REF-000001",
    transaction_amount: { amount: "12.50", currency: "EUR" },
    credit_debit_indicator: "DBIT",
    status: "BOOK",
    booking_date: "2025-05-02",
    remittance_information: ["Groceries"],
  };

  async function rows(changes: Record<string, unknown>[], pending = false) {
    const { provider, account } = await harness.ready(
      {
        order: "oldest",
        shape: (_, { account, sequence: at }) =>
          account === "current" && at === sequence
            ? changes.map((change, n) => ({ ...base, entry_reference: `REF-00000${n}`, ...change }))
            : [],
      },
      { pending },
    );
    return read(provider, account, null);
  }
  async function one(change: Record<string, unknown>): Promise<Payment> {
    const { payments, errors } = await rows([change]);
    assert.deepEqual(errors, []);
    assert.equal(payments.length, 1);
    return payments[0]!;
  }

  it("reads all that a row can say", async () => {
    const row = {
      transaction_id: "t1",
      value_date: "2025-05-03",
      transaction_date: "2025-05-01",
      creditor: { name: "  Café\u0000 Zürich\n" },
      creditor_account: { iban: "NL91 ABNA 0417 1643 00" },
      creditor_agent: { bic_fi: "ABNANL2A" },
      debtor: { name: "Myself" },
      debtor_account: { iban: "NL20INGB0001234567" },
      remittance_information: ["Line one", "", " line  two "],
      reference_number: "RF18 5390 0754 7034",
      bank_transaction_code: { code: "PMNT-CCRD", sub_code: "POSD", description: "Betaalautomaat" },
      merchant_category_code: "5812",
      balance_after_transaction: { amount: "-3.25", currency: "EUR" },
      exchange_rate: { instructed_amount: { amount: "1500", currency: "JPY" }, exchange_rate: "120.0" },
    };
    const { id, raw, fetchedAt, accountId, source, ...said } = await one(row);
    assert.deepEqual(said, {
      status: "booked",
      date: "2025-05-02",
      valueDate: "2025-05-03",
      amount: -1250,
      currency: "EUR",
      original: { amount: -1500, currency: "JPY" },
      counterparty: { name: "Café Zürich", iban: "NL91ABNA0417164300", bic: "ABNANL2A" },
      description: "Line one line two",
      type: "card",
      reference: "RF18 5390 0754 7034",
      balanceAfter: -325,
    });
    assert.match(id, /^enable-banking:[\w-]{22}$/);
    assert.deepEqual(raw, { ...base, entry_reference: "REF-000000", ...row });
    assert.ok(accountId.startsWith(`${source}:`) && !Number.isNaN(Date.parse(fetchedAt)));
  });

  it("takes the sign from the indicator and the digits from the currency", async () => {
    const amount = (amount: string, currency = "EUR") => ({ transaction_amount: { amount, currency } });
    const { payments, errors } = await rows([
      amount("12.5"),
      amount("-12.50"),
      { ...amount("7"), credit_debit_indicator: "CRDT" },
      amount("1500", "JPY"),
      amount("1.234", "KWD"),
      amount("0.00"),
      amount("3.10", "XXX"),
      amount("90071992547409.91"),
    ]);
    assert.deepEqual(errors, []);
    assert.deepEqual(
      payments.map(({ amount, currency }) => [amount, currency]),
      [
        [-1250, "EUR"],
        [-1250, "EUR"],
        [700, "EUR"],
        [-1500, "JPY"],
        [-1234, "KWD"],
        [0, "EUR"],
        [-310, "EUR"],
        [-9007199254740991, "EUR"],
      ],
    );
  });

  it("takes the other side of the payment, and does without", async () => {
    const both = {
      creditor: { name: "Shop" },
      debtor: { name: "Payer" },
      debtor_account: { other: { identification: "12-34" } },
    };
    assert.deepEqual((await one(both)).counterparty, { name: "Shop" });
    const credit = await one({ ...both, credit_debit_indicator: "CRDT" });
    assert.deepEqual(credit.counterparty, { name: "Payer", account: "12-34" });
    const bare = await one({ creditor: { name: " " }, remittance_information: null, note: "a note" });
    assert.equal(bare.counterparty, undefined);
    assert.equal(bare.description, "a note");
    assert.equal((await one({ remittance_information: "one text" })).description, "one text");
    assert.equal(
      (await one({ remittance_information: [], bank_transaction_code: { description: "Kosten" } }))
        .description,
      "Kosten",
    );
  });

  it("takes the next best date when the booking date is absent, and never another day", async () => {
    const dates = (booking: unknown, transaction: unknown, value: unknown) =>
      one({ booking_date: booking, transaction_date: transaction, value_date: value }).then(
        ({ date }) => date,
      );
    assert.equal(await dates(null, "2025-05-01", "2025-05-03"), "2025-05-01");
    assert.equal(await dates(" ", undefined, "2025-05-03"), "2025-05-03");
    assert.equal(await dates("2025-05-02T23:59:59+00:00", null, null), "2025-05-02");
  });

  it("takes what is booked, pending payments where they are wanted, and nothing that did not happen", async () => {
    const all = ["BOOK", "PDNG", "HOLD", "CNCL", "RJCT", "SCHD", "OTHR", "NEWS"].map((status) => ({
      status,
    }));
    const undated = { status: "OTHR", booking_date: null, transaction_date: "2025-05-02" };
    const booked = await rows([...all, undated]);
    assert.deepEqual(
      booked.payments.map(({ status, raw }) => [status, (raw as { status: string }).status]),
      ["BOOK", "OTHR", "NEWS"].map((status) => ["booked", status]),
    );
    const both = await rows([...all, undated], true);
    assert.deepEqual(
      both.payments
        .filter(({ status }) => status === "pending")
        .map(({ raw }) => (raw as { status: string }).status),
      ["PDNG", "HOLD", "OTHR"],
    );
    assert.deepEqual([...booked.errors, ...both.errors], []);
  });

  it("sets hostile rows aside with a word on each, and goes on with the rest", async () => {
    const hostile: unknown[] = [
      { transaction_amount: { amount: "1e3", currency: "EUR" } },
      { transaction_amount: { amount: "1,50", currency: "EUR" } },
      { transaction_amount: { amount: 12.5, currency: "EUR" } },
      { transaction_amount: { amount: "12.345", currency: "EUR" } },
      { transaction_amount: { amount: "99999999999999999999", currency: "EUR" } },
      { transaction_amount: { amount: "1.00", currency: "<b>" } },
      { transaction_amount: null },
      { credit_debit_indicator: "BOTH" },
      { credit_debit_indicator: null },
      { credit_debit_indicator: "CRDT", transaction_amount: { amount: "-5.00", currency: "EUR" } },
      { booking_date: "2025-02-30" },
      { booking_date: "31/12/2025" },
      { booking_date: null },
    ];
    const { payments, errors } = await rows([
      ...(hostile as Record<string, unknown>[]),
      { entry_reference: "REF-good" },
    ]);
    assert.equal(errors.length, hostile.length);
    assert.equal(payments.length, 1);
    for (const { reason, code } of errors) {
      assert.match(reason, /^Payment REF-0000\d+ of Everyday cannot be read: /);
      assert.notEqual(code, "INTERNAL");
    }
  });

  it("survives rows that are no rows, and odd values in what is only good to have", async () => {
    const { provider, account } = await harness.ready({
      shape: (row, { sequence: at }) =>
        at === sequence
          ? [
              null,
              7,
              "row",
              [],
              {},
              {
                ...row,
                creditor: 4,
                remittance_information: { a: 1 },
                exchange_rate: "x",
                bank_transaction_code: [],
                balance_after_transaction: { amount: "lots", currency: "EUR" },
                entry_reference: 12,
              } as never,
            ].map((one) => one as never)
          : [],
    });
    const { payments, errors } = await read(provider, account, null);
    assert.equal(errors.length, 5);
    assert.ok(errors.every(({ reason }) => reason.startsWith("A payment without a reference of Everyday")));
    assert.equal(payments.length, 1);
    assert.equal(payments[0]!.balanceAfter, undefined);
  });

  it("says the booked balance, whatever stands first", async () => {
    const { provider } = await harness.ready();
    const { openingBalance } = household.accounts.find(({ key }) => key === "current")!;
    const booked = household.payments.filter(
      ({ account, status }) => account === "current" && status === "booked",
    );
    const expected = booked
      .filter(({ instant }) => Date.parse(instant) <= harness.clock.at)
      .reduce((sum, { amount }) => sum + amount, openingBalance);
    const account = (await provider.accounts()).find(({ name }) => name === "Everyday")!;
    assert.equal(account.balance?.amount, expected);
  });
});
