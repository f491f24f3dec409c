import {
  matches,
  payments as paymentsOf,
  queue,
  transactions as transactionsOf,
  type PaymentFacts,
  type QueueItem,
  type Store,
  type Transaction,
} from "../store";
import { doubledByMatch } from "../budget";
import { mappedAccounts } from "../queue";
import { formatAmount, inChunks, runInTurns, takeTurn, turnDue, type Id, type Instant } from "../values";
import { comparingBalances, type BalanceDifference, type BalanceRow } from "./compare";

/** What the check found for one mapped account. */
export interface BalanceCheck {
  bankAccountId: Id;
  budgetAccountId: Id;
  name: string;
  currency: string;
  /** `equal`, `different`, or `unknown` where a side states no balance or the currencies differ. */
  state: "equal" | "different" | "unknown";
  bankBalance?: number;
  /** When the bank stated it. */
  bankBalanceAt?: Instant;
  /** The budget's own, and what is on its way there or was written since it was read. */
  budgetBalance?: number;
  onItsWay?: number;
  difference?: BalanceDifference;
  /** For people: what was found, and what to look at. */
  message: string;
}

/** Payments in these states stand in the budget soon, or do already and were not read back yet. */
const ON_THE_WAY: ReadonlySet<QueueItem["state"]> = new Set([
  "new",
  "classified",
  "leased",
  "sending",
  "retry",
  "synced",
]);

/**
 * Compare the bank's balance of each mapped account with the budget's, as both were read last. Booked payments that are
 * on their way to the budget count as if they stood there. Nothing is asked of bank or budget, and nothing is written.
 * @param budgetCurrency ISO 4217 code of the budget
 */
export async function checkBalances(
  store: Store,
  budgetId: Id,
  budgetCurrency: string,
  signal?: AbortSignal,
): Promise<BalanceCheck[]> {
  const accounts = await mappedAccounts(store, budgetId);
  const pairs = new Map<Id, Id>();
  for await (const match of store.collection(matches).scan({ index: "byBudget", equals: [budgetId] }))
    pairs.set(match.id, match.paymentId);
  const items = new Map<Id, QueueItem>();
  for await (const item of store.collection(queue).scan({ index: "byState", equals: [budgetId] }))
    items.set(item.paymentId, item);
  await pairTransfers(store, items, pairs);
  const coming = await comingPayments(store, items, new Set(pairs.values()));
  const found: BalanceCheck[] = [];
  for (const { bank, budget } of accounts.values()) {
    signal?.throwIfAborted();
    const base = {
      bankAccountId: bank.id,
      budgetAccountId: budget.id,
      name: bank.name,
      currency: bank.currency,
      ...(bank.balance ? { bankBalance: bank.balance.amount, bankBalanceAt: bank.balance.at } : {}),
    };
    if (!bank.balance || budget.balance === undefined) {
      const who = bank.balance ? "The budget" : "The bank";
      const message = `${who} states no balance of ${bank.name}, so that there is nothing to compare.`;
      found.push({ ...base, state: "unknown", message });
      continue;
    }
    if (bank.currency !== budgetCurrency) {
      const message = `${bank.name} is kept in ${bank.currency} and the budget in ${budgetCurrency}: their balances are not compared.`;
      found.push({ ...base, state: "unknown", message });
      continue;
    }
    const onItsWay = (coming.get(bank.id) ?? []).reduce((sum, { amount }) => sum + amount, 0);
    const budgetBalance = budget.balance;
    // Most accounts are equal, and then no row needs to be looked at.
    const difference =
      bank.balance.amount === budgetBalance + onItsWay
        ? undefined
        : await differenceOf(
            store,
            { id: bank.id, balance: bank.balance.amount },
            { id: budget.id, balance: budgetBalance + onItsWay },
            { items, pairs, coming: coming.get(bank.id) ?? [] },
          );
    found.push({
      ...base,
      state: difference ? "different" : "equal",
      budgetBalance,
      onItsWay,
      ...(difference ? { difference } : {}),
      message: difference
        ? explain(bank.name, bank.currency, difference)
        : `${bank.name}: bank and budget agree.`,
    });
  }
  return found;
}

/**
 * Booked payments, by bank account, that stand in the budget soon, or do already and were not read back yet.
 * @param matched payments that have a transaction
 */
async function comingPayments(
  store: Store,
  items: ReadonlyMap<Id, QueueItem>,
  matched: ReadonlySet<Id>,
): Promise<Map<Id, PaymentFacts[]>> {
  const waiting = [...items.values()].filter(
    (item) =>
      (ON_THE_WAY.has(item.state) || item.skipReason === "own-transfer") && !matched.has(item.paymentId),
  );
  const coming = await inChunks(waiting, async (chunk) => {
    const rows = await store
      .collection(transactionsOf)
      .getMany(chunk.flatMap(({ state, transactionId }) => (state === "synced" && transactionId) || []));
    const deleted = new Set(rows.flatMap((row) => (row.deleted ? [row.id] : [])));
    const ids = chunk.flatMap((item) => (isGone(item, deleted) ? [] : [item.paymentId]));
    const found = await store.collection(paymentsOf).getMany(ids, ["raw"]);
    return found.filter(({ status }) => status === "booked");
  });
  const byAccount = new Map<Id, PaymentFacts[]>();
  for (const payment of coming) {
    const own = byAccount.get(payment.accountId);
    if (own) own.push(payment);
    else byAccount.set(payment.accountId, [payment]);
  }
  return byAccount;
}

