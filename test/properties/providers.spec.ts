import assert from "node:assert/strict";
import fc from "fast-check";
import { Seen } from "../../lib/bank/enable-banking/identity";
import { paymentsOf as fromBunq } from "../../lib/bank/bunq/mapping";
import { paymentsOf as fromEnableBanking } from "../../lib/bank/enable-banking/mapping";
import { paymentsOf as fromGoCardless } from "../../lib/bank/gocardless/mapping";
import { paymentsOf as fromSimpleFin } from "../../lib/bank/simplefin/mapping";
import { readAccountSet } from "../../lib/bank/simplefin/wire";
import { transactionOf } from "../../lib/budget/ynab/map";
import type { BankAccount } from "../../lib/store";
import { addDays, formatAmount, isCalendarDate } from "../../lib/values";
import { property, strangeText, waitingProperty } from "./support";

/** Rows of providers, good ones among those that are damaged anywhere. */

const NOW = "2026-02-13T12:00:00.000Z";
const account: BankAccount = {
  id: "x:1",
  source: "x",
  name: "Everyday",
  currency: "EUR",
  timeZone: "Europe/Amsterdam",
  closed: false,
};

interface Model {
  day: number;
  amount: number;
  text: string;
  /** What stands in place of a part of the row; undefined for a good row. */
  damage?: { part: number; by: unknown } | undefined;
}

const garbage = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    undefined,
    true,
    NaN,
    -1,
    1e300,
    "",
    " ",
    "null",
    "1e5",
    "0x10",
    "2026-02-30",
    [],
    {},
    [[]],
  ),
  strangeText,
  fc.jsonValue({ maxDepth: 1 }),
);
const model: fc.Arbitrary<Model[]> = fc.array(
  fc.record({
    day: fc.nat(700),
    amount: fc.integer({ min: -99_999_999, max: 99_999_999 }),
    text: strangeText,
    damage: fc.option(fc.record({ part: fc.nat(60), by: garbage }), { nil: undefined, freq: 3 }),
  }),
  { maxLength: 6 },
);

const dateOf = ({ day }: Model) => addDays("2024-01-01", day);

/** The rows, each with the part that is damaged put in place: at the top, or one step below. */
function rowsOf(of: readonly Model[], make: (row: Model, at: number) => Record<string, unknown>): unknown[] {
  return of.map((row, at) => {
    const made = make(row, at);
    if (!row.damage) return made;
    const { part, by } = row.damage;
    const names = Object.keys(made);
    const name = names[part % (names.length + 1)];
    if (name === undefined) return by;
    const inner = made[name];
    if (part % 2 && inner !== null && typeof inner === "object") {
      const inside = Object.keys(inner);
      return { ...made, [name]: { ...inner, [inside[part % inside.length]!]: by } };
    }
    return { ...made, [name]: by };
  });
}

/** What holds of every mapping: all rows are accounted for, and the good ones are exact. */
function accounted(
  of: readonly Model[],
  payments: readonly { id?: string; date: string; amount: number; currency: string; raw: unknown }[],
  errors: readonly { reason: string }[],
): void {
  for (const { date, amount, currency } of payments) {
    assert.ok(isCalendarDate(date), date);
    assert.ok(Number.isSafeInteger(amount) && !Object.is(amount, -0), String(amount));
    assert.match(currency, /^[A-Z]{3}$/);
  }
  for (const { reason } of errors) assert.ok(reason.length > 0 && reason.length < 1000, reason);
  const found = payments.map(({ date, amount }) => `${date} ${amount}`);
  for (const row of of) {
    if (row.damage) continue;
    const at = found.indexOf(`${dateOf(row)} ${row.amount}`);
    assert.ok(at >= 0, `a good row of ${dateOf(row)} over ${row.amount} was lost`);
    found.splice(at, 1);
  }
}

const money = (amount: number) => formatAmount(amount, "EUR");

