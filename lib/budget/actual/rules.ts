import type { Books, NewRow } from "./rows";
import type { Session } from "./session";

interface RuleResult {
  payee?: string | null;
  category?: string | null;
  notes?: string | null;
  schedule?: string | null;
}

/**
 * Let the budget's own rules act on a new row as far as {@link RulesMode} says: payee, notes, category and the link
 * to a schedule. Whatever else a rule would do (amount, date, account, deletion, split, transfer) is left out.
 */
export async function applyRules(session: Session, row: NewRow, books: Books): Promise<NewRow> {
  const mode = session.settings.rules;
  const isOff = books.accounts.get(row.account)?.offbudget ?? false;
  const plain = isOff ? { ...row, category: null } : row;
  if (mode === "none") return plain;
  const result = (await session.lib.send("rules-run", { transaction: { ...row } })) as RuleResult | null;
  if (!result) return plain;
  const next = { ...plain };
  // A rule may have made a new payee, which is not among those read before; only a transfer payee is not taken.
  if (typeof result.payee === "string" && !books.payees.get(result.payee)?.transfer_acct)
    next.payee = result.payee;
  if (typeof result.notes === "string") next.notes = result.notes;
  if (typeof result.schedule === "string") next.schedule = result.schedule;
  const mayCategorise = !isOff && (mode === "all" || row.category === null);
  if (mayCategorise && typeof result.category === "string" && books.categories.has(result.category)) {
    next.category = result.category;
  }
  return next;
}
