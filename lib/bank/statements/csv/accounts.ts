import { normaliseIban } from "../../../values";
import type { RowError } from "../../port";
import { looksLikeIban } from "../accounts";
import type { StatementAccount, StatementBalance, StatementPayment } from "../types";
import type { TableFacts } from "./facts";
import type { Layout } from "./layout";
import type { ReadPayment } from "./read";
import { checkRunning } from "./running";

type Stated = { kind: "opening" | "closing"; account: string; balance: StatementBalance };

/** Payments of one table brought to their accounts: own account and currency of each row. */
export class Accounts {
  private readonly rows: (ReadPayment | undefined)[] = [];
  private readonly stated: Stated[] = [];

  constructor(
    private readonly layout: Layout,
    private readonly facts: TableFacts,
  ) {}

  add(row: ReadPayment): void {
    this.rows.push(row);
  }

  /** A row was lost here: balances on both sides cannot be compared. */
  breakAll(): void {
    this.rows.push(undefined);
  }

  /** A line of the file states an opening or closing balance. */
  state(
    kind: "opening" | "closing" | "total",
    account: string,
    amount: number,
    currency: string,
    date?: string,
  ): void {
    if (kind === "total") return;
    this.stated.push({
      kind,
      account,
      balance: { amount, currency, ...(date === undefined ? {} : { date }) },
    });
  }

  finish(errors: RowError[]): StatementAccount[] {
    const names = new Set(this.rows.flatMap((row) => (row?.account ? [row.account] : [])));
    // A row without account belongs to the only one there is.
    const only = names.size === 1 ? [...names][0]! : "";
    const groups = new Map<
      string,
      { account: string; currency: string; rows: (ReadPayment | undefined)[] }
    >();
    for (const row of this.rows) {
      if (!row) {
        for (const group of groups.values()) group.rows.push(undefined);
        continue;
      }
      const account = row.account || only;
      const key = `${account}|${row.payment.currency}`;
      let group = groups.get(key);
      if (!group) groups.set(key, (group = { account, currency: row.payment.currency, rows: [] }));
      group.rows.push(row);
    }
    if (groups.size === 0) groups.set("", { account: "", currency: this.facts.currency, rows: [] });
    return [...groups.values()].map((group) =>
      this.accountOf(group.account, group.currency, group.rows, errors),
    );
  }

  private accountOf(
    number: string,
    currency: string,
    rows: readonly (ReadPayment | undefined)[],
    errors: RowError[],
  ): StatementAccount {
    const account: StatementAccount = { currency, payments: [] };
    if (number && looksLikeIban(number)) account.iban = normaliseIban(number);
    else if (number) account.id = number;
    else Object.assign(account, this.facts.account);
    const titles = new Set(rows.flatMap((row) => (row?.accountName ? [row.accountName] : [])));
    if (titles.size === 1) account.name = [...titles][0]!;

    const signed = this.layout.signFromBalance ? signByBalance(rows, errors) : rows;
    account.payments = signed.flatMap((row) => (row ? [row.payment] : []));
    settleIds(account.payments);
    if (this.layout.balanceAfter !== undefined) stateBalances(account, signed, errors);
    for (const { kind, account: of, balance } of this.stated) {
      if (of !== number && of !== "" && number !== "") continue;
      if (balance.currency !== currency) continue;
      if (kind === "opening") account.openingBalance = balance;
      else account.closingBalance = balance;
    }
    return account;
  }
}

/** Ids that stand on more than one row name none of them. */
function settleIds(payments: readonly StatementPayment[]): void {
  const counts = new Map<string, number>();
  for (const { bankId } of payments) if (bankId) counts.set(bankId, (counts.get(bankId) ?? 0) + 1);
  for (const payment of payments) {
    if (!payment.bankId || counts.get(payment.bankId) === 1) continue;
    payment.reference ??= payment.bankId;
    delete payment.bankId;
  }
}

function isNewestFirst(rows: readonly (ReadPayment | undefined)[]): boolean {
  const dates = rows.flatMap((row) => (row ? [row.payment.date] : []));
  return (dates[0] ?? "") > (dates[dates.length - 1] ?? "");
}

/** Opening and closing balance from the running balance, when its arithmetic proves the order of the rows. */
function stateBalances(
  account: StatementAccount,
  rows: readonly (ReadPayment | undefined)[],
  errors: RowError[],
): void {
  const booked = rows.filter((row) => row === undefined || row.payment.status === "booked");
  const payments = booked.flatMap((row) => (row ? [row.payment] : []));
  if (payments.length === 0) return;
  const running = checkRunning(
    booked.map((row) => ({ amount: row?.payment.amount, balance: row?.payment.balanceAfter })),
    isNewestFirst(booked),
  );
  if (running.comparisons === 0) {
    if (payments.length !== 1 || payments[0]!.balanceAfter === undefined) return;
  } else if (running.holds < 0.8) {
    if (running.comparisons >= 3) {
      errors.push({
        reason:
          "The column with balances does not follow from the amounts, so no opening and closing balance was taken from it.",
      });
    }
    return;
  }
  const ordered = running.newestFirst ? payments.toReversed() : payments;
  const first = ordered.findIndex((payment) => payment.balanceAfter !== undefined);
  const last = ordered.findLastIndex((payment) => payment.balanceAfter !== undefined);
  const sum = (list: readonly StatementPayment[]) =>
    list.reduce((total, payment) => total + payment.amount, 0);
  const balance = (amount: number, date: string): StatementBalance => ({
    amount,
    currency: account.currency,
    date,
  });
  account.openingBalance = balance(
    ordered[first]!.balanceAfter! - sum(ordered.slice(0, first + 1)),
    ordered[0]!.date,
  );
  account.closingBalance = balance(
    ordered[last]!.balanceAfter! + sum(ordered.slice(last + 1)),
    ordered[ordered.length - 1]!.date,
  );
}

/** Amounts without sign: each takes its direction from the step of the balance; the oldest one has no step. */
function signByBalance(
  rows: readonly (ReadPayment | undefined)[],
  errors: RowError[],
): (ReadPayment | undefined)[] {
  const steps = checkRunning(
    rows.map((row) => ({ amount: row?.payment.amount, balance: row?.payment.balanceAfter })),
    isNewestFirst(rows),
  );
  const before = (index: number) => rows[steps.newestFirst ? index + 1 : index - 1]?.payment.balanceAfter;
  return rows.map((row, index) => {
    if (!row?.unsigned) return row;
    const own = row.payment.balanceAfter;
    const previous = before(index);
    const step = own === undefined || previous === undefined ? undefined : own - previous;
    if (step !== undefined && Math.abs(step) === Math.abs(row.payment.amount)) {
      return { ...row, payment: { ...row.payment, amount: step === 0 ? 0 : step } };
    }
    errors.push({
      ...(row.payment.line === undefined ? {} : { line: row.payment.line }),
      reason:
        "Amounts have no sign and the running balance does not tell whether this one is money in or out; the payment was left out. Set a mapping.",
    });
    return undefined;
  });
}
