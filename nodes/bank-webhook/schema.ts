import { z } from "zod";
import { addressRanges } from "../../lib/http";
import { bankField, storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

/** `185.40.108.0/22, 10.0.0.1`. Each field has a type of its own, since its label is attached to it. */
const ranges = () =>
  z
    .string()
    .refine((text) => {
      try {
        addressRanges(rangesOf(text));
        return true;
      } catch {
        return false;
      }
    }, "must be IP addresses or ranges like 185.40.108.0/22, with commas between")
    .optional();

/** The ranges of a text in which commas or blanks stand between them. */
export function rangesOf(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

export const schema = nodeSchema("tally-bank-webhook", "listener", {
  store: storeField,
  bank: bankField,
  secret: field(
    z
      .string()
      .trim()
      .regex(/^[A-Za-z0-9_-]{24,200}$/, "must be 24 letters, digits, - or _, or more")
      .optional(),
    {
      label: "Secret",
      description:
        "The last part of the address that the bank calls. Whoever knows it can make Tallyflow ask the bank for news, and no more. Without one, the node is off.",
      secret: true,
    },
  ),
  publicUrl: field(z.url({ protocol: /^https?$/ }).optional(), {
    label: "Public address",
    description:
      "Where this Node-RED is reached from the internet. With it the node tells the bank to call here; without it, that is up to you.",
    placeholder: "https://home.example.org",
  }),
  sources: field(ranges(), {
    label: "Callers",
    description: "Addresses and ranges that may call, with commas between. Empty: those that the bank names.",
    placeholder: "those of the bank",
  }),
  trustedProxies: field(ranges(), {
    label: "Trusted proxies",
    description:
      "Addresses and ranges of reverse proxies of your own, whose X-Forwarded-For is believed. Empty: none, and who is connected is who calls.",
    placeholder: "none",
  }),
  debounceSeconds: field(z.number().min(0).max(300).default(3), {
    label: "Gather for (seconds)",
    description: "Callbacks within this time become one message.",
  }),
  job: field(z.string().min(1).max(80).default("bank-webhook"), {
    label: "Job",
    description:
      "Name of the job in the run ledger. Another than that of a schedule, which waits for its own only.",
  }),
});
