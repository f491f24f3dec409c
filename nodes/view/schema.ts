import { z } from "zod";
import { VIEWS } from "../../lib/views";
import { storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-view", "step", {
  store: storeField,
  view: field(z.enum(VIEWS).default("payments"), {
    label: "View",
    description: "What to show.",
    options: {
      overview: "Overview",
      payments: "Payments",
      queue: "Queue",
      review: "Waiting for review",
      states: "Queue by state",
      dead: "Given up, by reason",
      skipped: "Left out, by reason",
      removed: "Written, and deleted since",
      batches: "Batches",
      batch: "One batch",
      previews: "Dry runs",
      preview: "One dry run",
      balances: "Balances",
      differences: "Where balances part",
      spending: "Spending by category",
      months: "Money in and out by month",
      categories: "Categories",
      confidence: "Confidence",
      runs: "Runs",
      run: "One run",
      steps: "Runs with their steps",
      jobs: "Jobs and their next run",
      classifications: "Classifications",
      accounts: "Accounts",
      models: "Models",
      "model-curve": "Model: answered and right",
      "model-reliability": "Model: how sure and how right",
      "model-categories": "Model: categories",
      drift: "Drift of the model",
    },
  }),
  budgetId: field(z.string().min(1).optional(), {
    label: "Budget id",
    description: "Only of this budget, such as ynab:1234. All budgets when empty.",
  }),
  accountId: field(z.string().min(1).optional(), {
    label: "Account id",
    description: "Only of this bank account.",
    when: {
      field: "view",
      values: ["payments", "spending", "months", "confidence", "balances", "differences"],
    },
  }),
  state: field(z.string().min(1).optional(), {
    label: "State",
    description: "Only queue items, or runs, in this state.",
    when: { field: "view", values: ["queue", "states", "runs", "steps"] },
  }),
  reason: field(z.string().min(1).optional(), {
    label: "Reason",
    description:
      "Only queue items left out for this reason, such as not-mapped, or failed with this error, such as PROVIDER_REFUSED.",
    when: { field: "view", values: ["queue"] },
  }),
  batchId: field(z.string().min(1).optional(), {
    label: "Batch id",
    description: "The batch to show.",
    when: { field: "view", values: ["batch"] },
  }),
  version: field(z.string().min(1).optional(), {
    label: "Version",
    description: "The version of the model to show, or candidate, production or previous. Empty: production.",
    when: { field: "view", values: ["model-curve", "model-reliability", "model-categories"] },
  }),
  runId: field(z.string().min(1).optional(), {
    label: "Run id",
    description:
      "The run or dry run to show, or `latest`; the message's own run (msg.tally.runId) when empty, and without one the newest dry run.",
    when: { field: "view", values: ["run", "preview"] },
  }),
  days: field(z.number().int().min(1).max(3660).optional(), {
    label: "Days",
    description:
      "Only payments of this many days up to the newest payment. Empty: 90 days; for confidence, all there are.",
    when: { field: "view", values: ["spending", "months", "confidence"] },
  }),
  limit: field(z.number().int().min(1).max(1000).default(50), {
    label: "Rows",
    description: "At most this many rows; for runs with their steps, this many runs.",
  }),
  after: field(z.string().min(1).optional(), {
    label: "After",
    description: "The `next` of the page before, to go on from there.",
  }),
});
