import type { LabelledExample } from "../../lib/learning";
import { categories, matches, openStore, payments, transactions, type Store } from "../../lib/store";

export const BENCH_BUDGET = "bench:budget";
/** Rows of one write. */
const PAGE = 5_000;

/** A store in which a person gave each payment its category, and approved all but the newest twentieth. */
export async function fillLabelled(file: string, rows: readonly LabelledExample[]): Promise<void> {
  const approved = Math.floor(rows.length * 0.95);
  const store = await openStore({ kind: "sqlite", path: file });
  await store.collection(categories).upsertMany(
    [...new Set(rows.map(({ label }) => label))].map((id) => ({
      id,
      budgetId: BENCH_BUDGET,
      name: id,
      hidden: false,
      deleted: false,
    })),
  );
  for (let start = 0; start < rows.length; start += PAGE) {
    const page = rows.slice(start, start + PAGE);
    const at = "2024-01-01T00:00:00.000Z";
    await store.collection(payments).upsertMany(
      page.map((row) => ({
        id: row.id,
        source: "bench",
        accountId: row.account,
        status: "booked" as const,
        date: row.date,
        amount: row.amount,
        currency: row.currency,
        counterparty: { name: row.text },
        // What surrounds a payment has no field of its own there.
        description: [row.description, ...(row.context ?? [])].join(" "),
        type: row.type ?? "",
        raw: { text: row.text, amount: row.amount, date: row.date },
        fetchedAt: at,
      })),
    );
    await store.collection(transactions).upsertMany(
      page.map((row, n) => ({
        id: transactionId(start + n),
        budgetId: BENCH_BUDGET,
        accountId: "bench:account",
        date: row.date,
        amount: row.amount,
        currency: row.currency,
        categoryId: row.label,
        approved: start + n < approved,
        deleted: false,
      })),
    );
    await store.collection(matches).upsertMany(
      page.map((row, n) => ({
        id: transactionId(start + n),
        budgetId: BENCH_BUDGET,
        paymentId: row.id,
        rule: "import-id" as const,
        confidence: 1,
        reason: "",
      })),
    );
  }
  await store.close();
}

/** The person approves the rest. */
export async function approveRest(store: Store): Promise<void> {
  const rest: string[] = [];
  for await (const row of store.collection(transactions).scan({ index: "id" }))
    if (!row.approved) rest.push(row.id);
  await store
    .collection(transactions)
    .updateMany(rest.map((id) => ({ id, expected: {}, set: { approved: true } })));
}

function transactionId(n: number): string {
  return `bench:t${String(n).padStart(7, "0")}`;
}
