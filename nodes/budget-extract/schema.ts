import { z } from "zod";
import { budgetField, calendarDateText, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-budget-extract", "step", {
  store: storeField,
  budget: budgetField,
  since: field(calendarDateText.optional(), {
    label: "Since",
    description: "Transactions before this date are not wanted.",
    placeholder: "YYYY-MM-DD",
  }),
  full: field(z.boolean().default(false), {
    label: "Full load",
    description: "Fetch everything instead of what changed since the last time.",
  }),
});
