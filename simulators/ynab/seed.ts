import { createHash } from "node:crypto";
import { currencyExponent, rescale } from "../../lib/values";
import type { Household, HouseholdAccount, HouseholdEntry } from "../household/types";
import type { AccountType } from "./entities";
import type { State } from "./state";

/** Names that YNAB itself gives. */
export const READY_TO_ASSIGN = "Inflow: Ready to Assign";
export const UNCATEGORIZED = "Uncategorized";
export const CARD_PAYMENTS = "Credit Card Payments";

const TYPES: Readonly<Record<HouseholdAccount["type"], AccountType>> = {
  current: "checking",
  savings: "savings",
  credit: "creditCard",
};

/** A UUID that follows from a text: the same household gives the same ids. */
export function idOf(text: string): string {
  const hex = createHash("sha256").update(`tallyflow ynab twin ${text}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export const planIdOf = (household: Household) => idOf(`plan ${household.options.seed}`);
export const accountIdOf = (household: Household, key: string) =>
  idOf(`account ${household.options.seed} ${key}`);
export const categoryIdOf = (household: Household, key: string) =>
  idOf(`category ${household.options.seed} ${key}`);
/** The transaction that stands for a payment of the household, by the payment's sequence. */
export const transactionIdOf = (household: Household, sequence: number) =>
  idOf(`transaction ${household.options.seed} ${sequence}`);

/** Put what the people of a household have in their budget into an empty plan, as one change. */
export function seed(state: State, household: Household, name: string, at: string): void {
  new Seed(state, household).run(name, at);
}

class Seed {
  private readonly minorDigits: number;
  private readonly currency: string;

  constructor(
    private readonly state: State,
    private readonly household: Household,
  ) {
    this.currency = household.accounts[0]?.currency ?? "EUR";
    this.minorDigits = currencyExponent(this.currency);
  }

  run(name: string, modifiedAt: string): void {
    this.state.change(() => {
      const { currency } = this;
      const id = planIdOf(this.household);
      this.state.put("plan", { id, name, currency, userId: this.id("user"), modifiedAt, deleted: false });
      for (const payee of [
        "Starting Balance",
        "Manual Balance Adjustment",
        "Reconciliation Balance Adjustment",
      ]) {
        this.payee(payee);
      }
      this.internalCategories();
      this.household.categories.forEach((category) => {
        const group = this.group(category.group);
        this.category(categoryIdOf(this.household, category.key), category.name, group, false);
      });
      this.household.accounts.forEach((account) => this.account(account));
      this.entries();
    });
  }

  private id(text: string): string {
    return idOf(`${text} ${this.household.options.seed}`);
  }

  private milliunits(minor: number): number {
    return rescale(minor, this.minorDigits, 3);
  }

  private group(name: string, internal = false): string {
    const id = this.id(`group ${name}`);
    if (!this.state.live("group", id)) {
      this.state.put("group", { id, name, hidden: false, internal, deleted: false });
    }
    return id;
  }

  private category(id: string, name: string, groupId: string, internal: boolean): string {
    const rest = { hidden: false, note: null, goalTarget: null, goalTargetDate: null, deleted: false };
    return this.state.put("category", { id, name, groupId, internal, ...rest }).id;
  }

  private internalCategories(): void {
    const group = this.group("Internal Master Category", true);
    this.category(this.id("ready to assign"), READY_TO_ASSIGN, group, true);
    this.category(this.id("uncategorized"), UNCATEGORIZED, group, true);
    this.group("Hidden Categories");
  }

  private payee(name: string, transferAccountId: string | null = null): string {
    const known = this.state.payeeByName(name);
    if (known) return known;
    const id = this.id(`payee ${name}`);
    return this.state.put("payee", { id, name, transferAccountId, deleted: false }).id;
  }

  private account({ key, name, type, openingBalance }: HouseholdAccount): void {
    const id = accountIdOf(this.household, key);
    const transferPayeeId = this.payee(`Transfer : ${name}`, id);
    const account = { id, name, type: TYPES[type], closed: false, note: null, deleted: false };
    if (type === "credit") {
      const group = this.group(CARD_PAYMENTS, true);
      const paymentCategoryId = this.category(this.id(`payments of ${key}`), name, group, true);
      this.state.put("account", { ...account, transferPayeeId, paymentCategoryId });
    } else {
      this.state.put("account", { ...account, transferPayeeId });
    }
    this.transaction(this.id(`opening ${key}`), {
      accountId: id,
      date: this.household.options.from,
      amount: this.milliunits(openingBalance),
      payeeId: this.payee("Starting Balance"),
      categoryId: type === "credit" ? null : this.id("ready to assign"),
    });
  }

  private entries(): void {
    const { household } = this;
    const counterpart = new Map(household.payments.map((payment) => [payment.sequence, payment.transferOf]));
    household.entries.forEach((entry, at) => {
      const own = entry.payment
        ? transactionIdOf(household, entry.payment)
        : idOf(`entry ${household.options.seed} ${at}`);
      const other = counterpart.get(entry.payment);
      const fields = this.fields(entry);
      if (!entry.transferTo) {
        this.transaction(own, fields);
        return;
      }
      const otherId = other ? transactionIdOf(household, other) : idOf(`${own} other side`);
      const there = this.state.live("transaction", otherId);
      this.transaction(own, { ...fields, transferTransactionId: otherId });
      if (!there) this.otherSide(own, otherId, entry, fields);
    });
  }

  private otherSide(own: string, id: string, entry: HouseholdEntry, fields: SeedFields): void {
    this.transaction(id, {
      ...fields,
      ...this.transfer(entry.account),
      accountId: accountIdOf(this.household, entry.transferTo!),
      amount: -fields.amount,
      transferTransactionId: own,
    });
  }

  private transfer(toKey: string) {
    const account = this.state.tables.account.get(accountIdOf(this.household, toKey))!;
    return { transferAccountId: account.id, payeeId: account.transferPayeeId, categoryId: null };
  }

  private fields(entry: HouseholdEntry): SeedFields {
    return {
      accountId: accountIdOf(this.household, entry.account),
      date: entry.date,
      amount: this.milliunits(entry.amount),
      payeeId: entry.transferTo ? null : this.payee(entry.payee),
      categoryId: entry.category ? categoryIdOf(this.household, entry.category) : null,
      ...(entry.transferTo ? this.transfer(entry.transferTo) : {}),
      ...(entry.memo === undefined ? {} : { memo: entry.memo }),
      approved: entry.approved,
    };
  }

  private transaction(id: string, fields: SeedFields): void {
    this.state.put("transaction", {
      id,
      deleted: false,
      memo: null,
      cleared: "cleared",
      approved: true,
      flag: null,
      transferAccountId: null,
      transferTransactionId: null,
      importId: null,
      importPayee: null,
      parts: [],
      ...fields,
    });
  }
}

interface SeedFields {
  accountId: string;
  date: string;
  amount: number;
  payeeId: string | null;
  categoryId: string | null;
  memo?: string;
  approved?: boolean;
  transferAccountId?: string;
  transferTransactionId?: string;
}
