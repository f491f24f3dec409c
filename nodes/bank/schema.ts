import { z } from "zod";
import { currencyText, timeZoneText } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

export const schema = nodeSchema("tally-bank", "config", {
  provider: field(z.enum(["bunq", "files"]).default("bunq"), {
    label: "Provider",
    description:
      "bunq talks to the bank itself. Statement files are read from a folder, in any format that banks export.",
    options: { bunq: "bunq", files: "Statement files" },
  }),
  apiKey: field(z.string().min(1).optional(), {
    label: "API key",
    description: "Made in the bunq app under Settings, Developers, API keys. It is kept as a credential.",
    secret: true,
    when: { field: "provider", values: ["bunq"] },
  }),
  url: field(z.url().optional(), {
    label: "Address",
    description: "The bank's API. Change it for the sandbox or a simulator only.",
    placeholder: "https://api.bunq.com",
    when: { field: "provider", values: ["bunq"] },
  }),
  folder: field(z.string().min(1).optional(), {
    label: "Folder",
    description:
      "Where statement files are put. A relative path starts at Node-RED's user directory. Files stay where they are; each is read once, and again when it changes.",
    placeholder: "tallyflow/statements",
    when: { field: "provider", values: ["files"] },
  }),
  timeZone: field(timeZoneText.default("Europe/Amsterdam"), {
    label: "Time zone",
    description: "The zone in which the bank's instants become calendar dates.",
  }),
  currency: field(currencyText.optional(), {
    label: "Currency",
    description:
      "For files that do not state one. When it is set, statements in another currency are refused.",
    placeholder: "as in the file",
    when: { field: "provider", values: ["files"] },
  }),
  account: field(z.string().min(1).optional(), {
    label: "Account",
    description: "IBAN or number of the account, for files that do not name one (most CSV and QIF files).",
    placeholder: "as in the file",
    when: { field: "provider", values: ["files"] },
  }),
  mapping: field(z.record(z.string(), z.unknown()).optional(), {
    label: "CSV mapping",
    description:
      "How the columns of a CSV file map to a payment, as JSON, for a bank whose layout is not recognised by itself.",
    placeholder: '{"date":"Date","amount":"Amount","description":["Text"]}',
    when: { field: "provider", values: ["files"] },
  }),
});
