import { z } from "zod";
import { storeField, timeZoneText } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";
import { cronProblem } from "./cron";

export const schema = nodeSchema("tally-schedule", "source", {
  store: storeField,
  job: field(z.string().min(1).max(80).default("bank-to-budget"), {
    label: "Job",
    description: "Name of the job in the run ledger. Runs of one job do not overlap.",
  }),
  cron: field(
    z
      .string()
      .refine((text) => cronProblem(text) === undefined, {
        error: (issue) => cronProblem(String(issue.input)) ?? "is not a cron expression",
      })
      .default("0 * * * *"),
    {
      label: "When",
      description:
        "A cron expression: minute, hour, day of month, month, day of week; a sixth field in front counts seconds.",
    },
  ),
  timeZone: field(timeZoneText.default("Europe/Amsterdam"), {
    label: "Time zone",
    description: "The zone that the expression is meant in; summer time is taken into account.",
  }),
  atStart: field(z.boolean().default(false), {
    label: "Run at start",
    description: "Also run once when the flow starts.",
  }),
  jitterSeconds: field(z.number().int().min(0).max(3600).default(0), {
    label: "Jitter (seconds)",
    description:
      "Wait a random time up to this before each scheduled run, so that many installations do not ask a bank at the same second.",
  }),
  overlap: field(z.enum(["skip", "allow"]).default("skip"), {
    label: "When still running",
    description: "What to do when the job's last run has not ended: leave this one out, or run beside it.",
    options: { skip: "Leave out", allow: "Run beside it" },
  }),
});
