import type { Books, NewRow } from "./rows";
import type { Session } from "./session";

interface RuleResult {
  payee?: string | null;
  category?: string | null;
  notes?: string | null;
  schedule?: string | null;
}

/**
 * The budget's own rules, as far as {@link RulesMode} lets them act on a new row: payee, notes, category and the link
 * to a schedule. Whatever else a rule would do (amount, date, account, deletion, split, transfer) is left out.
 */
export async function rulesOf(session: Session): Promise<(row: NewRow, books: Books) => Promise<NewRow>> {
  const { rules } = session.settings;
  const there = rules === "none" ? [] : ((await session.lib.send("rules-get")) as unknown[]);
  if (there.length === 0) return async (row, books) => withoutRules(row, books);
  return async (row, books) => {
    const result = await session.lib.send("rules-run", { transaction: { ...row } });
    return merge(withoutRules(row, books), result as RuleResult, books, rules === "all");
  };
}

const isOffBudget = (row: NewRow, books: Books) => books.accounts.get(row.account)?.offbudget ?? false;

function withoutRules(row: NewRow, books: Books): NewRow {
  return isOffBudget(row, books) ? { ...row, category: null } : row;
}

function merge(row: NewRow, result: RuleResult, books: Books, ruleWins: boolean): NewRow {
  const next = { ...row };
  // A rule may have made a new payee, which is not among those read before; only a transfer payee is not taken.
  if (typeof result.payee === "string" && !books.payees.get(result.payee)?.transfer_acct)
    next.payee = result.payee;
  if (typeof result.notes === "string") next.notes = result.notes;
  if (typeof result.schedule === "string") next.schedule = result.schedule;
  const mayCategorise = !isOffBudget(row, books) && (ruleWins || row.category === null);
  if (mayCategorise && typeof result.category === "string" && books.categories.has(result.category)) {
    next.category = result.category;
  }
  return next;
}
