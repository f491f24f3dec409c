import type { Account, Category, Group, Part, Payee, Scheduled, Transaction } from "./entities";
import type { State } from "./state";

/** How entities look in answers: the schemas of YNAB's OpenAPI description 1.85.0. */

const SYMBOLS: Readonly<Record<string, string>> = { EUR: "€", USD: "$", GBP: "£", JPY: "¥" };

export interface Format {
  iso: string;
  digits: number;
}

export class Views {
  private readonly rendered = new WeakMap<Transaction, { names: number; text: string }>();
  private readonly numbers: Intl.NumberFormat;

  constructor(
    private readonly state: State,
    private readonly format: Format,
    private readonly today: () => string,
  ) {
    const decimals = { minimumFractionDigits: format.digits, maximumFractionDigits: format.digits };
    this.numbers = new Intl.NumberFormat("en-US", decimals);
  }

  currencyFormat() {
    const { iso, digits } = this.format;
    return {
      iso_code: iso,
      example_format: digits === 0 ? "123,456" : `123,456.${"789".slice(0, digits)}`,
      decimal_digits: digits,
      decimal_separator: ".",
      symbol_first: true,
      group_separator: ",",
      currency_symbol: SYMBOLS[iso] ?? iso,
      display_symbol: true,
    };
  }

  /** `x`, `x_formatted` and `x_currency`. */
  private money<N extends string>(name: N, milliunits: number) {
    return { [name]: milliunits, ...this.moneyTexts(name, milliunits) };
  }

  private moneyTexts(name: string, milliunits: number) {
    const { iso } = this.format;
    const text = this.numbers.format(Math.abs(milliunits) / 1000);
    const sign = milliunits < 0 ? "-" : "";
    return {
      [`${name}_formatted`]: `${sign}${SYMBOLS[iso] ?? iso}${text}`,
      [`${name}_currency`]: milliunits / 1000,
    };
  }

  planSummary() {
    const plan = this.state.plan!;
    const months = this.months();
    return {
      id: plan.id,
      name: plan.name,
      last_modified_on: plan.modifiedAt,
      first_month: months[0]!,
      last_month: months.at(-1)!,
      date_format: { format: "YYYY-MM-DD" },
      currency_format: this.currencyFormat(),
    };
  }

  account(account: Account) {
    const { cleared, uncleared } = this.state.balance(account.id);
    return {
      id: account.id,
      name: account.name,
      type: account.type,
      on_budget: account.type !== "otherAsset" && account.type !== "otherLiability",
      closed: account.closed,
      note: account.note,
      ...this.money("balance", cleared + uncleared),
      ...this.money("cleared_balance", cleared),
      ...this.money("uncleared_balance", uncleared),
      transfer_payee_id: account.transferPayeeId,
      direct_import_linked: false,
      direct_import_in_error: false,
      last_reconciled_at: null,
      debt_original_balance: null,
      debt_interest_rates: {},
      debt_minimum_payments: {},
      debt_escrow_amounts: {},
      deleted: account.deleted,
    };
  }

  group({ id, name, hidden, internal, deleted }: Group) {
    return { id, name, hidden, internal, deleted };
  }

  /** A category with its amounts in a month (`YYYY-MM-01`), the current one unless told. */
  category(category: Category, month = `${this.today().slice(0, 7)}-01`) {
    const activity = this.state.activity(category.id);
    let balance = 0;
    for (const [at, amount] of activity) if (at <= month) balance += amount;
    let assigned = 0;
    for (const entry of this.state.tables.assigned.values()) {
      if (entry.categoryId !== category.id || entry.month > month) continue;
      balance += entry.amount;
      if (entry.month === month) assigned = entry.amount;
    }
    return {
      id: category.id,
      category_group_id: category.groupId,
      category_group_name: this.state.tables.group.get(category.groupId)?.name ?? "",
      name: category.name,
      hidden: category.hidden,
      internal: category.internal,
      original_category_group_id: null,
      note: category.note,
      ...this.money("budgeted", assigned),
      ...this.money("activity", activity.get(month) ?? 0),
      ...this.money("balance", balance),
      goal_type: category.goalTarget === null ? null : "NEED",
      goal_needs_whole_amount: category.goalTarget === null ? null : true,
      goal_day: null,
      goal_cadence: null,
      goal_cadence_frequency: null,
      goal_creation_month: null,
      goal_target: category.goalTarget,
      goal_target_month: null,
      goal_target_date: category.goalTargetDate,
      goal_percentage_complete: null,
      goal_months_to_budget: null,
      goal_under_funded: null,
      goal_overall_funded: null,
      goal_overall_left: null,
      goal_snoozed_at: null,
      deleted: category.deleted,
    };
  }

  payee({ id, name, transferAccountId, deleted }: Payee) {
    return { id, name, transfer_account_id: transferAccountId, deleted };
  }

  /** The fields that whole transactions share with full exports and mixed lists. */
  summary(transaction: Transaction) {
    return {
      id: transaction.id,
      date: transaction.date,
      amount: transaction.amount,
      ...this.moneyTexts("amount", transaction.amount),
      memo: transaction.memo,
      cleared: transaction.cleared,
      approved: transaction.approved,
      flag_color: transaction.flag,
      flag_name: null,
      account_id: transaction.accountId,
      payee_id: transaction.payeeId,
      category_id: transaction.categoryId,
      transfer_account_id: transaction.transferAccountId,
      transfer_transaction_id: transaction.transferTransactionId,
      matched_transaction_id: transaction.matchedTransactionId ?? null,
      import_id: transaction.importId,
      import_payee_name: transaction.importPayee,
      import_payee_name_original: transaction.importPayee,
      debt_transaction_type: null,
      deleted: transaction.deleted,
    };
  }

