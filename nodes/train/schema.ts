import { z } from "zod";
import { budgetField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-train", "step", {
  store: storeField,
  budget: budgetField,
  when: field(z.enum(["always", "missing"]).default("always"), {
    label: "Train",
    description:
      "At every message, or only while the budget has no model in production yet, or one of the first few labels.",
    options: { always: "Always", missing: "When there is no model yet" },
  }),
  promote: field(z.enum(["gate", "never"]).default("gate"), {
    label: "Promote",
    description: "Put the new version into production when it passes the gate, or only keep it as candidate.",
    options: { gate: "When it passes the gate", never: "Never, keep as candidate" },
  }),
  network: field(z.boolean().default(false), {
    label: "Try a neural network",
    description:
      "Let a neural network compete as well. It needs TensorFlow.js, which is installed apart, and makes training take longer.",
  }),
  asOf: field(z.string().min(1).optional(), {
    label: "As of",
    description:
      "Train on the labels as they were known at this past instant, such as 2026-01-31T12:00:00Z, from the history. Empty: as of now. Such a version is only kept.",
  }),
  seed: field(z.number().int().min(0).default(1), {
    label: "Seed",
    description:
      "Of everything random in the training: the same seed and the same labels give the same model.",
  }),
});
