import {
  matches,
  payments,
  reviews,
  transactions,
  type Collection,
  type Doc,
  type Match,
  type PaymentFacts,
  type Review,
  type Store,
  type Transaction,
} from "../../store";
import type { Id, Instant } from "../../values";
import { labelled, usableCategories } from "./labels";

/** What people said since a moment, in review and in the budget, read on from where it was left. */

/** Read up to this instant; of those of this very instant by id. */
export interface Mark {
  at: Instant;
  ids: Set<Id>;
}

/** How far each is read: decisions, transactions that came or changed, and pairs that were found. */
export interface Marks {
  reviews: Mark;
  transactions: Mark;
  matches: Mark;
}

/** A person's word, or something else that came: that has no label. */
export interface Arrival {
  at: Instant;
  id: Id;
  by: "review" | "budget";
  payment?: PaymentFacts;
  label?: Id;
}

const PAGE = 500;

/**
 * What came behind the marks, in the order in which it came, each mark moving on once the next is asked for. A
 * transaction comes when it is new or changed, and when it is matched, as it stands by now. A category that is hidden,
 * deleted or the budget's own teaches nothing. Costs a look at three indexes, and what is new.
 *
 * @param trainedAt what was decided earlier, and stands in the budget by now, is the budget's to tell
 * @throws TallyError STORE_*; the marks are then behind what was yielded last
 */
export async function* arrivals(
  store: Store,
  budgetId: Id,
  marks: Marks,
  trainedAt: Instant,
): AsyncGenerator<Arrival> {
  let usable: Promise<ReadonlySet<Id>> | undefined;
  const news: News = {
    store,
    budgetId,
    trainedAt,
    usable: () => (usable ??= categoriesInUse(store, budgetId)),
  };
  const sources = [
    { mark: marks.reviews, stream: decided(news, marks.reviews) },
    { mark: marks.transactions, stream: changed(news, marks.transactions) },
    { mark: marks.matches, stream: matched(news, marks.matches) },
  ];
  const heads = await Promise.all(
    sources.map(async ({ mark, stream }) => ({ mark, stream, head: await stream.next() })),
  );
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const one of heads)
      if (!one.head.done && (!first || one.head.value.at < (first.head.value as Arrival).at)) first = one;
    if (!first) return;
    const { at, id } = first.head.value as Arrival;
    yield first.head.value as Arrival;
    if (at !== first.mark.at) first.mark.ids.clear();
    first.mark.at = at;
    first.mark.ids.add(id);
    first.head = await first.stream.next();
  }
}

interface News {
  store: Store;
  budgetId: Id;
  trainedAt: Instant;
  usable(): Promise<ReadonlySet<Id>>;
}

async function categoriesInUse(store: Store, budgetId: Id): Promise<ReadonlySet<Id>> {
  const usable = await usableCategories(store, budgetId);
  return new Set([...usable.values()].filter(({ hidden }) => !hidden).map(({ id }) => id));
}

async function* decided(news: News, mark: Mark): AsyncGenerator<Arrival> {
  const { store, budgetId, trainedAt } = news;
  for await (const page of pagesBehind(store.collection(reviews), "byBudget", budgetId, mark, atOfReview)) {
    const usable = await news.usable();
    const found = await store.collection(payments).getMany(
      page.map(({ paymentId }) => paymentId),
      ["raw"],
    );
    const byId = new Map(found.map((payment) => [payment.id, payment]));
    const early = page.filter(({ at }) => at <= trainedAt).map(({ paymentId }) => paymentId);
    const standing = new Set(
      early.length === 0
        ? []
        : (await store.collection(matches).findAny("byPayment", early))
            .filter((match) => match.budgetId === budgetId)
            .map(({ paymentId }) => paymentId),
    );
    for (const { id, at, paymentId, chosenCategoryId } of page) {
      const payment = byId.get(paymentId);
      const counts = usable.has(chosenCategoryId) && !(at <= trainedAt && standing.has(paymentId));
      yield { id, at, by: "review", ...(payment && counts && { payment, label: chosenCategoryId }) };
    }
  }
}

async function* changed(news: News, mark: Mark): AsyncGenerator<Arrival> {
  const { store, budgetId } = news;
  const collection = store.collection(transactions);
  for await (const page of pagesBehind(collection, "byChanged", budgetId, mark, atOfTransaction))
    yield* told(news, page, page, atOfTransaction);
}

async function* matched(news: News, mark: Mark): AsyncGenerator<Arrival> {
  const { store, budgetId } = news;
  for await (const page of pagesBehind(store.collection(matches), "byMatched", budgetId, mark, atOfMatch)) {
    const rows = await store.collection(transactions).getMany(page.map(({ id }) => id));
    yield* told(news, page, rows, atOfMatch);
  }
}

async function* told<T extends Doc>(
  { store, budgetId, usable }: News,
  page: readonly T[],
  rows: readonly Transaction[],
  atOf: (row: T) => Instant,
): AsyncGenerator<Arrival> {
  const labels = await labelled(store, budgetId, rows, await usable());
  const byId = new Map(labels.map((one) => [one.transactionId, one]));
  for (const row of page) {
    const word = byId.get(row.id);
    yield {
      id: row.id,
      at: atOf(row),
      by: "budget",
      ...(word && { payment: word.payment, label: word.label }),
    };
  }
}

/** Documents of a budget behind a mark, page by page, in the order in which they came. */
async function* pagesBehind<T extends Doc>(
  collection: Collection<T>,
  index: string,
  budgetId: Id,
  mark: Mark,
  atOf: (row: T) => Instant,
): AsyncGenerator<T[]> {
  // The mark moves on while this is read.
  const { at: from } = mark;
  const read = new Set(mark.ids);
  let after: string | undefined;
  do {
    const page = await collection.find({
      index,
      equals: [budgetId],
      from,
      limit: PAGE,
      ...(after !== undefined && { after }),
    });
    const fresh = page.items.filter((row) => atOf(row) !== from || !read.has(row.id));
    if (fresh.length > 0) yield fresh;
    after = page.next;
  } while (after !== undefined);
}

// Whatever an index by instant finds from an instant on has one.
const atOfReview = (review: Review): Instant => review.at;
const atOfTransaction = (transaction: Transaction): Instant => transaction.changedAt!;
const atOfMatch = (match: Match): Instant => match.matchedAt!;
