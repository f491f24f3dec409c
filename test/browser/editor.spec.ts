import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser } from "playwright-core";
import { PACKAGE_ROOT, shippedFlows } from "../../cli/user-dir";
import { startSimulators, type Simulators } from "../../simulators";
import { launchBrowser } from "../support/browser";
import { startTestNodeRed, type TestNodeRed } from "../support/node-red";
import { EditorPage, type FlowEntry } from "./editor-page";

const TYPES = Object.keys(
  (
    JSON.parse(readFileSync(path.join(PACKAGE_ROOT, "package.json"), "utf8")) as {
      "node-red": { nodes: Record<string, string> };
    }
  )["node-red"].nodes,
);
const CONFIG = ["tally-store", "tally-bank", "tally-budget"];
const STEPS = TYPES.filter((type) => !CONFIG.includes(type));

/** A catalogue as the editor loads it. */
interface Catalogue {
  label: string;
  palette: string;
  fields: Record<string, { label: string }>;
}
const catalogue = (type: string, language: string) =>
  JSON.parse(
    readFileSync(
      path.join(PACKAGE_ROOT, "dist/nodes", type.slice("tally-".length), "locales", language, "index.json"),
      "utf8",
    ),
  ) as Catalogue;

/** A name that would do harm if it were taken for HTML. */
const HOSTILE = '<img src=x onerror="window.harmed=1">';

