import type { CollectionDef, Doc } from "./port";
import type { BankAccount, Payment } from "./bank-documents";
import type { Budget, BudgetAccount, Category, Match, Payee, Transaction } from "./budget-documents";
import type { DriftLook, DriftState } from "./drift-documents";
import type { Batch, Classification, QueueItem, Review } from "./queue-documents";
import type { Decision, Notice, StoredRule } from "./review-documents";
import type {
  ArtifactChunk,
  Cursor,
  HistoryRow,
  Lease,
  Model,
  ModelVersion,
  RateBudget,
  Run,
  RunStep,
  ShadowOutcome,
  StoredEvent,
} from "./work-documents";

/** The collections of the store; their documents are described in the files beside. */

export type * from "./bank-documents";
export type * from "./budget-documents";
export type * from "./drift-documents";
export type * from "./queue-documents";
export type * from "./review-documents";
export type * from "./work-documents";

function define<T extends Doc>(
  name: string,
  shardKey: keyof T & string,
  indexes: Record<string, readonly (keyof T & string)[]>,
  volatile: readonly (keyof T & string)[] = [],
): CollectionDef<T> {
  return {
    name,
    shardKey,
    indexes: Object.entries(indexes).map(([key, fields]) => ({ name: key, fields })),
    volatile,
  };
}

export const bankAccounts = define<BankAccount>("bank_accounts", "id", { source: ["source"] });
export const payments = define<Payment>(
  "payments",
  "accountId",
  { byAccount: ["accountId", "date"], byDate: ["date"], bySource: ["source"] },
  ["fetchedAt"],
);
export const budgets = define<Budget>("budgets", "id", {});
export const budgetAccounts = define<BudgetAccount>("budget_accounts", "budgetId", {
  byBudget: ["budgetId"],
});
export const categories = define<Category>("categories", "budgetId", { byBudget: ["budgetId"] });
export const payees = define<Payee>("payees", "budgetId", { byBudget: ["budgetId"] });
export const transactions = define<Transaction>(
  "transactions",
  "accountId",
  {
    byBudget: ["budgetId", "date"],
    byAccount: ["accountId", "date"],
    byImportId: ["importId"],
    byChanged: ["budgetId", "changedAt"],
  },
  ["changedAt"],
);
export const matches = define<Match>(
  "matches",
  "id",
  { byPayment: ["paymentId"], byBudget: ["budgetId"], byMatched: ["budgetId", "matchedAt"] },
  ["matchedAt"],
);
export const classifications = define<Classification>(
  "classifications",
  "paymentId",
  { byPayment: ["paymentId", "at"], byBudget: ["budgetId", "at"] },
  ["at"],
);
export const queue = define<QueueItem>("queue", "id", {
  byState: ["budgetId", "state", "date"],
  byDue: ["budgetId", "state", "dueAt"],
  bySince: ["budgetId", "state", "stateSince"],
  byBatch: ["batchId", "state"],
  byRevision: ["revisedIn", "state"],
  bySkip: ["budgetId", "skipReason", "date"],
  byPayment: ["paymentId"],
  byUncleared: ["budgetId", "uncleared"],
});
export const batches = define<Batch>("batches", "id", { byAt: ["at"], byBudget: ["budgetId", "at"] });
export const cursors = define<Cursor>("cursors", "id", {});
export const runs = define<Run>("runs", "id", {
  byStart: ["startedAt"],
  byJob: ["job", "startedAt"],
  byState: ["state", "startedAt"],
});
export const runSteps = define<RunStep>("run_steps", "runId", { byRun: ["runId"] });
export const models = define<Model>("models", "id", {});
export const modelVersions = define<ModelVersion>("model_versions", "model", {
  byModel: ["model", "createdAt"],
});
export const artifactChunks = define<ArtifactChunk>("model_artifacts", "model", { byModel: ["model"] });
export const shadows = define<ShadowOutcome>("shadows", "budgetId", {
  byBudget: ["budgetId", "at"],
  byVersion: ["budgetId", "version", "at"],
});
export const reviews = define<Review>("reviews", "id", { byBudget: ["budgetId", "at"] });
export const decisions = define<Decision>("decisions", "id", {
  byBudget: ["budgetId", "at"],
  byAct: ["act"],
  byPending: ["budgetId", "pending"],
});
export const rules = define<StoredRule>("rules", "budgetId", { byBudget: ["budgetId", "order"] });
export const notices = define<Notice>("notices", "id", { byExpiry: ["expiresAt"] });
export const driftLooks = define<DriftLook>("drift_looks", "budgetId", { byBudget: ["budgetId", "at"] });
export const driftStates = define<DriftState>("drift_states", "id", {});
export const rateBudgets = define<RateBudget>("rate_budgets", "id", {});
export const leases = define<Lease>("leases", "id", {});
export const events = define<StoredEvent>("events", "id", { byType: ["type", "at"] });

/** The SCD2 rows of one entity: `history_transactions`, `history_categories`, ... */
export function historyOf(entity: string): CollectionDef<HistoryRow> {
  return define<HistoryRow>(`history_${entity}`, "key", {
    byKey: ["key", "validFrom"],
    byCurrent: ["isCurrent", "key"],
    byValidFrom: ["validFrom"],
  });
}
