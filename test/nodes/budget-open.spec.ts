import assert from "node:assert/strict";
import { homedir } from "node:os";
import path from "node:path";
import { TallyError } from "../../lib/values";
import { actualOptions } from "../../nodes/budget/open";
import { schema } from "../../nodes/budget/schema";

const place = { nodeId: "budget", path: (given: string) => path.resolve("/user-dir", given) };
const open = (fields: Record<string, unknown>) =>
  actualOptions(schema.options.parse({ provider: "actual", ...fields }), place);
const invalid = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof TallyError && error.code === "CONFIG_INVALID", String(error));
  assert.match(error.message, pattern);
  return true;
};

describe("budget node: where an Actual budget is", () => {
  const server = { serverUrl: "http://actual.local:5006", password: "p", syncId: "s" };

  it("is a server with its password, the sync id, and the encryption password where there is one", () => {
    assert.deepEqual(open({ ...server, encryptionPassword: "e", rules: "none", currency: "USD" }), {
      ...server,
      encryptionPassword: "e",
      rules: "none",
      currency: "USD",
      dataDir: path.resolve("/user-dir/tallyflow/actual"),
      userDir: path.resolve("/user-dir"),
    });
  });

  it("lets the budget's rules fill in what is missing when nothing is chosen", () => {
    assert.equal(open(server).rules, "fill");
    assert.throws(() => open({ ...server, rules: "some" }));
  });

  it("is a folder without a server, from the user directory or the home of the user", () => {
    const local = open({ budgetFile: "budgets/Mine-1a2b" });
    assert.equal(local.budgetFile, path.resolve("/user-dir/budgets/Mine-1a2b"));
    assert.deepEqual([local.serverUrl, local.password, local.syncId], [undefined, undefined, undefined]);
    assert.equal(open({ budgetFile: "~/Actual/Mine" }).budgetFile, path.join(homedir(), "Actual", "Mine"));
  });

  it("is not both, and not neither", () => {
    assert.throws(() => open({ ...server, budgetFile: "x" }), invalid(/serverUrl and budgetFile/));
    assert.throws(() => open({}), invalid(/serverUrl is empty.*TALLYFLOW_BUDGET_SERVER_URL/));
    assert.throws(() => open({ serverUrl: server.serverUrl }), invalid(/password is empty/));
    assert.throws(() => open({ serverUrl: server.serverUrl, password: "p" }), invalid(/syncId is empty/));
  });
});