  transaction(transaction: Transaction) {
    return {
      ...this.summary(transaction),
      account_name: this.state.tables.account.get(transaction.accountId)?.name ?? "",
      payee_name: this.payeeName(transaction.payeeId),
      category_name: this.categoryName(transaction),
      subtransactions: transaction.parts.map((part) => this.part(transaction, part)),
    };
  }

  /** The JSON text of a transaction, kept until it or a name in it changes. */
  transactionText(transaction: Transaction): string {
    const kept = this.rendered.get(transaction);
    if (kept?.names === this.state.names) return kept.text;
    const text = JSON.stringify(this.transaction(transaction));
    this.rendered.set(transaction, { names: this.state.names, text });
    return text;
  }

  part(parent: Transaction, part: Part) {
    return {
      id: part.id,
      transaction_id: parent.id,
      amount: part.amount,
      ...this.moneyTexts("amount", part.amount),
      memo: part.memo,
      payee_id: part.payeeId,
      payee_name: this.payeeName(part.payeeId),
      category_id: part.categoryId,
      category_name: this.categoryNameOf(part.categoryId),
      transfer_account_id: part.transferAccountId,
      transfer_transaction_id: part.transferTransactionId,
      deleted: parent.deleted,
    };
  }

  /** Rows of lists by category or payee: transactions, and parts of splits as rows of their own. */
  hybrid(transaction: Transaction, part?: Part) {
    const row = {
      ...this.summary(transaction),
      type: part ? "subtransaction" : "transaction",
      parent_transaction_id: part ? transaction.id : null,
      account_name: this.state.tables.account.get(transaction.accountId)?.name ?? "",
      payee_name: this.payeeName(part?.payeeId ?? transaction.payeeId),
      category_name: this.categoryName(transaction) ?? "Uncategorized",
    };
    if (!part) return row;
    return {
      ...row,
      id: part.id,
      amount: part.amount,
      ...this.moneyTexts("amount", part.amount),
      memo: part.memo,
      category_id: part.categoryId,
      category_name: this.categoryNameOf(part.categoryId) ?? "Uncategorized",
    };
  }

  scheduled(scheduled: Scheduled) {
    return {
      id: scheduled.id,
      date_first: scheduled.dateFirst,
      date_next: scheduled.dateNext,
      frequency: scheduled.frequency,
      amount: scheduled.amount,
      ...this.moneyTexts("amount", scheduled.amount),
      memo: scheduled.memo,
      flag_color: scheduled.flag,
      flag_name: null,
      account_id: scheduled.accountId,
      account_name: this.state.tables.account.get(scheduled.accountId)?.name ?? "",
      payee_id: scheduled.payeeId,
      payee_name: this.payeeName(scheduled.payeeId),
      category_id: scheduled.categoryId,
      category_name: this.categoryNameOf(scheduled.categoryId) ?? "Uncategorized",
      transfer_account_id: this.state.live("payee", scheduled.payeeId)?.transferAccountId ?? null,
      deleted: scheduled.deleted,
      subtransactions: [],
    };
  }

  /** First days of all months from the first transaction to the current month. */
  months(): string[] {
    const current = `${this.today().slice(0, 7)}-01`;
    const first = this.state.transactions().find((row) => !row.deleted)?.date ?? current;
    const months: string[] = [];
    let [year, month] = [Number(first.slice(0, 4)), Number(first.slice(5, 7))];
    for (;;) {
      const text = `${year}-${String(month).padStart(2, "0")}-01`;
      if (text > current && months.length > 0) return months;
      months.push(text);
      month += 1;
      if (month > 12) [year, month] = [year + 1, 1];
    }
  }

  month(month: string) {
    let [income, budgeted, activity, readyToAssign] = [0, 0, 0, 0];
    for (const category of this.state.tables.category.values()) {
      const inflow = category.internal && category.name.startsWith("Inflow:");
      for (const [at, amount] of this.state.activity(category.id)) {
        if (inflow && at <= month) readyToAssign += amount;
        if (at === month) {
          if (inflow) income += amount;
          else activity += amount;
        }
      }
    }
    for (const entry of this.state.tables.assigned.values()) {
      if (entry.month === month) budgeted += entry.amount;
      if (entry.month <= month) readyToAssign -= entry.amount;
    }
    return {
      month,
      note: null,
      ...this.money("income", income),
      ...this.money("budgeted", budgeted),
      ...this.money("activity", activity),
      ...this.money("to_be_budgeted", readyToAssign),
      age_of_money: null,
      deleted: false,
    };
  }

  private payeeName(id: string | null): string | null {
    return id ? (this.state.tables.payee.get(id)?.name ?? null) : null;
  }

  private categoryName(transaction: Transaction): string | null {
    if (transaction.parts.length > 0) return "Split";
    if (!transaction.categoryId && transaction.transferAccountId) return null;
    return this.categoryNameOf(transaction.categoryId) ?? "Uncategorized";
  }

  private categoryNameOf(id: string | null): string | null {
    return id ? (this.state.tables.category.get(id)?.name ?? null) : null;
  }
}
