import { z } from "zod";
import { budgetField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-queue-sync", "step", {
  store: storeField,
  budget: budgetField,
  dryRun: field(z.boolean().default(false), {
    label: "Dry run",
    description: "List what would be written, and write nothing.",
  }),
  maxAttempts: field(z.number().int().min(1).max(50).default(8), {
    label: "Attempts",
    description: "After this many failures a payment is set aside as dead, until someone requeues it.",
  }),
  fill: field(z.boolean().default(false), {
    label: "Fill in categories",
    description:
      "Transactions that were in the budget already and have no category, say from its own bank link, are given the category of their payment.",
  }),
  explain: field(z.boolean().default(true), {
    label: "Explain in the memo",
    description: "Add the confidence and the reason of the category to the memo.",
  }),
  approveAbove: field(z.number().min(0).max(1).optional(), {
    label: "Approve above",
    description:
      "Transactions whose confidence is at least this, 0 to 1, are written as approved. Empty: a person approves all of them in the budget.",
    placeholder: "never",
  }),
});
