import { z } from "zod";
import { currencyText, timeZoneText } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

/** Providers that reach many banks, each allowed by a consent. */
const AGGREGATORS = ["enable-banking", "gocardless"] as const;
const BUNQ = ["bunq", "bunq-oauth"] as const;

export const schema = nodeSchema("tally-bank", "config", {
  provider: field(
    z.enum(["bunq", "bunq-oauth", "files", "enable-banking", "gocardless", "simplefin"]).default("bunq"),
    {
      label: "Provider",
      description:
        "bunq talks to the bank itself. Statement files are read from a folder, in any format that banks export. Enable Banking and GoCardless reach banks in Europe, SimpleFIN banks in North America.",
      options: {
        bunq: "bunq",
        "bunq-oauth": "bunq, by OAuth",
        files: "Statement files",
        "enable-banking": "Enable Banking",
        gocardless: "GoCardless Bank Account Data",
        simplefin: "SimpleFIN",
      },
    },
  ),
  apiKey: field(z.string().min(1).optional(), {
    label: "API key",
    description: "Made in the bunq app under Settings, Developers, API keys. It is kept as a credential.",
    secret: true,
    when: { field: "provider", values: ["bunq"] },
  }),
  clientId: field(z.string().min(1).optional(), {
    label: "Client id",
    description: "Of the OAuth client that you made in the bunq app under Settings, Developers, OAuth.",
    when: { field: "provider", values: ["bunq-oauth"] },
  }),
  clientSecret: field(z.string().min(1).optional(), {
    label: "Client secret",
    description: "Of that OAuth client. It is kept as a credential.",
    secret: true,
    when: { field: "provider", values: ["bunq-oauth"] },
  }),
  environment: field(z.enum(["production", "sandbox"]).optional(), {
    label: "Environment",
    description:
      "Where the key is from. Empty: the sandbox for keys that begin with sandbox_, else production.",
    options: { production: "Production", sandbox: "Sandbox" },
    when: { field: "provider", values: [...BUNQ] },
  }),
  pending: field(z.boolean().default(false), {
    label: "Reservations",
    description:
      "Also read what is reserved on cards and not booked yet, for one more request a reading. Whether it is written is a rule of the account.",
    when: { field: "provider", values: [...BUNQ] },
  }),
  applicationId: field(z.string().min(1).optional(), {
    label: "Application id",
    description:
      "Of the application that you registered in the Enable Banking control panel: the name of its .pem file, without .pem.",
    when: { field: "provider", values: ["enable-banking"] },
  }),
  privateKey: field(z.string().min(1).optional(), {
    label: "Private key",
    description:
      "The text of that .pem file, whole; whether line ends survive does not matter. It is kept as a credential.",
    secret: true,
    when: { field: "provider", values: ["enable-banking"] },
  }),
  psuType: field(z.enum(["personal", "business"]).default("personal"), {
    label: "Accounts of",
    description: "Whose accounts they are: banks have another way to log in for each.",
    options: { personal: "A person", business: "A business" },
    when: { field: "provider", values: ["enable-banking"] },
  }),
  secretId: field(z.string().min(1).optional(), {
    label: "Secret id",
    description:
      "First part of a user secret, made in the GoCardless Bank Account Data portal under Developers, User secrets. It is kept as a credential.",
    secret: true,
    when: { field: "provider", values: ["gocardless"] },
  }),
  secretKey: field(z.string().min(1).optional(), {
    label: "Secret key",
    description: "Second part of that user secret. It is kept as a credential.",
    secret: true,
    when: { field: "provider", values: ["gocardless"] },
  }),
  setupToken: field(z.string().min(1).optional(), {
    label: "Setup token",
    description:
      "Made at the SimpleFIN bridge. It is claimed once, at the first use; the access that it gives is kept encrypted in Node-RED's user directory, so leave the token in the field.",
    secret: true,
    when: { field: "provider", values: ["simplefin"] },
  }),
  accessUrl: field(z.string().min(1).optional(), {
    label: "Access URL",
    description:
      "Instead of a setup token: an access URL that was claimed already, say for several Node-REDs. It is kept as a credential.",
    secret: true,
    when: { field: "provider", values: ["simplefin"] },
  }),
  url: field(z.url().optional(), {
    label: "Address",
    description: "The provider's API. Change it for the sandbox or a simulator only.",
    placeholder: "the provider's own",
    when: { field: "provider", values: [...BUNQ, ...AGGREGATORS] },
  }),
  redirectUrl: field(z.url().optional(), {
    label: "Way back",
    description:
      "The page of this Node-RED to which banks send you back, when it is not the one of the editor's own address (behind a proxy, say): that address, ending in /tallyflow/consent/callback. Enable Banking and bunq must know it as a redirect URL of your application.",
    placeholder: "as this editor is reached",
    when: { field: "provider", values: ["bunq-oauth", ...AGGREGATORS] },
  }),
  connection: field(
    z
      .string()
      .regex(/^[A-Za-z0-9]{1,30}$/, "must be one word of letters and digits")
      .optional(),
    {
      label: "Connection",
      description:
        "One word that names a second connection of the same provider. It is part of the ids of its payments: never change it.",
      placeholder: "the only one",
      when: { field: "provider", values: [...BUNQ, ...AGGREGATORS, "simplefin"] },
    },
  ),
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
