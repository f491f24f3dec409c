import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { BankAccount } from "../../lib/store";
import { paymentsOf } from "../../lib/bank/gocardless/mapping";
import { sharedPath, skipWithout } from "../support/shared";
import { harness, readInto } from "./aggregate-harness";

const account: BankAccount = {
  id: "gocardless:a",
  source: "gocardless",
  iban: "NL91ABNA0417164300",
  name: "Everyday",
  currency: "EUR",
  timeZone: "Europe/Amsterdam",
};
const context = { source: "gocardless", now: () => Date.parse("2025-06-15T12:00:00Z") };
const map = (...rows: unknown[]) => paymentsOf(rows, "booked", account, context);
const one = (more: object) => {
  const { rows, errors } = map({ ...plain, ...more });
  assert.deepEqual(errors, []);
  return rows[0]!.payment;
};
const plain = { bookingDate: "2025-03-30", transactionAmount: { amount: "-12.50", currency: "EUR" } };

describe("gocardless: mapping", () => {
  it("takes what is absent, null or blank for nothing", () => {
    const {
      raw: _,
      fetchedAt: __,
      ...payment
    } = one({
      valueDate: null,
      creditorName: " ",
      creditorAccount: null,
      remittanceInformationUnstructured: null,
      remittanceInformationUnstructuredArray: [],
      currencyExchange: null,
      balanceAfterTransaction: null,
      endToEndId: "NOTPROVIDED",
    });
    assert.deepEqual(payment, {
      source: "gocardless",
      accountId: "gocardless:a",
      status: "booked",
      date: "2025-03-30",
      amount: -1250,
      currency: "EUR",
      description: "",
    });
  });

  it("takes the date from wherever the bank has it, in the account's zone", () => {
    const dated = (more: object) => {
      const { date, instant, valueDate } = one({ bookingDate: undefined, ...more });
      return [date, instant, valueDate];
    };
    assert.deepEqual(dated({ bookingDateTime: "2025-03-29T23:30:00Z" }), [
      "2025-03-30",
      "2025-03-29T23:30:00.000Z",
      undefined,
    ]);
    assert.deepEqual(dated({ bookingDateTime: "2025-03-29T23:30:00" }), ["2025-03-29", undefined, undefined]);
    assert.deepEqual(dated({ bookingDate: "2025-03-29", bookingDateTime: "2025-03-29T00:00:00Z" }), [
      "2025-03-29",
      undefined,
      undefined,
    ]);
    assert.deepEqual(dated({ valueDate: "2025-03-31" }), ["2025-03-31", undefined, "2025-03-31"]);
    assert.deepEqual(dated({ valueDateTime: "2025-03-31T22:30:00.123+00:00" }), [
      "2025-04-01",
      undefined,
      "2025-04-01",
    ]);
    const pending = paymentsOf([{ transactionAmount: plain.transactionAmount }], "pending", account, context);
    assert.deepEqual(
      pending.rows.map(({ payment, undated }) => [payment.date, payment.status, undated]),
      [["2025-06-15", "pending", true]],
    );
  });

  it("reads amounts by the currency's exponent", () => {
    const money = (amount: unknown, currency: string) =>
      one({ transactionAmount: { amount, currency } }).amount;
    assert.equal(money("1000", "JPY"), 1000);
    assert.equal(money("1.234", "KWD"), 1234);
    assert.equal(money("-0.10", "EUR"), -10);
    assert.equal(money("947.2600", "EUR"), 94726);
    assert.equal(money(-3, "EUR"), -300);
  });

  it("finds the other party by the direction, or where the bank put it", () => {
    const own = { iban: "NL91 ABNA 0417 1643 00" };
    const other = { iban: "DE89 3704 0044 0532 0130 00" };
    const party = (amount: string, more: object) =>
      one({ transactionAmount: { amount, currency: "EUR" }, ...more }).counterparty;
    const both = { creditorName: "Shop", creditorAccount: other, debtorName: "Me", debtorAccount: own };
    assert.deepEqual(party("-1.00", both), { name: "Shop", iban: "DE89370400440532013000" });
    const turned = { creditorName: "Me", creditorAccount: own, debtorName: "Shop", debtorAccount: other };
    assert.deepEqual(party("-1.00", turned), { name: "Shop", iban: "DE89370400440532013000" });
    assert.deepEqual(party("1.00", turned), { name: "Shop", iban: "DE89370400440532013000" });
    assert.deepEqual(party("1.00", { debtorName: "Boss", debtorAgent: "INGBNL2A" }), {
      name: "Boss",
      bic: "INGBNL2A",
    });
    assert.equal(party("-1.00", { debtorName: "Me", debtorAccount: own }), undefined);
    assert.equal(party("-1.00", { debtorName: "Me" }), undefined);
    assert.deepEqual(party("-1.00", { ultimateCreditor: "Baker", creditorAccount: { bban: "123" } }), {
      name: "Baker",
      account: "123",
    });
    assert.deepEqual(party("-1.00", { creditorName: "Direct", ultimateCreditor: "Baker" }), {
      name: "Direct",
    });
  });

  it("reads remittance information in all its forms", () => {
    const text = (more: object) => {
      const { description, reference } = one(more);
      return [description, reference];
    };
    const structured = { remittanceInformationStructured: "RF18 5390" };
    assert.deepEqual(text({ remittanceInformationUnstructured: " a\n b " }), ["a b", undefined]);
    assert.deepEqual(
      text({ remittanceInformationUnstructured: "a", remittanceInformationUnstructuredArray: ["a", "b"] }),
      ["a b", undefined],
    );
    assert.deepEqual(text(structured), ["RF18 5390", "RF18 5390"]);
    assert.deepEqual(text({ ...structured, remittanceInformationUnstructured: "a" }), ["a", "RF18 5390"]);
    assert.deepEqual(
      text({ remittanceInformationStructuredArray: [{ reference: "1", referenceType: "SCOR" }, "2"] }),
      ["1 2", "1"],
    );
    assert.deepEqual(text({ additionalInformation: "more", endToEndId: "E2E" }), ["more", "E2E"]);
  });

  it("keeps the foreign amount, mandate, creditor, balance and kind", () => {
    const payment = one({
      currencyExchange: [
        {
          sourceCurrency: "USD",
          exchangeRate: "1.1",
          instructedAmount: { amount: "13.75", currency: "USD" },
        },
      ],
      mandateId: "M1",
      creditorId: "NL00ZZZ",
      balanceAfterTransaction: { balanceAmount: { amount: "100.00", currency: "EUR" } },
      bankTransactionCode: "PMNT-RDDT-ESDD",
      proprietaryBankTransactionCode: "INCASSO",
    });
    assert.deepEqual(payment.original, { amount: -1375, currency: "USD" });
    assert.equal(payment.mandateId, "M1");
    assert.equal(payment.creditorId, "NL00ZZZ");
    assert.equal(payment.balanceAfter, 10000);
    assert.equal(payment.type, "direct debit");
    assert.equal(one({ proprietaryBankTransactionCode: "INCASSO" }).type, "incasso");
    assert.equal(
      one({ currencyExchange: { exchangeRate: "1.1", sourceCurrency: "USD" } }).original,
      undefined,
    );
    assert.equal(
      one({ currencyExchange: { instructedAmount: { amount: "NaN", currency: "USD" } } }).original,
      undefined,
    );
  });

  it("keeps good rows beside bad ones, and says which those are", () => {
    const money = (amount: unknown, currency: unknown = "EUR") => ({
      ...plain,
      transactionAmount: { amount, currency },
    });
    const bad = [
      null,
      "row",
      [],
      {},
      { ...plain, transactionAmount: null },
      money("NaN"),
      money("1e5"),
      money("Infinity"),
      money("1.001"),
      money("99999999999999999999"),
      money(""),
      money({}),
      money("1.00", "string"),
      money("1.00", "ZZQ"),
      money("1.00", ""),
      { ...plain, bookingDate: "2025-02-30" },
      { ...plain, bookingDate: "yesterday" },
      { ...plain, bookingDate: "9999-12-31" },
      { ...plain, bookingDate: "0001-01-01" },
      { ...plain, bookingDate: undefined },
      { ...plain, remittanceInformationUnstructured: "x".repeat(1_000_000) },
    ];
    const { rows, errors } = map(plain, ...bad, { ...plain, bookingDate: "2025-03-31" });
    assert.deepEqual(
      rows.map(({ payment }) => payment.date),
      ["2025-03-30", "2025-03-31"],
    );
    assert.equal(errors.length, bad.length);
    for (const [index, { reason, code }] of errors.entries()) {
      assert.match(reason, new RegExp(`^Row ${index + 2} of the booked payments of Everyday`));
      assert.ok(reason.length < 400 && code !== "INTERNAL", reason);
    }
  });

  it("makes an error, and no line of its own, of what strangers write", () => {
    const { errors } = map({
      ...plain,
      transactionId: "a\u0000\n\u202eb",
      transactionAmount: { amount: "\n\u001b[31m" },
    });
    assert.ok(!/[\u0000-\u001f\u202e]/.test(errors[0]!.reason), JSON.stringify(errors[0]!.reason));
  });

  it("reads the official mock answers", function () {
    const file = sharedPath("data", "api_specs", "gocardless", "mock_responses.json");
    if (!file) skipWithout(this, "GoCardless' mock answers");
    const mocks = JSON.parse(readFileSync(file, "utf8")) as {
      AccountsEndpointMockData: { GetTransactions: { transactions: { booked: unknown; pending: unknown } } };
    };
    const { booked, pending } = mocks.AccountsEndpointMockData.GetTransactions.transactions;
    const read = paymentsOf(booked, "booked", { ...account, iban: "GL2010440000010445" }, context);
    assert.deepEqual(
      read.rows.map(({ payment: { date, amount, counterparty } }) => ({ date, amount, counterparty })),
      [{ date: "2021-11-19", amount: 4500, counterparty: { name: "MON MOTHMA" } }],
    );
    assert.match(read.errors[0]!.reason, /"string" is not a currency/);
    assert.equal(paymentsOf(pending, "pending", account, context).errors.length, 1);
  });
});

