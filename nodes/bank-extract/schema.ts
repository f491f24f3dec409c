import { z } from "zod";
import { bankField, calendarDateText, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-bank-extract", "step", {
  store: storeField,
  bank: bankField,
  since: field(calendarDateText.optional(), {
    label: "Since",
    description:
      "On the first run: payments before this date are not fetched. Later runs go on from where the last one stopped.",
    placeholder: "YYYY-MM-DD",
  }),
  includePending: field(z.boolean().default(false), {
    label: "Pending payments",
    description:
      "Also store payments that are not booked yet. They are not written to the budget until they are.",
  }),
});
