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
  cleanPayees: field(z.boolean().default(true), {
    label: "Clean payee names",
    description:
      "Take off what banks and tills put around a name: kinds of payment, card and terminal numbers, dates, places. The bank's own text is kept in the memo.",
  }),
  payees: field(z.array(z.object({ match: z.string().min(1), name: z.string().min(1) })).default([]), {
    label: "Payee names",
    description:
      "Your own names, the first that fits: a text that the name or the description contains, or a /regular expression/, whatever the case; $1 in the name stands for its first group. From the environment: a JSON list of {match, name}.",
    columns: [
      { name: "match", label: "Text or /pattern/" },
      { name: "name", label: "Name" },
    ],
  }),
  foreign: field(z.boolean().default(true), {
    label: "Foreign amounts in the memo",
    description: "Begin the memo with what was paid in a foreign currency.",
  }),
  approveAbove: field(z.number().min(0).max(1).optional(), {
    label: "Approve above",
    description:
      "Transactions whose confidence is at least this, 0 to 1, are written as approved. Empty: a person approves all of them in the budget.",
    placeholder: "never",
  }),
});
