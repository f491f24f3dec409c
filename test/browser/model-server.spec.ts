import assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import type { Browser } from "playwright-core";
import type { FlowNode } from "../../cli/user-dir";
import { launchBrowser } from "../support/browser";
import { startTestNodeRed, type TestNodeRed } from "../support/node-red";
import { EditorPage } from "./editor-page";

const FLOW: FlowNode[] = [
  { id: "tab", type: "tab", label: "Serving" },
  { id: "store", type: "tally-store" },
  { id: "budget", type: "tally-budget", provider: "ynab" },
  {
    id: "server",
    type: "tally-model-server",
    z: "tab",
    x: 200,
    y: 100,
    store: "store",
    budget: "budget",
    path: "",
    maxRows: "",
    maxBodyMb: "",
    wires: [[]],
  },
];

describe("the form of the model server", function () {
  this.timeout(120_000);
  let browser: Browser;
  let server: TestNodeRed;
  let editor: EditorPage;
  before(async function () {
    browser = await launchBrowser(this);
    server = await startTestNodeRed({ flows: FLOW });
    editor = await EditorPage.open(browser, server.url);
  });
  after(async () => {
    await editor?.close();
    await server?.stop();
    await browser?.close();
  });

  const entry = async () => (await editor.flow()).find(({ type }) => type === "tally-model-server")!;
  const statusOf = async (token: string) =>
    (await fetch(`${server.url}/tallyflow/v2`, { headers: { authorization: `Bearer ${token}` } })).status;

  it("makes a token, shows it once, and keeps it out of the flow", async () => {
    await editor.edit(await entry());
    const make = async () => {
      await editor.page.click(".tally-generate");
      return editor.page.inputValue("#node-input-token");
    };
    const first = await make();
    assert.match(first, /^[0-9a-f]{64}$/);
    await editor.page.locator(".tally-generate ~ .tally-answer").getByText(first).waitFor();
    const token = await make();
    assert.notEqual(token, first);
    await editor.done();
    assert.equal(await statusOf(token), 401, "not before it is deployed");
    await editor.deploy();
    const until = Date.now() + 20_000;
    while ((await statusOf(token)) !== 200) {
      assert.ok(Date.now() < until, "the token is not accepted");
      await wait(50);
    }
    assert.equal(await statusOf(first), 401);
    assert.ok(!JSON.stringify(await editor.flow()).includes(token), "no secret in a flow");
    await editor.edit(await entry());
    assert.equal(await editor.page.inputValue("#node-input-token"), "__PWRD__");
    assert.ok(!(await editor.page.content()).includes(token));
    await editor.done();
    assert.deepEqual(editor.complaints(), []);
  });
});
