import { isAssignable } from "../queue";
import { categories, type Category, type Store } from "../store";
import { TallyError, type Id } from "../values";

/** Categories by id, as people call them. */
export class CategoryNames {
  private readonly known = new Map<Id, Category | undefined>();

  constructor(private readonly store: Store) {}

  /** Read these ahead, in one go. */
  async load(ids: Iterable<Id | null | undefined>): Promise<void> {
    const missing = [...new Set([...ids].filter((id): id is Id => !!id && !this.known.has(id)))];
    const found = await this.store.collection(categories).getMany(missing);
    for (const id of missing) this.known.set(id, undefined);
    for (const category of found) this.known.set(category.id, category);
  }

  get(id: Id): Category | undefined {
    return this.known.get(id);
  }

  /** The name; the id where the category is not known. */
  of(id: Id): string {
    return this.known.get(id)?.name ?? id;
  }

  /** Does it stand in that budget, for people to use? */
  assignable(id: Id, budgetId: Id): boolean {
    const category = this.known.get(id);
    return isAssignable(category) && category.budgetId === budgetId;
  }

  /**
   * Refuse a category that payments of the budget cannot have.
   * @throws TallyError CATEGORY_GONE
   */
  check(id: Id, budgetId: Id): void {
    if (this.assignable(id, budgetId)) return;
    const category = this.known.get(id);
    const named = category ? `"${category.name}"` : `The category ${id}`;
    const what =
      category === undefined || category.deleted
        ? "is no longer in the budget"
        : category.budgetId !== budgetId
          ? "belongs to another budget"
          : "is hidden, or the budget's own";
    throw new TallyError(
      "CATEGORY_GONE",
      `${named} ${what}. Choose another one; if it is new, have the budget read first (budget extract).`,
      { details: { categoryId: id } },
    );
  }
}

/** The reason that a decided payment carries into the budget. */
export function youChose(name: string | null): string {
  return name === null ? "You chose to leave it uncategorised." : `You chose ${name}.`;
}

/** `1 payment`, `4 payments`. */
export function payments(count: number): string {
  return count === 1 ? "1 payment" : `${count} payments`;
}
