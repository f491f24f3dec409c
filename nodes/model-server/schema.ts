import { z } from "zod";
import { budgetField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-model-server", "listener", {
  store: storeField,
  budget: budgetField,
  token: field(
    z
      .string()
      .trim()
      .regex(/^[A-Za-z0-9._~+/=-]{24,200}$/, "must be 24 letters, digits or any of ._~+/=-, or more")
      .optional(),
    {
      label: "Token",
      description:
        "Whoever sends it as Authorization: Bearer may ask for categories, and load and unload the model. Without one, the server refuses everybody.",
      secret: true,
    },
  ),
  path: field(
    z
      .string()
      .regex(/^(\/[A-Za-z0-9._~-]+)*\/v2$/, "must be a path that ends in /v2, like /tallyflow/v2")
      .default("/tallyflow/v2"),
    {
      label: "Path",
      description:
        "Where it is served, below Node-RED's HTTP nodes. It ends in /v2, since clients add that to the address they are given.",
    },
  ),
  maxRows: field(z.number().int().min(1).max(100_000).default(10_000), {
    label: "Rows at most",
    description: "Payments in one request; more get 413.",
  }),
  maxBodyMb: field(z.number().min(0.1).max(64).default(8), {
    label: "Size at most (MB)",
    description: "Of the body of a request; a larger one gets 413.",
  }),
});