describe("gocardless: ids", () => {
  const own = harness();
  const row = (more: object) => ({
    bookingDate: "2025-06-10",
    transactionAmount: { amount: "-3.20", currency: "EUR" },
    creditorName: "Coffee",
    remittanceInformationUnstructured: "Cappuccino",
    ...more,
  });
  const idsOf = async (rows: { booked: unknown[]; pending?: unknown[] }, ids?: "content") => {
    const twin = await own.goCardless();
    const provider = own.openGoCardless(twin, ids ? { ids } : {});
    const [account] = await provider.accounts();
    twin.control.setRows("current", { pending: [], ...rows });
    return (await readInto(own.store, provider, account!)).payments.map(({ id }) => id);
  };

  it("tells equal rows of a day apart by their number, whatever their order and the other rows", async () => {
    const other = row({ creditorName: "Tea" });
    const first = await idsOf({ booked: [row({}), row({}), other] });
    const second = await idsOf({ booked: [other, row({}), row({ bookingDate: "2025-06-11" }), row({})] });
    assert.equal(new Set(first).size, 3);
    for (const id of first) assert.ok(second.includes(id));
    assert.equal(new Set(second).size, 4);
  });

  it("takes GoCardless' id, whatever the text becomes; and a row that comes twice with it is one", async () => {
    const internalTransactionId = "0123456789abcdef";
    const [before] = await idsOf({ booked: [row({ internalTransactionId })] });
    const changed = row({ internalTransactionId, remittanceInformationUnstructured: "CAPPUCCINO 12:01" });
    assert.deepEqual(await idsOf({ booked: [changed] }), [before]);
    assert.equal((await idsOf({ booked: [changed, { ...changed }] })).length, 1);
  });

  it("is not misled by ids that are blank, recycled, counters or the same for all", async () => {
    const given = (id: string, more: object = {}) =>
      row({ transactionId: id, internalTransactionId: id, entryReference: id, ...more });
    for (const id of [" ", "", "0", "1", "000000000", "NOTPROVIDED"]) {
      const rows = [given(id), given(id, { creditorName: "Tea" }), given(id, { bookingDate: "2025-06-12" })];
      assert.equal(new Set(await idsOf({ booked: rows })).size, 3, JSON.stringify(id));
    }
    const month = given("MANDATE-2231", { bookingDate: "2025-05-10" });
    const [may, june] = await idsOf({ booked: [month, given("MANDATE-2231")] });
    assert.notEqual(may, june);
    assert.deepEqual(await idsOf({ booked: [given("MANDATE-2231")] }), [june], "also when seen alone");
  });

  it("tells rows apart by content alone where the bank's rows get other ids each time", async () => {
    const made = (id: string) => row({ internalTransactionId: `changing-${id}` });
    assert.deepEqual(
      await idsOf({ booked: [made("a")] }, "content"),
      await idsOf({ booked: [made("b")] }, "content"),
    );
  });

  it("has a row that is both booked and pending once, booked", async () => {
    const twin = await own.goCardless();
    const provider = own.openGoCardless(twin);
    const [account] = await provider.accounts();
    const both = row({ internalTransactionId: "0123456789abcdef" });
    twin.control.setRows("current", { booked: [both], pending: [both] });
    const { payments } = await readInto(own.store, provider, account!);
    assert.deepEqual(
      payments.map(({ status }) => status),
      ["booked"],
    );
  });

  it("keeps the id of a pending row without a date from day to day", async () => {
    const twin = await own.goCardless();
    const provider = own.openGoCardless(twin);
    const [account] = await provider.accounts();
    twin.control.setRows("current", { booked: [], pending: [row({ bookingDate: undefined })] });
    const first = await readInto(own.store, provider, account!);
    own.clock.days(1);
    const second = await readInto(own.store, provider, account!, first.cursor);
    assert.deepEqual(
      second.payments.map(({ id }) => id),
      first.payments.map(({ id }) => id),
    );
  });
});
