import { z } from "zod";
import { budgetField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-classify", "step", {
  store: storeField,
  budget: budgetField,
  again: field(z.boolean().default(true), {
    label: "Look again",
    description: "Also classify what waits in review since an older model.",
  }),
});
