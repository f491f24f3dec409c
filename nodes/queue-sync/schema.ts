import { z } from "zod";
import { budgetField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-queue-sync", "step", {
  store: storeField,
  budget: budgetField,
  limit: field(z.number().int().min(1).max(100_000).default(10_000), {
    label: "At most",
    description: "How many payments one run writes; the rest waits for the next.",
  }),
  maxAttempts: field(z.number().int().min(1).max(50).default(8), {
    label: "Attempts",
    description: "After this many failures a payment is set aside as dead, until someone requeues it.",
  }),
  approved: field(z.boolean().default(false), {
    label: "Write as approved",
    description:
      "Whether written transactions count as approved in the budget, or wait for a person's approval there.",
  }),
});
