import { categories, type Category, type Store } from "../store";
import { TallyError, type Id } from "../values";
import type { ViewRequest } from "./types";

/** What the views share in reading. */

/** The categories of these ids. */
export async function categoryNames(
  store: Store,
  items: readonly { categoryId?: Id | null | undefined }[],
): Promise<Map<string, Category>> {
  const ids = [...new Set(items.flatMap((item) => (item.categoryId ? [item.categoryId] : [])))];
  return byId<Category>(store.collection(categories).getMany(ids));
}

/** Documents by their id. */
export async function byId<T extends { id: string }>(docs: Promise<T[]>): Promise<Map<string, T>> {
  return new Map((await docs).map((doc) => [doc.id, doc]));
}

/** How many rows came before, of a token that only counts them. */
export function offsetOf(after: string | undefined): number {
  const offset = Number(after ?? 0);
  if (Number.isSafeInteger(offset) && offset >= 0) return offset;
  throw new TallyError("CONFIG_INVALID", "The page to go on after is not one that this view gave.");
}

/** One page over several ranges read one after another; its token says in which range it stopped, and where. */
export async function readSegments<T>(
  segments: readonly string[][],
  request: ViewRequest,
  find: (
    equals: string[],
    limit: number,
    after: string | undefined,
  ) => Promise<{ items: T[]; next?: string }>,
): Promise<{ items: T[]; next?: string }> {
  const items: T[] = [];
  const token = /^(\d+):(.*)$/s.exec(request.after ?? "0:");
  if (!token)
    throw new TallyError("CONFIG_INVALID", "The page to go on after is not one that this view gave.");
  let after: string | undefined = token[2] || undefined;
  for (let at = Number(token[1]); at < segments.length; at++) {
    if (items.length >= request.limit) return { items, next: `${at}:` };
    const page = await find(segments[at]!, request.limit - items.length, after);
    items.push(...page.items);
    if (page.next) return { items, next: `${at}:${page.next}` };
    after = undefined;
  }
  return { items };
}