describe("the editor", function () {
  this.timeout(240_000);
  let browser: Browser;
  let simulators: Simulators;
  before(async function () {
    browser = await launchBrowser(this);
    simulators = await startSimulators({ limits: false });
  });
  after(async () => {
    await browser?.close();
    await simulators?.stop();
  });

  describe("with an empty flow", () => {
    let server: TestNodeRed;
    let editor: EditorPage;
    let scratch: string;
    const fill = (field: string, value: string) => editor.page.fill(`#node-config-input-${field}`, value);
    const one = async (type: string): Promise<FlowEntry> => {
      const found = (await editor.flow()).find((entry) => entry.type === type);
      assert.ok(found, type);
      return found;
    };
    const answer = (row: string) => editor.page.locator(`${row} ~ .tally-answer`);

    before(async function () {
      if (!browser) this.skip();
      scratch = mkdtempSync(path.join(tmpdir(), "tallyflow-editor-"));
      server = await startTestNodeRed();
      editor = await EditorPage.open(browser, server.url);
    });
    after(async () => {
      await editor?.close();
      await server?.stop();
      if (scratch) rmSync(scratch, { recursive: true, force: true });
    });
    afterEach(async function () {
      // For whoever wants to see what went wrong.
      const folder = process.env["TALLYFLOW_SCREENSHOTS"];
      if (folder && this.currentTest?.state === "failed")
        await editor.page.screenshot({ path: path.join(folder, "editor.png") });
      assert.deepEqual(editor.complaints(), []);
    });

    it("adds the connections from the form of a node that was dragged from the palette", async () => {
      const id = await editor.drop("tally-bank-extract", 200, 80);
      assert.equal((await editor.invalid()).length, 1, "a node without its store is marked");
      await editor.edit((await editor.flow()).find((entry) => entry.id === id)!);
      for (const [field, fillIn] of [
        ["store", () => fill("name", "my store")],
        [
          "bank",
          async () => {
            await fill("url", simulators.bunq.url);
            await fill("apiKey", "a wrong key");
          },
        ],
        [
          "budget",
          async () => {
            await fill("url", simulators.ynab.url);
            await fill("token", simulators.ynab.token);
          },
        ],
      ] as const) {
        await editor.page.click(`#node-input-btn-${field}-add`);
        await editor.page.waitForSelector("#node-config-dialog-ok");
        await editor.settled();
        await fillIn();
        await editor.done();
      }
      await editor.done();
      await editor.deploy();
      assert.deepEqual(await editor.invalid(), []);
      const flow = await editor.flow();
      for (const type of CONFIG) assert.equal(flow.filter((entry) => entry.type === type).length, 1);
      const text = JSON.stringify(flow);
      assert.ok(
        !text.includes("a wrong key") && !text.includes(simulators.ynab.token),
        "no secret in a flow",
      );
    });

    it("opens the connection of a node by its pencil", async () => {
      const step = await one("tally-bank-extract");
      await editor.edit(step);
      await editor.page.click("#node-input-btn-bank-edit");
      await editor.page.waitForSelector("#node-config-dialog-ok");
      await editor.settled();
      assert.equal(await editor.page.inputValue("#node-config-input-url"), simulators.bunq.url);
      for (const secret of ["apiKey"])
        assert.equal(await editor.page.getAttribute(`#node-config-input-${secret}`, "type"), "password");
      await fill("name", "my bank");
      await editor.done();
      await editor.done();
      assert.equal((await one("tally-bank"))["name"], "my bank");
      await editor.deploy();
    });

    it("takes every node from the palette, saves it and deploys it", async () => {
      const config = Object.fromEntries(
        await Promise.all(CONFIG.map(async (type) => [type.slice(6), (await one(type)).id] as const)),
      );
      let at = 0;
      for (const type of STEPS.filter((name) => name !== "tally-bank-extract")) {
        at++;
        const id = await editor.drop(type, 160 + (at % 2) * 240, 80 + Math.floor(at / 2) * 80);
        await editor.edit((await editor.flow()).find((entry) => entry.id === id)!);
        for (const [field, value] of Object.entries(config)) {
          const select = editor.page.locator(`#node-input-${field}`);
          if ((await select.count()) > 0) await select.selectOption(value);
        }
        await editor.done();
      }
      assert.deepEqual(await editor.invalid(), []);
      await editor.deploy();
      const deployed = (await (await fetch(`${server.url}/flows`)).json()) as FlowEntry[];
      const types = deployed.map(({ type }) => type).filter((type) => type.startsWith("tally-"));
      assert.deepEqual(types.sort(), [...TYPES].sort());
    });

    it("labels every field, and changes nothing when a node is opened and saved", async () => {
      for (const entry of await editor.flow()) {
        if (!entry.type.startsWith("tally-")) continue;
        const html = await editor.openAndSave(entry);
        for (const { label } of Object.values(catalogue(entry.type, "en-US").fields))
          assert.ok(html.includes(`>${label}<`), `${entry.type}: ${label}`);
      }
      assert.deepEqual(await editor.invalid(), []);
    });

    it("keeps a yes, a no and an unset choice what they are", async () => {
      const atStart = async () => (await one("tally-schedule"))["atStart"];
      for (const [choice, value] of [
        ["true", true],
        ["false", false],
        ["", ""],
      ] as const) {
        await editor.edit(await one("tally-schedule"));
        await editor.page.selectOption("#node-input-atStart-choice", choice);
        await editor.done();
        assert.equal(await atStart(), value);
      }
    });

    it("shows the help of every node", async () => {
      for (const type of TYPES) {
        const shown = await editor.help(type);
        const source = readFileSync(
          path.join(PACKAGE_ROOT, "nodes", type.slice("tally-".length), "help/en-US.md"),
          "utf8",
        );
        const sentence = source.split("\n")[0]!.replace(/[*_`]/g, "");
        assert.ok(shown.includes(sentence), `${type}: ${shown.slice(0, 200)}`);
        assert.match(shown, /Details/);
      }
    });

    it("says when a cron expression fires, in the time zone, and what is wrong with one", async () => {
      await editor.edit(await one("tally-schedule"));
      const form = editor.page.locator(".red-ui-tray");
      await editor.page.fill("#node-input-cron", "30 6 * * 1");
      await form.getByText("at 06:30 on Monday").waitFor();
      assert.equal((await form.innerText()).match(/\d{4}-\d\d-\d\d 06:30/g)?.length, 5);
      await editor.page.fill("#node-input-cron", "99 * * * *");
      await form.getByText("is not a cron expression").waitFor();
      await editor.page.fill("#node-input-cron", "");
      await form.getByText("at minute 0 of every hour").waitFor();
      await editor.done();
    });

    it("runs a schedule by its button", async () => {
      await editor.deploy();
      const { id } = await one("tally-schedule");
      const answered = editor.page.waitForResponse((response) =>
        response.url().endsWith(`/schedule/${id}/run`),
      );
      await editor.page.locator(`[id="${id}"] .red-ui-flow-node-button-button`).click();
      assert.equal((await answered).status(), 202);
      await editor.page.getByText("Run started.").waitFor();
    });

    it("tests connections as they are deployed: a wrong key is told, the right one shows the accounts", async () => {
      const bank = await one("tally-bank");
      await editor.edit(bank);
      await editor.page.click(".tally-test");
      await answer(".tally-test").getByText(/key/i).waitFor();
      await fill("apiKey", simulators.bunq.apiKey);
      await editor.done();
      await editor.deploy();
      await editor.edit(bank);
      await editor.page.click(".tally-test");
      await answer(".tally-test").getByText("BUNQ").waitFor();
      assert.equal(await editor.page.inputValue("#node-config-input-apiKey"), "__PWRD__");
      await editor.done();
      for (const type of ["tally-store", "tally-budget"]) {
        await editor.edit(await one(type));
        await editor.page.click(".tally-test");
        await answer(".tally-test")
          .getByText(/sqlite|accounts|:/)
          .waitFor();
        await editor.done();
      }
    });

    it("offers the plans of the token, and the accounts of bank and budget", async () => {
      await editor.edit(await one("tally-budget"));
      await editor.page.getByRole("button", { name: "Choose…" }).click();
      const plans = editor.page.locator("select.tally-plan");
      await plans.waitFor();
      await plans.selectOption(simulators.ynab.planId);
      await editor.done();
      assert.equal((await one("tally-budget"))["plan"], simulators.ynab.planId);
      await editor.deploy();

      await editor.edit(await one("tally-budget"));
      await editor.page.click(".tally-load-accounts");
      await answer(".tally-load-accounts").getByText("bank accounts").waitFor();
      const rows = editor.page.locator(".red-ui-tray .red-ui-editableList-container li");
      assert.equal(await rows.count(), simulators.accounts.length);
      const [first] = simulators.accounts;
      for (const row of await rows.all()) {
        const [bank, budget] = await row.locator("select.tally-list-value").all();
        if ((await bank!.inputValue()) === first!.bank) {
          const options = await budget!
            .locator("option")
            .evaluateAll((all) => all.map((option) => (option as unknown as { value: string }).value));
          await budget!.selectOption(options.find((value) => value.endsWith(first!.budget))!);
        }
      }
      await editor.done();
      const budget = await one("tally-budget");
      const mapped = budget["accounts"] as { bank: string; budget: string }[];
      assert.equal(mapped.length, 1, "rows that were only proposed are left out");
      assert.equal(mapped[0]!.bank, first!.bank);
      assert.ok(mapped[0]!.budget.endsWith(first!.budget));
      await editor.deploy();
      await editor.openAndSave(budget);
    });

    it("marks a mapping of accounts that is filled in by half", async () => {
      const budget = await one("tally-budget");
      await editor.edit(budget);
      await editor.page.locator(".red-ui-tray .red-ui-editableList-addButton").first().click();
      await editor.page.locator("input.tally-list-value").nth(2).fill("NL00BANK0123456789");
      await editor.done();
      assert.match((await editor.invalid()).join(), /tally-budget/);
      await editor.edit(budget);
      await editor.page.locator(".red-ui-tray .red-ui-editableList-item-remove").last().click();
      await editor.done();
      assert.deepEqual(await editor.invalid(), []);
    });

    it("makes a CSV mapping from a file, with the payments it yields and its errors", async () => {
      const bank = await one("tally-bank");
      await editor.edit(bank);
      await editor.page.selectOption("#node-config-input-provider", "files");
      await fill("account", "NL91ABNA0417164300");
      await fill("currency", "EUR");
      assert.equal(await editor.page.locator("#node-config-input-apiKey").isVisible(), false);
      await editor.page.getByRole("button", { name: "Make the mapping" }).click();
      const file = path.join(scratch, "bank.csv");
      const rows = ["02-01-2024;-3,50", "03-01-2024;many", "13-01-2024;12,00"];
      writeFileSync(
        file,
        ["Dag;Som;Wie;Wat", ...rows.map((row) => `${row};${HOSTILE};koffie`), ""].join("\n"),
      );
      await editor.page.setInputFiles(".tally-csv-file", file);
      const preview = editor.page.locator(".tally-csv-preview");
      await preview.getByText("2024-01-13").waitFor();
      assert.match(await editor.page.locator(".tally-csv").innerText(), /line 3: .*many/);
      assert.ok((await editor.page.locator(".tally-csv").innerText()).includes(HOSTILE));
      await editor.page.selectOption("[data-csv='counterparty']", { label: "Wat: koffie" });
      await preview.getByRole("cell", { name: "koffie" }).first().waitFor();
      await editor.page.selectOption("[data-csv='description']", ["2"]);
      await preview.getByRole("cell", { name: HOSTILE }).first().waitFor();
      await editor.page.getByRole("button", { name: "Use this mapping" }).click();
      await editor.done();
      const mapping = JSON.parse(String((await one("tally-bank"))["mapping"])) as Record<string, unknown>;
      assert.equal(mapping["date"], "Dag");
      assert.equal(mapping["amount"], "Som");
      assert.equal(mapping["counterparty"], "Wat");
      assert.deepEqual(mapping["description"], ["Wie"]);
      assert.equal(await editor.page.evaluate("window.harmed"), undefined);
      await editor.deploy();
      await editor.openAndSave(await one("tally-bank"));
    });

    it("puts a statement into the folder of the bank, and says what cannot be read", async () => {
      await editor.edit(await one("tally-bank"));
      const good = path.join(scratch, "..january.csv");
      writeFileSync(good, "Dag;Som;Wie;Wat\n02-01-2024;-3,50;A;B\n03-01-2024;many;A;B\n");
      const bad = path.join(scratch, "page.html");
      writeFileSync(bad, `<html><body>${HOSTILE}</body></html>`);
      await editor.page.setInputFiles(".tally-upload", [good, bad]);
      const told = editor.page.locator(".tally-upload ~ .tally-answer");
      await told.getByText("page.html:").waitFor();
      assert.match(await told.innerText(), /january\.csv: 1 payments[\s\S]*line 3: /);
      assert.deepEqual(readdirSync(path.join(server.userDir, "tallyflow/statements")), ["january.csv"]);
      await editor.page.setInputFiles(".tally-upload", [good]);
      await told.getByText("was there already").waitFor();
      await editor.page.click(".tally-test");
      await answer(".tally-test").getByText("EUR").waitFor();
      assert.equal(await editor.page.evaluate("window.harmed"), undefined);
      await editor.done();
    });
  });

  describe("with the shipped flows", () => {
    let server: TestNodeRed;
    before(async function () {
      if (!browser) this.skip();
      server = await startTestNodeRed({ flows: shippedFlows() });
    });
    after(() => server?.stop());

    it("opens every node of ours on every tab, and changes nothing by saving it", async () => {
      const editor = await EditorPage.open(browser, server.url);
      try {
        assert.deepEqual(await editor.invalid(), []);
        const flow = await editor.flow();
        // Forms of other packages are theirs (link in sorts its links, ui-page counts every save as a change).
        const ours = flow.filter(({ type }) => type.startsWith("tally-"));
        assert.ok(ours.length > 10);
        for (const entry of ours) await editor.openAndSave(entry);
        assert.deepEqual(editor.complaints(), []);
      } finally {
        await editor.close();
      }
    });

    it("speaks Dutch to a browser that does", async () => {
      const editor = await EditorPage.open(browser, server.url, "nl");
      try {
        for (const type of TYPES) {
          const entry = (await editor.flow()).find((one) => one.type === type);
          if (!entry) continue;
          const html = await editor.openAndSave(entry);
          for (const { label } of Object.values(catalogue(type, "nl").fields))
            assert.ok(html.includes(`>${label}<`), `${type}: ${label}`);
          assert.doesNotMatch(html, />\s*(fields|form|csv)\.\w/);
        }
        for (const type of STEPS) {
          const shown = await editor.page.locator(`[data-palette-type='${type}']`).innerText();
          // A long word may stand on two lines, depending on the fonts of the machine.
          const letters = (text: string | undefined) => text?.replace(/\s+/g, "");
          assert.equal(letters(shown), letters(catalogue(type, "nl").palette));
        }
        assert.deepEqual(editor.complaints(), []);
      } finally {
        await editor.close();
      }
    });
  });
});
