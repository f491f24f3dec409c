import type { NodeAPI } from "node-red";
import { withRules } from "../../lib/queue";
import { credentialsOf, defineProvider, registerRoutes } from "../runtime";
import { listAccounts, listPlans, openBudget, testBudget } from "./open";
import { schema } from "./schema";

const budget = defineProvider({
  schema,
  open: openBudget,
  test: testBudget,
  settings: ({ accounts, accountRules, startDate, targetPrecision, policy }) => ({
    accounts: withRules(accounts, accountRules),
    startDate,
    targetPrecision,
    policy,
  }),
  lists: {
    accounts: async ({ provider }) => listAccounts(await provider()),
    plans: ({ options, store }) => listPlans(options, store),
  },
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-budget", budget(RED), { credentials: credentialsOf(schema) });
  registerRoutes(RED);
};
