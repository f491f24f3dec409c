import type { Counts, StepContext } from "../runs";
import { bankAccounts, cursors, payments, type BankAccount, type Payment } from "../store";
import { toTallyError, type CalendarDate, type Id, type TallyError } from "../values";
import { enqueue, ruled } from "../queue";
import { hasConsents, watchConsents, type ConsentEnd } from "./consent";
import { PendingPayments } from "./pending";
import type { BankProvider, RowError } from "./port";
import { Recogniser } from "./recognise";
import { underStoredIds } from "./renumbered";
import { quotaEnd, type Wait } from "./waits";

export interface BankExtractOptions {
  /** The budgets the payments are on their way to. */
  budgetIds: readonly Id[];
  /** Payments before this date are not asked for. */
  since?: CalendarDate;
}

export interface BankExtractResult {
  counts: Counts;
  /** Rows that could not be read, the first hundred. */
  badRows: (RowError & { account: string })[];
  /** Accounts that may not be read now, and from when on they may: their quota is used up. */
  waits: Wait[];
  /** Consents that end within 14 days or are over, the soonest first. */
  consents: ConsentEnd[];
}

/** Where the cursor of one account is kept. */
export function bankCursorId(source: string, accountId: Id): string {
  return `bank:${source}:${accountId}`;
}

/**
 * Pull payments since the cursor into the store, and queue what is new before the cursor moves: a crash at any point
 * repeats the page and loses nothing. An account that fails does not hold up the others; its error is thrown when they
 * are done. One whose quota is used up has not failed: it is read when it may be.
 * @throws TallyError AUTH_FAILED, AUTH_EXPIRED, RATE_LIMITED, PROVIDER_*, STATEMENT_*
 */
export async function bankExtract(
  context: StepContext,
  provider: BankProvider,
  options: BankExtractOptions,
): Promise<BankExtractResult> {
  const calls = provider.calls;
  const result: BankExtractResult = {
    counts: { accounts: 0, inserted: 0, changed: 0, unchanged: 0, queued: 0, gone: 0, badRows: 0, calls: 0 },
    badRows: [],
    waits: [],
    consents: hasConsents(provider) ? await watchConsents(context, provider.source, provider) : [],
  };
  /** Does the error only ask to come back later? Then it is noted. */
  const postponed = (thrown: unknown, account: string, timeZone?: string): boolean => {
    const until = quotaEnd(thrown, context.now());
    if (until === undefined) return false;
    result.waits.push({ account, until, ...(timeZone ? { timeZone } : {}) });
    context.log("info", toTallyError(thrown).message);
    return true;
  };
  const accounts = await storeAccounts(context, provider).catch((thrown: unknown) => {
    if (postponed(thrown, provider.source)) return [];
    throw thrown;
  });
  result.counts["accounts"] = accounts.length;
  for (const budgetId of options.budgetIds) {
    result.counts["queued"]! += await queueStored(context, provider.source, budgetId);
  }
  let failure: TallyError | undefined;
  let done = 0;
  for (const account of accounts) {
    context.signal.throwIfAborted();
    try {
      await extractAccount(context, provider, account, options, result);
    } catch (thrown) {
      const error = toTallyError(thrown);
      // The consent of one bank may be over while those of others hold, so AUTH_EXPIRED stops its account only.
      if (["CANCELLED", "AUTH_FAILED", "STORE_UNAVAILABLE", "INTERNAL"].includes(error.code)) throw error;
      if (!postponed(error, account.name, account.timeZone)) {
        context.log("error", `${account.name}: ${error.message}`);
        failure ??= error;
      }
    }
    context.progress(++done, accounts.length, account.name);
  }
  if (result.waits.length > 0) result.counts["waiting"] = result.waits.length;
  result.counts["calls"] = provider.calls - calls;
  if (result.badRows.length > 0)
    await context.emit("bank.bad-rows", provider.source, { rows: result.badRows });
  if (failure) throw failure;
  return result;
}

/**
 * The first time that a budget is seen: queue for it what was stored before, for another budget or for none. The
 * bank's cursors have passed those payments, so that nothing else would bring them.
 */