/** Was written, and somebody deleted it in the budget since. */
function isGone(item: QueueItem | undefined, deleted: ReadonlySet<Id>): boolean {
  return item?.state === "synced" && deleted.has(item.transactionId ?? "");
}

/** Where two balances that differ part. */
async function differenceOf(
  store: Store,
  bank: { id: Id; balance: number },
  budget: { id: Id; balance: number },
  known: {
    items: ReadonlyMap<Id, QueueItem>;
    pairs: ReadonlyMap<Id, Id>;
    coming: readonly PaymentFacts[];
  },
): Promise<BalanceDifference | undefined> {
  const standing: Transaction[] = [];
  const deleted = new Set<Id>();
  for await (const row of store
    .collection(transactionsOf)
    .scan({ index: "byAccount", equals: [budget.id] })) {
    if (row.deleted) deleted.add(row.id);
    else standing.push(row);
  }
  await takeTurn();
  const doubled = doubledByMatch(standing, (id) => known.pairs.has(id));
  await takeTurn();
  const entered: BalanceRow[] = [];
  for (const { id, date, amount, payeeName, memo } of standing) {
    if (turnDue()) await takeTurn();
    if (!doubled.has(id)) entered.push({ id, date, amount, text: payeeName ?? memo ?? "" });
  }
  const booked: BalanceRow[] = [];
  const scan = { index: "byAccount", equals: [bank.id] } as const;
  for await (const payment of store.collection(paymentsOf).scan(scan, ["raw"])) {
    if (payment.status !== "booked") continue;
    const item = known.items.get(payment.id);
    booked.push(rowOf(payment, item, isGone(item, deleted)));
  }
  const standIns = new Map(known.pairs);
  for (const payment of known.coming) {
    const id = `on its way:${payment.id}`;
    entered.push({ ...rowOf(payment, undefined), id });
    standIns.set(id, payment.id);
  }
  return runInTurns(
    comparingBalances(
      { balance: bank.balance, rows: booked },
      { balance: budget.balance, rows: entered },
      standIns,
    ),
  );
}

/** Transfers of which one side was written: the budget made the row of the other side itself, and no match names it. */
async function pairTransfers(
  store: Store,
  items: ReadonlyMap<Id, QueueItem>,
  pairs: Map<Id, Id>,
): Promise<void> {
  const otherSides = new Map<Id, Id>();
  for (const item of items.values()) {
    const side = items.get(item.transferPaymentId ?? "");
    if (item.skipReason === "own-transfer" && side?.state === "synced" && side.transactionId)
      otherSides.set(side.transactionId, item.paymentId);
  }
  const transactions = store.collection(transactionsOf);
  for (const row of await transactions.getMany([...otherSides.keys()]))
    if (!row.deleted && row.transferTransactionId)
      pairs.set(row.transferTransactionId, otherSides.get(row.id)!);
}

function rowOf(payment: PaymentFacts, item: QueueItem | undefined, gone = false): BalanceRow {
  const who = payment.counterparty?.name ?? payment.description;
  const why = gone ? " (deleted in the budget)" : whyNot(item);
  return { id: payment.id, date: payment.date, amount: payment.amount, text: who + why };
}

function whyNot(item: QueueItem | undefined): string {
  if (item?.state === "skipped" && item.skipReason) return ` (left out: ${item.skipReason})`;
  if (item?.state === "dead") return ` (given up: ${item.error?.message ?? "see the queue"})`;
  if (item?.state === "review") return " (waits for review)";
  return "";
}

const NAMED = 5;

function explain(name: string, currency: string, difference: BalanceDifference): string {
  const money = (amount: number) => `${formatAmount(amount, currency)} ${currency}`;
  const head = `${name}: the bank has ${money(Math.abs(difference.amount))} ${difference.amount > 0 ? "more" : "less"} than the budget.`;
  if (difference.date === undefined) {
    return `${head} They differ since before the first payment that is known: correct the starting balance in the budget.`;
  }
  const list = (rows: readonly BalanceRow[]) =>
    rows
      .slice(0, NAMED)
      .map((row) => `${money(row.amount)} ${row.text}`.trim())
      .concat(rows.length > NAMED ? [`${rows.length - NAMED} more`] : [])
      .join("; ");
  const parts = [`${head} They part on ${difference.date}.`];
  const { onlyAtBank, onlyInBudget, unequal } = difference;
  if (onlyAtBank.length > 0) parts.push(`Only at the bank: ${list(onlyAtBank)}.`);
  if (onlyInBudget.length > 0) parts.push(`Only in the budget: ${list(onlyInBudget)}.`);
  for (const { payment, transaction } of unequal.slice(0, NAMED)) {
    parts.push(
      `Not alike: ${payment.text}, ${money(payment.amount)} at the bank and ${money(transaction.amount)} in the budget.`,
    );
  }
  return parts.join(" ");
}
