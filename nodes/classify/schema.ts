import { z } from "zod";
import { budgetField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-classify", "step", {
  store: storeField,
  budget: budgetField,
  model: field(z.enum(["production", "candidate", "previous"]).default("production"), {
    label: "Model",
    description: "Which version of the budget's model answers.",
    options: { production: "Production", candidate: "Candidate", previous: "Previous" },
  }),
  scope: field(z.enum(["new", "review", "all"]).default("new"), {
    label: "Payments",
    description: "Which payments on their way to the budget are classified.",
    options: { new: "New ones", review: "New ones and those in review", all: "All that are not written yet" },
  }),
});
