import { bankAccounts, budgetAccounts, type BankAccount, type BudgetAccount, type Store } from "../store";
import { isIban, normaliseIban, TallyError, type Id } from "../values";

/** One line of the mapping a person makes: a bank account by IBAN, id or name, a budget account by id or name. */
export interface AccountMapping {
  bank: string;
  budget: string;
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
  const banks = await all<BankAccount>(store.collection(bankAccounts).scan({ index: "id" }));
  const accounts = await all<BudgetAccount>(
    store.collection(budgetAccounts).scan({ index: "byBudget", equals: [budgetId] }),
  );
  const unknown: string[] = [];
  for (const line of mapping) {
    const bank = banks.find((account) => namesBank(account, line.bank));
    const target =
      accounts.find(
        (account) => !account.deleted && (account.id === line.budget || ownPart(account.id) === line.budget),
      ) ?? accounts.find((account) => !account.deleted && account.name === line.budget);
    if (!bank) unknown.push(`The bank has no account "${line.bank}".`);
    if (!target) unknown.push(`The budget has no account "${line.budget}".`);
    if (!bank || !target || bank.budgetAccountId === target.id) continue;
    await store
      .collection(bankAccounts)
      .updateMany([{ id: bank.id, expected: {}, set: { budgetAccountId: target.id } }]);
  }
  return unknown;
}

/** Bank account id -> budget account, for the accounts mapped to this budget. */
export async function mappedAccounts(
  store: Store,
  budgetId: Id,
): Promise<Map<Id, { bank: BankAccount; budget: BudgetAccount }>> {
  const accounts = new Map<Id, BudgetAccount>();
  for await (const account of store
    .collection(budgetAccounts)
    .scan({ index: "byBudget", equals: [budgetId] }))
    accounts.set(account.id, account);
  const mapped = new Map<Id, { bank: BankAccount; budget: BudgetAccount }>();
  for await (const bank of store.collection(bankAccounts).scan({ index: "id" })) {
    const budget = bank.budgetAccountId ? accounts.get(bank.budgetAccountId) : undefined;
    if (budget && !budget.deleted) mapped.set(bank.id, { bank, budget });
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
