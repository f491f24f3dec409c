import { z } from "zod";
import { budgetField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-match", "step", {
  store: storeField,
  budget: budgetField,
  windowDays: field(z.number().int().min(0).max(31).default(10), {
    label: "Window (days)",
    description:
      "The most days between a payment and its transaction. Within them the likeliest pairs are made; a smaller window only leaves out more.",
  }),
});
