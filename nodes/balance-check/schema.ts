import { budgetField, storeField } from "../runtime/common-fields";
import { nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-balance-check", "step", { store: storeField, budget: budgetField });
