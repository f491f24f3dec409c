import { z } from "zod";
import { calendarDateText, currencyText } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-budget", "config", {
  provider: field(z.enum(["ynab", "actual"]).default("ynab"), {
    label: "Provider",
    description: "The budget app.",
    options: { ynab: "YNAB", actual: "Actual Budget" },
  }),
  token: field(z.string().min(1).optional(), {
    label: "Access token",
    description: "A personal access token, made in YNAB under Account Settings, Developer Settings.",
    secret: true,
    when: { field: "provider", values: ["ynab"] },
  }),
  plan: field(z.string().min(1).optional(), {
    label: "Plan",
    description:
      "Name or id (as in YNAB's address bar) of the plan. It may be left empty when the token sees only one plan.",
    placeholder: "the only one",
    when: { field: "provider", values: ["ynab"] },
  }),
  url: field(z.url().optional(), {
    label: "Address",
    description: "YNAB's API. Change it for a simulator only.",
    placeholder: "https://api.ynab.com/v1",
    when: { field: "provider", values: ["ynab"] },
  }),
  serverUrl: field(z.url().optional(), {
    label: "Server",
    description: "Address of your Actual server. Leave it empty for a budget without a server.",
    placeholder: "http://localhost:5006",
    when: { field: "provider", values: ["actual"] },
  }),
  password: field(z.string().min(1).optional(), {
    label: "Server password",
    description: "The password of the Actual server.",
    secret: true,
    when: { field: "provider", values: ["actual"] },
  }),
  encryptionPassword: field(z.string().min(1).optional(), {
    label: "Encryption password",
    description: "Only for a budget with end-to-end encryption.",
    secret: true,
    when: { field: "provider", values: ["actual"] },
  }),
  syncId: field(z.string().min(1).optional(), {
    label: "Sync id",
    description: "In Actual under Settings, Show advanced settings.",
    when: { field: "provider", values: ["actual"] },
  }),
  budgetFile: field(z.string().min(1).optional(), {
    label: "Local budget",
    description:
      "Only without a server: the folder of the budget, the one that holds db.sqlite and metadata.json. It is used in place, so close it in Actual's app first. A relative path starts at Node-RED's user directory.",
    placeholder: "~/Documents/Actual/My-Finances-1a2b3c4",
    when: { field: "provider", values: ["actual"] },
  }),
  rules: field(z.enum(["fill", "all", "none"]).default("fill"), {
    label: "Rules of the budget",
    description:
      "What Actual's own rules may do to what is written: rename payees, write notes and fill in a missing category; overrule the category too; or nothing. They never change account, date or amount.",
    options: {
      fill: "Fill in what is missing",
      all: "Overrule the category",
      none: "Switched off",
    },
    when: { field: "provider", values: ["actual"] },
  }),
  dataDir: field(z.string().min(1).optional(), {
    label: "Data folder",
    description:
      "Where the local copy of the Actual budget is kept. A relative path starts at Node-RED's user directory.",
    placeholder: "tallyflow/actual",
    when: { field: "provider", values: ["actual"] },
  }),
  modulePath: field(z.string().min(1).optional(), {
    label: "Folder of @actual-app/api",
    description:
      "Where the package @actual-app/api is installed, when that is neither Node-RED's user directory nor beside Tallyflow. A relative path starts at Node-RED's user directory.",
    when: { field: "provider", values: ["actual"] },
  }),
  currency: field(currencyText.default("EUR"), {
    label: "Currency",
    description: "Currency of the budget, where the budget app does not state it.",
  }),
  accounts: field(z.array(z.object({ bank: z.string().min(1), budget: z.string().min(1) })).default([]), {
    label: "Accounts",
    description:
      "Which bank account is which budget account. Payments of accounts that are not listed wait as skipped and are taken up once they are. From the environment: a JSON list of {bank, budget}.",
    columns: [
      { name: "bank", label: "Bank account: IBAN or id" },
      { name: "budget", label: "Budget account: id or name" },
    ],
  }),
  accountRules: field(
    z
      .array(z.object({ bank: z.string().min(1), setting: z.string().min(1), value: z.string().min(1) }))
      .default([]),
    {
      label: "Rules of accounts",
      description:
        "Settings of single bank accounts: pending (booked, write), vanished (delete, keep), startDate (YYYY-MM-DD), sign (as-is, inverted), timeZone (Europe/Amsterdam). The bank account is named as in the list above. From the environment: a JSON list of {bank, setting, value}.",
      columns: [
        { name: "bank", label: "Bank account, as above" },
        { name: "setting", label: "Setting" },
        { name: "value", label: "Value" },
      ],
    },
  ),
  startDate: field(calendarDateText.optional(), {
    label: "Start date",
    description: "Payments before this date are not written to the budget.",
    placeholder: "YYYY-MM-DD",
  }),
  targetPrecision: field(z.number().gt(0).max(1).default(0.95), {
    label: "Target precision",
    description:
      "The share of assigned categories that should be right, 0 to 1. Below it a classification abstains.",
  }),
  policy: field(z.enum(["review", "suggest", "uncategorised"]).default("review"), {
    label: "When unsure",
    description:
      "What happens to a payment whose category is not sure enough: it waits in review, is written with the most likely category, or is written without a category. The last two wait for approval in the budget app.",
    options: {
      review: "Wait in review",
      suggest: "Write the most likely category",
      uncategorised: "Write uncategorised",
    },
  }),
});
