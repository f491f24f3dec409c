import { z } from "zod";
import { budgetField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema(
  "tally-watch",
  "step",
  {
    store: storeField,
    budget: budgetField,
    recent: field(z.number().int().min(10).max(2000).default(100), {
      label: "Recent payments",
      description: "At most this many of the newest payments are looked at.",
    }),
    reference: field(z.number().int().min(10).max(5000).default(300), {
      label: "Compared with",
      description:
        "At most this many payments from before the model came into production are what they are compared with.",
    }),
    minimum: field(z.number().int().min(10).max(2000).default(30), {
      label: "At least",
      description: "A signal is judged once there are this many payments on both sides.",
    }),
    falseAlarms: field(z.number().min(0.0001).max(0.2).default(0.02), {
      label: "False alarms",
      description:
        "The share of looks that may give an alert although nothing has changed: 0.02 is one in fifty. It holds over all signals together and for any number of payments.",
    }),
    alerts: field(z.number().int().min(1).max(6).default(2), {
      label: "Retrain at",
      description: "At this many alerts of one look a retraining is asked for.",
    }),
    cooldownDays: field(z.number().min(0).max(365).default(7), {
      label: "Days of rest",
      description: "After a retraining was asked for, none is asked for anew within these days.",
    }),
    keep: field(z.number().int().min(1).max(10000).default(200), {
      label: "Keep",
      description: "So many looks are kept for the plots; older ones are deleted.",
    }),
  },
  2,
);
