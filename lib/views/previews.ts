import type { NewTransaction, TransactionChange } from "../budget";
import {
  budgetAccounts,
  budgets,
  events,
  transactions,
  type BudgetAccount,
  type StoredEvent,
  type Transaction,
} from "../store";
import { formatAmount, type Id } from "../values";
import { byId, categoryNames, offsetOf } from "./read";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";

/** What dry runs of queue sync listed; they are read from the run's events. */

interface Previewed {
  runId: Id;
  writes: number;
  changes: number;
  waiting: number;
  skipped: Record<string, number>;
}

/** The dry runs, newest first: when, how many would be written, given a category, wait, and are left out. */
export async function readPreviews({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  const page = await store.collection(events).find({
    index: "byType",
    equals: ["queue.previewed"],
    order: "desc",
    limit: request.limit,
    ...(request.after ? { after: request.after } : {}),
  });
  return {
    rows: page.items
      .filter((event) => !request.budgetId || event.subject === request.budgetId)
      .map((event) => {
        const { runId, writes, changes, waiting, skipped } = event.data as unknown as Previewed;
        const left = Object.values(skipped).reduce((sum, count) => sum + count, 0);
        return {
          at: event.at,
          budgetId: event.subject ?? null,
          runId,
          writes,
          changes,
          waiting,
          skipped: left,
        };
      }),
    next: page.next,
  };
}

/**
 * What one dry run would write, oldest payment first, and then which transactions it would give a category. The newest
 * dry run unless `runId` names one.
 */
export async function readPreview(sources: Sources, request: ViewRequest): Promise<PageOfRows> {
  const head = await previewed(sources, request);
  if (!head) return { rows: [] };
  const skip = offsetOf(request.after);
  const { runId } = head.data as unknown as Previewed;
  const lines: Line[] = [];
  let at = 0;
  for (const type of ["queue.would-write", "queue.would-change"] as const) {
    // Pieces of one dry run are stored one after another, and may have the same time: their order stands in `at`.
    const pieces: Piece[] = [];
    const range = { index: "byType", equals: [type], from: head.at };
    for await (const event of sources.store.collection(events).scan(range)) {
      const data = event.data as unknown as Piece & { runId?: Id };
      if (event.subject === head.subject && data.runId === runId) pieces.push(data);
    }
    pieces.sort((a, b) => a.at - b.at);
    for (const item of pieces.flatMap(({ items }) => items)) {
      if (at++ < skip) continue;
      if (lines.length === request.limit)
        return { rows: await lineRows(sources, head, lines), next: String(at - 1) };
      lines.push(
        type === "queue.would-write"
          ? { write: item as NewTransaction }
          : { change: item as TransactionChange },
      );
    }
  }
  return { rows: await lineRows(sources, head, lines) };
}

interface Piece {
  at: number;
  items: unknown[];
}

type Line = { write: NewTransaction } | { change: TransactionChange };

async function previewed({ store }: Sources, request: ViewRequest): Promise<StoredEvent | undefined> {
  const named = request.runId === "latest" ? undefined : request.runId;
  const range = { index: "byType", equals: ["queue.previewed"], order: "desc" as const };
  for await (const event of store.collection(events).scan(range)) {
    const { runId } = event.data as unknown as Previewed;
    if ((!named || runId === named) && (!request.budgetId || event.subject === request.budgetId))
      return event;
  }
  return undefined;
}

async function lineRows({ store }: Sources, head: StoredEvent, lines: readonly Line[]): Promise<Row[]> {
  const changes = lines.flatMap((line) => ("change" in line ? [line.change.id] : []));
  const changed = await byId<Transaction>(store.collection(transactions).getMany(changes));
  const facts = lines.map((line) => {
    const { categoryId } = "write" in line ? line.write : line.change;
    const of = "write" in line ? line.write : changed.get(line.change.id);
    return { line, of, categoryId };
  });
  const names = await categoryNames(store, facts);
  const ids = facts.flatMap(({ of }) => [of?.accountId ?? [], of?.transferAccountId ?? []].flat());
  const accounts = await byId<BudgetAccount>(store.collection(budgetAccounts).getMany([...new Set(ids)]));
  const currency = (await store.collection(budgets).get(head.subject ?? ""))?.currency ?? null;
  return facts.map(({ line, of, categoryId }, at): Row => ({
    id: "write" in line ? line.write.importId : line.change.id,
    does: "write" in line ? "write" : "categorise",
    number: at + 1,
    date: of?.date ?? null,
    amount: of?.amount ?? null,
    currency,
    amountText: of && currency ? formatAmount(of.amount, currency) : null,
    payee: of?.payeeName ?? null,
    account: (of && accounts.get(of.accountId)?.name) ?? null,
    transferTo: (of?.transferAccountId && accounts.get(of.transferAccountId)?.name) ?? null,
    category: (categoryId && names.get(categoryId)?.name) ?? null,
    memo: of?.memo ?? null,
    approved: of?.approved ?? null,
  }));
}
