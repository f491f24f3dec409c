import { z } from "zod";
import { storeField } from "../runtime/common-fields";
import { field, nodeSchema } from "../runtime/schema";

const only = (...values: string[]) => ({ field: "action", values });
const DECIDING = ["accept", "correct", "skip"];

export const ACTIONS = [
  "list",
  "payments",
  ...(["accept", "correct", "skip"] as const),
  "undo",
  "decided",
  "rules",
  "save-rule",
  "move-rule",
  "delete-rule",
  "announce",
  "press",
] as const;

export const schema = nodeSchema(
  "tally-review",
  "step",
  {
    store: storeField,
    action: field(z.enum(ACTIONS).default("list"), {
      label: "Action",
      description: "What to do with what waits for review.",
      options: {
        list: "List what waits, in groups",
        payments: "List the payments of a group",
        accept: "Accept what is suggested",
        correct: "Give a category",
        skip: "Leave uncategorised",
        undo: "Take a decision back",
        decided: "List what was decided",
        rules: "List the rules",
        "save-rule": "Make or change a rule",
        "move-rule": "Move a rule",
        "delete-rule": "Delete a rule",
        announce: "Tell of what has come to wait",
        press: "Take a pressed button",
      },
    }),
    budgetId: field(z.string().min(1).optional(), {
      label: "Budget id",
      description: "Only of this budget, such as ynab:1234. All budgets when empty.",
      when: only("list", "payments", "undo", "decided", "rules", "save-rule", "announce"),
    }),
    ids: field(z.array(z.string().min(1)).optional(), {
      label: "Ids",
      description: "The payments to decide about, by the ids that the list gives.",
      when: only(...DECIDING),
    }),
    categoryId: field(z.string().min(1).optional(), {
      label: "Category id",
      description: "The category to give, that of the rule, or the suggestion that was seen and is accepted.",
      when: only("accept", "correct", "save-rule"),
    }),
    applyToSimilar: field(z.boolean().default(false), {
      label: "Similar ones too",
      description: "Decide the same for all that wait and have the same counterparty and direction.",
      when: only(...DECIDING),
    }),
    makeRule: field(z.boolean().default(false), {
      label: "Make a rule",
      description:
        "Also for payments to come: of this counterparty and direction, or by the conditions in the rule.",
      when: only("accept", "correct"),
    }),
    rule: field(z.record(z.string(), z.unknown()).optional(), {
      label: "Rule",
      description:
        "Conditions of the rule, all of which must hold: contains, counterparty, counterpartyAccount, account, direction (in, out), atLeast and atMost in cents; and a name.",
      when: only("accept", "correct", "save-rule"),
    }),
    act: field(z.string().min(1).max(200).optional(), {
      label: "Act",
      description:
        "What was decided together, as the decision answers it: which one to take back; empty for the last. With a decision it names it, so that it counts once however often it is sent.",
      when: only(...DECIDING, "undo"),
    }),
    group: field(z.string().min(1).optional(), {
      label: "Group",
      description: "The key of the group, as the list gives it.",
      when: only("payments"),
    }),
    ruleId: field(z.string().min(1).optional(), {
      label: "Rule id",
      description: "The rule to change, move or delete. Empty makes a new one.",
      when: only("save-rule", "move-rule", "delete-rule"),
    }),
    place: field(z.number().int().min(1).optional(), {
      label: "Place",
      description: "Where the rule goes in the order; 1 is tried first.",
      when: only("move-rule"),
    }),
    pressed: field(z.string().max(1000).optional(), {
      label: "Pressed button",
      description: "What the pressed button sent. Empty: it is looked for in msg.payload.",
      when: only("press"),
    }),
    limit: field(z.number().int().min(1).max(500).default(20), {
      label: "Rows",
      description: "At most this many rows.",
      when: only("list", "payments", "decided"),
    }),
    after: field(z.string().min(1).optional(), {
      label: "After",
      description: "The `next` of the page before, to go on from there.",
      when: only("list", "payments"),
    }),
    most: field(z.number().int().min(1).max(50).default(5), {
      label: "Messages",
      description: "At most this many messages with buttons at once; what more waits is told in one.",
      when: only("announce"),
    }),
    days: field(z.number().min(0.01).max(90).default(7), {
      label: "Buttons work for (days)",
      description: "Afterwards a payment is decided on the dashboard only.",
      when: only("announce"),
    }),
  },
  2,
);
