import type { RunLedger } from "../runs";
import {
  bankAccounts,
  budgetAccounts,
  budgets,
  categories,
  classifications,
  models,
  modelVersions,
  payments,
  queue,
  type Category,
  type Payment,
  type QueueItem,
  type QueueState,
  type RunState,
  type Store,
} from "../store";
import { formatAmount, TallyError } from "../values";

/** Small tables over the store, for dashboards, the CLI and other flows. They only read. */

export const VIEWS = [
  "payments",
  "queue",
  "review",
  "categories",
  "confidence",
  "runs",
  "run",
  "classifications",
  "accounts",
  "models",
] as const;
export type View = (typeof VIEWS)[number];

export interface ViewRequest {
  view: View;
  budgetId?: string | undefined;
  accountId?: string | undefined;
  /** State of queue items or of runs. */
  state?: string | undefined;
  runId?: string | undefined;
  limit: number;
  /** `next` of the page before. */
  after?: string | undefined;
}

export type Row = Record<string, string | number | boolean | null>;

export interface Table {
  view: View;
  rows: Row[];
  /** Where the next page begins; absent on the last page. */
  next?: string;
}

const QUEUE_STATES: readonly QueueState[] = [
  "new",
  "classified",
  "review",
  "leased",
  "sending",
  "synced",
  "retry",
  "dead",
  "skipped",
];

/**
 * Read a view: flat rows, newest first where there is a time.
 * @throws TallyError CONFIG_INVALID for a state that does not exist; NOT_FOUND for an unknown run; STORE_UNAVAILABLE
 */
export async function readView(store: Store, ledger: RunLedger, request: ViewRequest): Promise<Table> {
  const page = await readers[request.view](store, request, ledger);
  return { view: request.view, rows: page.rows, ...(page.next ? { next: page.next } : {}) };
}

type PageOfRows = { rows: Row[]; next?: string | undefined };
type Reader = (store: Store, request: ViewRequest, ledger: RunLedger) => Promise<PageOfRows>;

const readers: Readonly<Record<View, Reader>> = {
  payments: readPayments,
  queue: readQueue,
  review: (store, request) => readQueue(store, { ...request, state: "review" }),
  categories: readCategories,
  confidence: readConfidence,
  runs: readRuns,
  run: readRun,
  classifications: readClassifications,
  accounts: readAccounts,
  models: readModels,
};

async function readPayments(store: Store, { accountId, limit, after }: ViewRequest): Promise<PageOfRows> {
  const page = await store.collection(payments).find({
    index: accountId ? "byAccount" : "byDate",
    ...(accountId ? { equals: [accountId] } : {}),
    order: "desc",
    limit,
    ...(after ? { after } : {}),
  });
  return { rows: page.items.map(paymentRow), next: page.next };
}

async function readQueue(store: Store, request: ViewRequest): Promise<PageOfRows> {
  const states = statesOf(request.state, QUEUE_STATES);
  const page = await readSegments(
    (await budgetIds(store, request.budgetId)).flatMap((budgetId) =>
      states.map((state) => [budgetId, state]),
    ),
    request,
    (equals, limit, after) =>
      store.collection(queue).find({
        index: "byState",
        equals,
        order: "desc",
        limit,
        ...(after ? { after } : {}),
      }),
  );
  const found = await byId<Payment>(
    store.collection(payments).getMany(page.items.map((item) => item.paymentId)),
  );
  const names = await categoryNames(store, page.items);
  return {
    rows: page.items.map((item) => {
      const payment = found.get(item.paymentId);
      return {
        ...(payment ? paymentRow(payment) : { date: item.date }),
        id: item.id,
        paymentId: item.paymentId,
        budgetId: item.budgetId,
        state: item.state,
        since: item.stateSince,
        categoryId: item.categoryId ?? null,
        category: (item.categoryId && names.get(item.categoryId)?.name) ?? null,
        confidence: item.confidence ?? null,
        reason: item.reason ?? item.skipReason ?? item.error?.message ?? null,
        attempt: item.attempt,
        dueAt: item.dueAt,
      };
    }),
    next: page.next,
  };
}

async function readCategories(store: Store, request: ViewRequest): Promise<PageOfRows> {
  const page = await readSegments(
    (await budgetIds(store, request.budgetId)).map((id) => [id]),
    request,
    (equals, limit, after) =>
      store.collection(categories).find({ index: "byBudget", equals, limit, ...(after ? { after } : {}) }),
  );
  return {
    rows: page.items.map((one) => ({
      id: one.id,
      budgetId: one.budgetId,
      group: one.group ?? null,
      name: one.name,
      hidden: one.hidden,
      deleted: one.deleted,
    })),
    next: page.next,
  };
}

/** How many classifications are how sure: ten buckets, and how many of each abstained. */
async function readConfidence(store: Store, request: ViewRequest): Promise<PageOfRows> {
  const buckets = Array.from({ length: 10 }, (_, at) => ({
    from: at / 10,
    to: (at + 1) / 10,
    classifications: 0,
    abstained: 0,
  }));
  for (const budgetId of await budgetIds(store, request.budgetId)) {
    for await (const one of store
      .collection(classifications)
      .scan({ index: "byBudget", equals: [budgetId] })) {
      const bucket = buckets[Math.min(9, Math.max(0, Math.floor(one.confidence * 10)))]!;
      bucket.classifications++;
      if (one.path === "abstain") bucket.abstained++;
    }
  }
  return { rows: buckets };
}

