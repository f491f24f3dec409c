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
      payments: "Payments",
      queue: "Queue",
      review: "Waiting for review",
      categories: "Categories",
      confidence: "Confidence",
      runs: "Runs",
      run: "One run",
      classifications: "Classifications",
      accounts: "Accounts",
      models: "Models",
    },
  }),
  budgetId: field(z.string().min(1).optional(), {
    label: "Budget id",
    description: "Only of this budget, such as ynab:1234. All budgets when empty.",
  }),
  accountId: field(z.string().min(1).optional(), {
    label: "Account id",
    description: "Only payments of this bank account.",
    when: { field: "view", values: ["payments"] },
  }),
  state: field(z.string().min(1).optional(), {
    label: "State",
    description: "Only queue items, or runs, in this state.",
    when: { field: "view", values: ["queue", "runs"] },
  }),
  runId: field(z.string().min(1).optional(), {
    label: "Run id",
    description: "The run to show; the message's own run (msg.tally.runId) when empty.",
    when: { field: "view", values: ["run"] },
  }),
  limit: field(z.number().int().min(1).max(1000).default(50), {
    label: "Rows",
    description: "At most this many rows.",
  }),
  after: field(z.string().min(1).optional(), {
    label: "After",
    description: "The `next` of the page before, to go on from there.",
  }),
});
