import { z } from "zod";
import { bankField, calendarDateText, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-bank-extract", "step", {
  store: storeField,
  bank: bankField,
  budget: field(z.string().min(1).optional(), {
    label: "Budget",
    description: "The budget that new payments are queued for. Without one they are only stored.",
    config: "tally-budget",
  }),
  since: field(calendarDateText.optional(), {
    label: "Since",
    description:
      "On the first run: payments before this date are not fetched. Later runs go on from where the last one stopped.",
    placeholder: "YYYY-MM-DD",
  }),
});