async function readRuns(_store: Store, request: ViewRequest, ledger: RunLedger): Promise<PageOfRows> {
  const page = await ledger.list({
    limit: request.limit,
    ...(request.after ? { after: request.after } : {}),
    ...(request.state ? { state: request.state as RunState } : {}),
  });
  return {
    rows: page.items.map((run) => ({
      id: run.id,
      job: run.job,
      state: run.state,
      trigger: run.trigger,
      startedAt: run.startedAt,
      endedAt: run.endedAt ?? null,
      durationMs: run.durationMs ?? null,
      error: run.error?.message ?? null,
    })),
    next: page.next,
  };
}

async function readRun(_store: Store, request: ViewRequest, ledger: RunLedger): Promise<PageOfRows> {
  if (!request.runId)
    throw new TallyError(
      "CONFIG_INVALID",
      "No run is named. Give its id as the option runId, or a message that belongs to a run.",
    );
  const { steps } = await ledger.get(request.runId);
  return {
    rows: steps.map((step) => ({
      id: step.id,
      step: step.step,
      node: step.node ?? null,
      state: step.state,
      startedAt: step.startedAt,
      durationMs: step.durationMs ?? null,
      counts: Object.entries(step.counts)
        .map(([name, value]) => `${name} ${value}`)
        .join(", "),
      error: step.error?.message ?? null,
    })),
  };
}

async function readClassifications(store: Store, request: ViewRequest): Promise<PageOfRows> {
  const page = await readSegments(
    (await budgetIds(store, request.budgetId)).map((id) => [id]),
    request,
    (equals, limit, after) =>
      store.collection(classifications).find({
        index: "byBudget",
        equals,
        order: "desc",
        limit,
        ...(after ? { after } : {}),
      }),
  );
  const found = await byId<Payment>(
    store.collection(payments).getMany(page.items.map((one) => one.paymentId)),
  );
  const names = await categoryNames(store, page.items);
  return {
    rows: page.items.map((one) => {
      const payment = found.get(one.paymentId);
      return {
        ...(payment ? paymentRow(payment) : {}),
        id: one.id,
        paymentId: one.paymentId,
        budgetId: one.budgetId,
        category: (one.categoryId && names.get(one.categoryId)?.name) ?? null,
        confidence: one.confidence,
        path: one.path,
        reason: one.reason,
        modelVersion: one.modelVersion,
        at: one.at,
      };
    }),
    next: page.next,
  };
}

async function readAccounts(store: Store, { limit, after }: ViewRequest): Promise<PageOfRows> {
  const page = await store.collection(bankAccounts).find({ index: "id", limit, ...(after ? { after } : {}) });
  const mapped = page.items.flatMap((account) => (account.budgetAccountId ? [account.budgetAccountId] : []));
  const targets = await byId(store.collection(budgetAccounts).getMany(mapped));
  return {
    rows: page.items.map((account) => ({
      id: account.id,
      name: account.name,
      iban: account.iban ?? null,
      currency: account.currency,
      balance: account.balance?.amount ?? null,
      balanceText: account.balance ? formatAmount(account.balance.amount, account.currency) : null,
      closed: account.closed ?? false,
      budgetAccountId: account.budgetAccountId ?? null,
      budgetAccount: (account.budgetAccountId && targets.get(account.budgetAccountId)?.name) ?? null,
    })),
    next: page.next,
  };
}

async function readModels(store: Store, { limit, after }: ViewRequest): Promise<PageOfRows> {
  const page = await store.collection(models).find({ index: "id", limit, ...(after ? { after } : {}) });
  const rows: Row[] = [];
  for (const model of page.items) {
    const aliases = new Map(Object.entries(model.aliases).map(([alias, version]) => [version, alias]));
    const versions = await store
      .collection(modelVersions)
      .find({ index: "byModel", equals: [model.id], order: "desc", limit: 10 });
    for (const version of versions.items) {
      rows.push({
        model: model.id,
        version: version.version,
        alias: aliases.get(version.version) ?? null,
        estimator: version.estimator,
        createdAt: version.createdAt,
        examples: version.trainedOn.examples,
        threshold: version.threshold,
      });
    }
  }
  return { rows, next: page.next };
}

function paymentRow(payment: Payment): Row {
  return {
    id: payment.id,
    date: payment.date,
    amount: payment.amount,
    currency: payment.currency,
    amountText: formatAmount(payment.amount, payment.currency),
    counterparty: payment.counterparty?.name ?? null,
    description: payment.description,
    accountId: payment.accountId,
    status: payment.status,
  };
}

function statesOf(wanted: string | undefined, known: readonly QueueState[]): readonly QueueState[] {
  if (wanted === undefined) return known;
  const state = known.find((one) => one === wanted);
  if (!state)
    throw new TallyError(
      "CONFIG_INVALID",
      `"${wanted}" is not a state of the queue. Use one of ${known.join(", ")}.`,
    );
  return [state];
}

async function budgetIds(store: Store, wanted: string | undefined): Promise<string[]> {
  if (wanted) return [wanted];
  const found: string[] = [];
  for await (const budget of store.collection(budgets).scan({ index: "id" })) found.push(budget.id);
  return found;
}

async function categoryNames(
  store: Store,
  items: readonly Pick<QueueItem, "categoryId">[],
): Promise<Map<string, Category>> {
  const ids = [...new Set(items.flatMap((item) => (item.categoryId ? [item.categoryId] : [])))];
  return byId<Category>(store.collection(categories).getMany(ids));
}

async function byId<T extends { id: string }>(docs: Promise<T[]>): Promise<Map<string, T>> {
  return new Map((await docs).map((doc) => [doc.id, doc]));
}

/** One page over several ranges read one after another; its token says in which range it stopped, and where. */
async function readSegments<T>(
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
