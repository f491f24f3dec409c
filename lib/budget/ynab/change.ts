import { ownId, TallyError, toTallyError, type Id } from "../../values";
import type { TransactionChange } from "../port";
import { detailOf, type YnabApi } from "./api";
import { toMilliunits } from "./money";
import { memoText, payeeText } from "./text";
import type { WireTransaction } from "./wire";

interface Refused {
  id: Id;
  reason: string;
}

/**
 * Bulk changes. What YNAB refuses is left out and the rest is changed; then the refusals are thrown together.
 * @throws TallyError PROVIDER_REFUSED with `details.refused` (id and reason of each)
 */
export async function changeTransactions(
  api: YnabApi,
  plan: string,
  changes: readonly TransactionChange[],
  currency: string,
  bulk: number,
  signal?: AbortSignal,
): Promise<void> {
  const refused: Refused[] = [];
  for (let at = 0; at < changes.length; at += bulk) {
    await send(api, { plan, currency }, changes.slice(at, at + bulk), refused, signal);
  }
  if (refused.length > 0) {
    throw new TallyError(
      "PROVIDER_REFUSED",
      `YNAB refused to change ${refused.length} of ${changes.length} transactions; the others are changed. The first: ${refused[0]!.reason}`,
      { details: { refused } },
    );
  }
}

async function send(
  api: YnabApi,
  at: { plan: string; currency: string },
  changes: readonly TransactionChange[],
  refused: Refused[],
  signal?: AbortSignal,
): Promise<void> {
  if (changes.length === 0) return;
  const transactions = changes.map((change) => ({
    id: ownId(change.id),
    ...(change.categoryId === undefined
      ? {}
      : { category_id: change.categoryId === null ? null : ownId(change.categoryId) }),
    ...(change.memo === undefined ? {} : { memo: memoText(change.memo) }),
    ...(change.approved === undefined ? {} : { approved: change.approved }),
    ...(change.date === undefined ? {} : { date: change.date }),
    ...(change.amount === undefined ? {} : { amount: toMilliunits(change.amount, at.currency) }),
    ...(change.cleared === undefined ? {} : { cleared: change.cleared }),
    ...(change.payeeName === undefined ? {} : payeeOf(change.payeeName)),
  }));
  try {
    await api.call("updateTransactions", {
      ids: { plan_id: at.plan },
      body: { transactions },
      // Setting the same values again changes nothing.
      repeatable: true,
      ...(signal ? { signal } : {}),
    });
  } catch (thrown) {
    const error = toTallyError(thrown);
    if (error.code !== "PROVIDER_REFUSED") throw error;
    const said = detailOf(error) ?? error.message;
    const pointer = /\(index: (\d+)\)/.exec(said)?.[1];
    const bad = changes.length === 1 ? 0 : pointer === undefined ? undefined : Number(pointer);
    if (bad !== undefined && changes[bad]) {
      refused.push({ id: changes[bad].id, reason: said.replace(/ ?\(index: \d+\)/, "") });
      const others = changes.filter((_, index) => index !== bad);
      return send(api, at, others, refused, signal);
    }
    const half = Math.ceil(changes.length / 2);
    await send(api, at, changes.slice(0, half), refused, signal);
    await send(api, at, changes.slice(half), refused, signal);
  }
}

/** YNAB finds or makes the payee by its name, where it is told that there is no id. */
function payeeOf(name: string): { payee_id: null; payee_name: string } | Record<string, never> {
  const payee_name = payeeText(name);
  return payee_name ? { payee_id: null, payee_name } : {};
}

/** From this many on one list of all costs less than asking for each, since YNAB gives and deletes one in a request. */
const WORTH_LISTING = 4;

/** The rows of these ids that stand now, by YNAB's own id. */
export async function standingRows(
  api: YnabApi,
  plan: string,
  ids: readonly Id[],
  firstDate: string,
  signal?: AbortSignal,
): Promise<Map<string, WireTransaction>> {
  const wanted = new Set(ids.map(ownId));
  const more = signal ? { signal } : {};
  const rows: WireTransaction[] = [];
  if (wanted.size >= WORTH_LISTING) {
    const query = { since_date: firstDate };
    const data = await api.call<{ transactions: WireTransaction[] }>("transactions", {
      ids: { plan_id: plan },
      query,
      ...more,
    });
    rows.push(...data.transactions);
  } else {
    for (const id of wanted) {
      const ids = { plan_id: plan, transaction_id: id };
      const data = await unlessGone(() =>
        api.call<{ transaction: WireTransaction }>("transaction", { ids, ...more }),
      );
      if (data) rows.push(data.transaction);
    }
  }
  return new Map(rows.filter((row) => !row.deleted && wanted.has(row.id)).map((row) => [row.id, row]));
}

/** Delete; what is gone already is left alone. Can be repeated after any error: it goes on with what still stands. */
export async function deleteTransactions(
  api: YnabApi,
  plan: string,
  ids: readonly Id[],
  firstDate: string,
  signal?: AbortSignal,
): Promise<void> {
  let own = [...new Set(ids.map(ownId))];
  if (own.length >= WORTH_LISTING) {
    const standing = await standingRows(api, plan, ids, firstDate, signal);
    own = own.filter((id) => standing.has(id));
  }
  for (const id of own) {
    const which = { plan_id: plan, transaction_id: id };
    await unlessGone(() =>
      api.call("deleteTransaction", { ids: which, repeatable: true, ...(signal ? { signal } : {}) }),
    );
  }
}

async function unlessGone<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    if (toTallyError(thrown).code === "NOT_FOUND") return undefined;
    throw thrown;
  }
}
