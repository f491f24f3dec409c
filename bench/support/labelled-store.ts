import type { LabelledExample } from "../../lib/learning";
import { categories, matches, openStore, payments, transactions } from "../../lib/store";

export const BENCH_BUDGET = "bench:budget";
/** Rows of one write. */
const PAGE = 5_000;

/** A store in which a person approved a category for each payment. */
export async function fillLabelled(file: string, rows: readonly LabelledExample[]): Promise<void> {
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
        id: `bench:t${String(start + n).padStart(7, "0")}`,
        budgetId: BENCH_BUDGET,
        accountId: "bench:account",
        date: row.date,
        amount: row.amount,
        currency: row.currency,
        categoryId: row.label,
        approved: true,
        deleted: false,
      })),
    );
    await store.collection(matches).upsertMany(
      page.map((row, n) => ({
        id: `bench:t${String(start + n).padStart(7, "0")}`,
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
