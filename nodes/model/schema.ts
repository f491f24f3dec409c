import { z } from "zod";
import { storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

const only = (...values: string[]) => ({ field: "action", values });

export const schema = nodeSchema("tally-model", "step", {
  store: storeField,
  action: field(z.enum(["list", "promote", "rollback", "compare", "retain"]).default("list"), {
    label: "Action",
    description: "What to do with the versions of the model.",
    options: {
      list: "List the versions",
      promote: "Put a version into production",
      rollback: "Go back to the version before",
      compare: "Compare two versions",
      retain: "Remove old versions",
    },
  }),
  budgetId: field(z.string().min(1).optional(), {
    label: "Budget id",
    description: "The budget whose model is meant, such as ynab:1234. Needed only where several have one.",
  }),
  version: field(z.string().min(1).default("candidate"), {
    label: "Version",
    description: "A version as the list gives it, or candidate, production or previous.",
    when: only("promote", "compare"),
  }),
  beside: field(z.string().min(1).default("production"), {
    label: "Compare with",
    description: "The other version, or candidate, production or previous.",
    when: only("compare"),
  }),
  reason: field(z.string().trim().min(1).max(500).optional(), {
    label: "Reason",
    description: "Why, in a sentence. It is kept with the move.",
    when: only("promote", "rollback"),
  }),
  keep: field(z.number().int().min(1).max(1000).default(10), {
    label: "Keep",
    description: "So many of the newest versions are kept, besides those that are in use.",
    when: only("retain"),
  }),
  limit: field(z.number().int().min(1).max(100).default(10), {
    label: "Rows",
    description: "At most this many of the newest versions of each model.",
    when: only("list"),
  }),
});
