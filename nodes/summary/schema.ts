import { storeField } from "../runtime/common-fields";
import { nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-summary", "step", {
  store: storeField,
});
