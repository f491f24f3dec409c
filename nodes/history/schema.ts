import { z } from "zod";
import { HISTORY_ENTITIES } from "../../lib/history";
import { storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-history", "step", {
  store: storeField,
  entity: field(z.enum(["all", ...HISTORY_ENTITIES]).default("all"), {
    label: "Entity",
    description: "What to keep the history of.",
    options: {
      all: "Everything",
      payments: "Payments",
      transactions: "Transactions",
      categories: "Categories",
      payees: "Payees",
      budget_accounts: "Budget accounts",
      bank_accounts: "Bank accounts",
      matches: "Matches",
      queue: "Decisions about payments",
    },
  }),
  guardShare: field(z.number().min(0).max(1).default(0.2), {
    label: "Guard",
    description:
      "A load that would close more than this share of the current rows is refused: a half-empty answer must not look like deletions. 1 turns the guard off.",
  }),
});