async function queueStored(context: StepContext, source: string, budgetId: Id): Promise<number> {
  const { store } = context;
  const markId = `queued:${source}:${budgetId}`;
  if (await store.collection(cursors).get(markId)) return 0;
  let queued = 0;
  let page: Payment[] = [];
  const take = async () => {
    queued += await enqueue(store, budgetId, page, context.now());
    page = [];
  };
  for await (const payment of store.collection(payments).scan({ index: "bySource", equals: [source] })) {
    context.signal.throwIfAborted();
    page.push(payment);
    if (page.length === 500) await take();
  }
  await take();
  await store.collection(cursors).upsertMany([{ id: markId, value: null, at: context.now() }]);
  return queued;
}

async function storeAccounts(context: StepContext, provider: BankProvider): Promise<BankAccount[]> {
  const collection = context.store.collection(bankAccounts);
  const found = await provider.accounts(context.signal);
  const known = new Map(
    (await collection.getMany(found.map((account) => account.id))).map((account) => [account.id, account]),
  );
  // The mapping and the rules are the user's and are not the provider's to change.
  const merged = found.map((account): BankAccount => {
    const before = known.get(account.id);
    const { budgetAccountId = null, rules } = before ?? {};
    // Until the rules are applied to what is stored, that is in the zone it was.
    const applied =
      before?.applied ?? (before && rules?.timeZone ? { timeZone: before.timeZone } : undefined);
    return {
      ...account,
      timeZone: rules?.timeZone ?? account.timeZone,
      budgetAccountId,
      ...(rules ? { rules } : {}),
      ...(applied ? { applied } : {}),
    };
  });
  await collection.upsertMany(merged);
  return merged.filter((account) => !account.closed || !known.has(account.id));
}

async function extractAccount(
  context: StepContext,
  provider: BankProvider,
  account: BankAccount,
  options: BankExtractOptions,
  result: BankExtractResult,
): Promise<void> {
  const { store } = context;
  const cursorId = bankCursorId(provider.source, account.id);
  const cursor = (await store.collection(cursors).get(cursorId))?.value ?? null;
  const request = { cursor, signal: context.signal, ...(options.since ? { since: options.since } : {}) };
  const recogniser = provider.ids === "changing" ? new Recogniser(store, account) : undefined;
  const pendings = new PendingPayments(store, account, context.now);
  for await (const page of provider.payments(account, request)) {
    const given = page.payments.map((payment) => ruled(payment, account));
    const recognised = await recogniser?.page(given);
    if (recognised?.recycled.length) await tell(context, account, recognised.recycled);
    const named =
      provider.ids === "perFile"
        ? await numberedAnew(context, account, given)
        : (recognised?.payments ?? given);
    const { page: rows, settled } = await pendings.link(named);
    const written = await store.collection(payments).upsertMany(rows);
    if (settled.length > 0) await store.collection(payments).upsertMany(settled);
    for (const budgetId of options.budgetIds) {
      result.counts["queued"]! += await enqueue(store, budgetId, rows, context.now());
    }
    await store.collection(cursors).upsertMany([{ id: cursorId, value: page.cursor, at: context.now() }]);
    result.counts["inserted"]! += written.inserted;
    result.counts["changed"]! += written.changed;
    result.counts["unchanged"]! += written.unchanged;
    result.counts["badRows"]! += page.errors.length;
    for (const error of page.errors) {
      if (result.badRows.length < 100) result.badRows.push({ ...error, account: account.name });
    }
    context.progress(result.counts["inserted"]!, 0, account.name);
    context.signal.throwIfAborted();
  }
  result.counts["gone"]! += await pendings.end(provider.listsPending ?? false);
}

/** The rows of a file under the ids of the payments that they are, which is said where they had others. */
async function numberedAnew(
  context: StepContext,
  account: BankAccount,
  given: readonly Payment[],
): Promise<Payment[]> {
  const { rows, renamed } = await underStoredIds(context.store, account, given);
  if (renamed > 0)
    context.log(
      "info",
      `${account.name}: a file shows ${renamed} stored payments under other ids than before. They are taken for the same by date, amount and text.`,
    );
  return rows;
}

/** An old id on a new payment is odd enough to be said. */
async function tell(
  context: StepContext,
  account: BankAccount,
  recycled: readonly { id: Id; payment: Payment; before: CalendarDate }[],
): Promise<void> {
  for (const { id, payment, before } of recycled)
    context.log(
      "warn",
      `${account.name}: the bank gave the payment of ${payment.date} the id ${id}, which a payment of ${before} had before. Both are kept.`,
    );
  await context.emit("bank.recycled-ids", account.id, {
    payments: recycled.map(({ id, payment, before }) => ({ id, date: payment.date, before })),
  });
}
