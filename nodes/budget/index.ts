import type { NodeAPI } from "node-red";
import { credentialsOf, defineProvider, registerRoutes } from "../runtime";
import { openBudget, testBudget } from "./open";
import { schema } from "./schema";

const budget = defineProvider({
  schema,
  open: openBudget,
  test: testBudget,
  settings: ({ accounts, startDate, targetPrecision, policy }) => ({
    accounts,
    startDate,
    targetPrecision,
    policy,
  }),
});

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-budget", budget(RED), { credentials: credentialsOf(schema) });
  registerRoutes(RED);
};