describe("properties: providers", () => {
  waitingProperty(
    "bunq: every row is a payment or an error, and good ones are exact",
    6_000,
    model,
    async (of) => {
      const rows = rowsOf(of, (row, at) => ({
        id: at + 1,
        created: `${dateOf(row)} 10:11:12.123456`,
        amount: { value: money(row.amount), currency: "EUR" },
        description: row.text,
        type: "IDEAL",
        counterparty_alias: { iban: null, display_name: row.text },
        balance_after_mutation: { value: "1.00", currency: "EUR" },
      }));
      const context = { source: "x", timeZone: account.timeZone, now: () => NOW };
      const envelope = { Response: rows.map((Payment) => ({ Payment })) };
      const { payments, errors } = await fromBunq(envelope, account, context);
      assert.equal(payments.length + errors.length, rows.length);
      accounted(of, payments, errors);
    },
  );

  property("GoCardless: every row is a payment or an error, and good ones are exact", 6_000, model, (of) => {
    const rows = rowsOf(of, (row, at) => ({
      internalTransactionId: `i${at}`,
      bookingDate: dateOf(row),
      transactionAmount: { amount: money(row.amount), currency: "EUR" },
      creditorName: row.text,
      debtorName: row.text,
      remittanceInformationUnstructured: row.text,
      currencyExchange: [{ instructedAmount: { amount: "1.00", currency: "USD" } }],
    }));
    const context = { source: "x", now: () => Date.parse(NOW) };
    const { rows: mapped, errors } = fromGoCardless(rows, "booked", account, context);
    assert.equal(mapped.length + errors.length, rows.length);
    accounted(
      of,
      mapped.map(({ payment }) => payment),
      errors,
    );
  });

  property("SimpleFIN: every row is a payment or an error, and good ones are exact", 6_000, model, (of) => {
    const transactions = rowsOf(of, (row, at) => ({
      id: `t${at}`,
      posted: Date.parse(`${dateOf(row)}T10:00:00Z`) / 1000,
      amount: money(row.amount),
      description: row.text,
      payee: row.text,
    }));
    const set = { accounts: [{ id: "1", name: "A", currency: "EUR", balance: "1.00", transactions }] };
    const [wire] = readAccountSet(set).accounts;
    const { payments, errors } = fromSimpleFin(wire!, account, {
      source: "x",
      timeZone: account.timeZone,
      now: Date.parse(NOW),
    });
    assert.equal(new Set(payments.map(({ id }) => id)).size, payments.length);
    accounted(of, payments, errors);
    // A row that is there twice, with its id, is one.
    assert.equal(payments.length + errors.length, transactions.length);
  });

  property(
    "Enable Banking: every row is a payment or an error, and good ones are exact",
    6_000,
    model,
    (of) => {
      const rows = rowsOf(of, (row, at) => ({
        entry_reference: `REF-${at}-00000`,
        status: "BOOK",
        credit_debit_indicator: row.amount < 0 ? "DBIT" : "CRDT",
        transaction_amount: { amount: money(Math.abs(row.amount)), currency: "EUR" },
        booking_date: dateOf(row),
        creditor: { name: row.text },
        debtor: { name: row.text },
        remittance_information: [row.text],
      }));
      const context = { source: "x", pending: true, now: () => NOW };
      const { payments, errors } = fromEnableBanking(rows, account, new Seen("1"), context);
      assert.equal(new Set(payments.map(({ id }) => id)).size, payments.length);
      assert.equal(payments.length + errors.length, rows.length);
      accounted(of, payments, errors);
    },
  );

  property("YNAB: transactions and their parts are exact", 10_000, model, (of) => {
    const plan = { budgetId: "ynab:b", currency: "EUR" };
    for (const [at, row] of of.entries()) {
      const half = Math.trunc(row.amount / 2);
      const part = (amount: number) => ({
        amount: amount * 10,
        category_id: "c",
        memo: row.text,
        deleted: false,
      });
      const found = transactionOf(plan, {
        id: `t${at}`,
        account_id: "a",
        date: dateOf(row),
        amount: row.amount * 10,
        memo: row.text,
        cleared: "cleared",
        approved: true,
        deleted: false,
        payee_name: row.text,
        subtransactions: at % 2 ? [part(half), part(row.amount - half)] : [],
      });
      assert.equal(found.amount, row.amount);
      assert.equal(found.date, dateOf(row));
      assert.equal(found.payeeName ?? "", row.text);
      if (found.split)
        assert.equal(
          found.split.reduce((sum, { amount }) => sum + amount, 0),
          row.amount,
        );
      else assert.equal(at % 2, 0);
    }
  });
});
