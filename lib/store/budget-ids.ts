import type { Id } from "../values";
import { budgets } from "./collections";
import type { Store } from "./port";

/** The budgets that something is about: the one asked for, or all that are stored. */
export async function budgetIds(store: Store, wanted: Id | undefined): Promise<Id[]> {
  if (wanted) return [wanted];
  const found: Id[] = [];
  for await (const { id } of store.collection(budgets).scan({ index: "id" })) found.push(id);
  return found;
}
