import { z } from "zod";
import { budgetField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

const requeue = { field: "action", values: ["requeue"] };

export const schema = nodeSchema("tally-queue", "step", {
  store: storeField,
  budget: budgetField,
  action: field(z.enum(["requeue", "undo"]).default("requeue"), {
    label: "Action",
    description: "Send payments on their way again, or take back what a batch wrote.",
    options: { requeue: "Try again", undo: "Undo a batch" },
  }),
  state: field(z.enum(["dead", "retry", "review", "skipped"]).optional(), {
    label: "State",
    description: "All payments in this state.",
    options: {
      dead: "Given up",
      retry: "Waiting for another try",
      review: "Waiting for review",
      skipped: "Left out",
    },
    when: requeue,
  }),
  code: field(z.string().min(1).optional(), {
    label: "Error",
    description: "With a state: only those that failed with this code, such as PROVIDER_REFUSED.",
    when: requeue,
  }),
  reason: field(z.string().min(1).optional(), {
    label: "Reason",
    description: "All payments that were left out for this reason, such as undone.",
    when: requeue,
  }),
  ids: field(z.array(z.string().min(1)).optional(), {
    label: "Ids",
    description:
      "These queue items, by the ids that the views give. Written ones whose transaction was deleted in the budget are imported again.",
    when: requeue,
  }),
  batchId: field(z.string().min(1).optional(), {
    label: "Batch id",
    description: "The batch to undo, or whose payments to try again.",
  }),
  dryRun: field(z.boolean().default(false), {
    label: "Dry run",
    description: "Say what undoing would do to each payment, and change nothing.",
    when: { field: "action", values: ["undo"] },
  }),
});
