import {
  bankAccounts,
  budgetAccounts,
  type AccountRules,
  type BankAccount,
  type BudgetAccount,
  type Store,
} from "../store";
import { contentHash, isIban, normaliseIban, TallyError, type Id } from "../values";
import { applyRules } from "./rules";

/** One line of the mapping a person makes: a bank account by IBAN, id or name, a budget account by id or name. */
export interface AccountMapping {
  bank: string;
  budget: string;
  rules?: AccountRules;
}

export interface PlannedMapping {
  /** Bank account id -> budget account id, for those whose mapping changes. */
  changes: Map<Id, Id>;
  /** Bank account id -> its rules, for those whose rules change. */
  rules: Map<Id, AccountRules | undefined>;
  /** One sentence for each line that names an account which is not there (yet). */
  unknown: string[];
}

/** What a mapping would change, without changing it. */
export async function planMapping(
  store: Store,
  budgetId: Id,
  mapping: readonly AccountMapping[],
): Promise<PlannedMapping> {
  const plan: PlannedMapping = { changes: new Map(), rules: new Map(), unknown: [] };
  if (mapping.length === 0) return plan;
  const banks = await all<BankAccount>(store.collection(bankAccounts).scan({ index: "id" }));
  const accounts = await all<BudgetAccount>(
    store.collection(budgetAccounts).scan({ index: "byBudget", equals: [budgetId] }),
  );
  for (const line of mapping) {
    const bank = banks.find((account) => namesBank(account, line.bank));
    const target =
      accounts.find(
        (account) => !account.deleted && (account.id === line.budget || ownPart(account.id) === line.budget),
      ) ?? accounts.find((account) => !account.deleted && account.name === line.budget);
    if (!bank) plan.unknown.push(`The bank has no account "${line.bank}".`);
    if (!target) plan.unknown.push(`The budget has no account "${line.budget}".`);
    if (bank && target && bank.budgetAccountId !== target.id) plan.changes.set(bank.id, target.id);
    if (bank && contentHash(bank.rules ?? null) !== contentHash(line.rules ?? null))
      plan.rules.set(bank.id, line.rules);
  }
  return plan;
}

/**
 * Write a mapping into the bank accounts it names. Accounts it does not name are left as they are.
 * @returns one sentence for each line that names an account which is not there (yet)
 */
export async function applyMapping(
  store: Store,
  budgetId: Id,
  mapping: readonly AccountMapping[],
): Promise<string[]> {
  const { changes, rules, unknown } = await planMapping(store, budgetId, mapping);
  const collection = store.collection(bankAccounts);
  await collection.updateMany([
    ...[...changes].map(([id, budgetAccountId]) => ({ id, expected: {}, set: { budgetAccountId } })),
    ...[...rules].map(([id, own]) => ({ id, expected: {}, set: { rules: own } })),
  ]);
  for (const account of await all<BankAccount>(collection.scan({ index: "id" })))
    await applyRules(store, account);
  return unknown;
}

/** A bank account and the account of the budget that it is mapped to, by the bank account's id. */
export type MappedAccounts = ReadonlyMap<Id, { bank: BankAccount; budget: BudgetAccount }>;

/**
 * The accounts mapped to this budget.
 * @param planned changes of the mapping that are not written (yet)
 */
export async function mappedAccounts(
  store: Store,
  budgetId: Id,
  planned?: Pick<PlannedMapping, "changes" | "rules">,
): Promise<MappedAccounts> {
  const accounts = new Map<Id, BudgetAccount>();
  for await (const account of store
    .collection(budgetAccounts)
    .scan({ index: "byBudget", equals: [budgetId] }))
    accounts.set(account.id, account);
  const mapped = new Map<Id, { bank: BankAccount; budget: BudgetAccount }>();
  for await (const bank of store.collection(bankAccounts).scan({ index: "id" })) {
    const target = planned?.changes.get(bank.id) ?? bank.budgetAccountId;
    const budget = target ? accounts.get(target) : undefined;
    if (!budget || budget.deleted) continue;
    const { rules: _old, ...rest } = bank;
    const rules = planned?.rules.has(bank.id) ? planned.rules.get(bank.id) : bank.rules;
    mapped.set(bank.id, { bank: { ...rest, ...(rules ? { rules } : {}) }, budget });
  }
  return mapped;
}

/**
 * Check the form of a mapping.
 * @throws TallyError CONFIG_INVALID when a line is empty or a bank account stands twice
 */
export function checkMapping(mapping: readonly AccountMapping[]): void {
  const seen = new Set<string>();
  for (const { bank, budget } of mapping) {
    if (!bank.trim() || !budget.trim())
      throw new TallyError(
        "CONFIG_INVALID",
        "A line of the account mapping is empty. Fill in both sides or remove it.",
      );
    const key = isIban(bank) ? normaliseIban(bank) : bank;
    if (seen.has(key))
      throw new TallyError(
        "CONFIG_INVALID",
        `Bank account ${bank} stands twice in the account mapping. Keep one line.`,
      );
    seen.add(key);
  }
}

function namesBank(account: BankAccount, name: string): boolean {
  if (account.iban && normaliseIban(account.iban) === normaliseIban(name)) return true;
  return account.id === name || ownPart(account.id) === name || account.name === name;
}

function ownPart(id: Id): string {
  return id.slice(id.indexOf(":") + 1);
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}
