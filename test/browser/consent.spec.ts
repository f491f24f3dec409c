import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { startSimulators, type Simulators } from "../../simulators";
import { startEnableBankingTwin, type EnableBankingTwin } from "../../simulators/enable-banking";
import { launchBrowser } from "../support/browser";
import { startTestNodeRed, type TestNodeRed } from "../support/node-red";
import { EditorPage, type FlowEntry } from "./editor-page";

/** A name that would do harm if it were taken for HTML. */
const HOSTILE = '<img src=x onerror="window.harmed=1">';

describe("a bank that is connected from the editor", function () {
  this.timeout(240_000);
  let browser: Browser;
  let simulators: Simulators;
  let enableBanking: EnableBankingTwin;
  let server: TestNodeRed;
  let editor: EditorPage;
  let scratch: string;
  let page: Page;

  before(async function () {
    browser = await launchBrowser(this);
    simulators = await startSimulators({ household: { scale: 0.1 }, limits: false, aggregators: true });
    enableBanking = await startEnableBankingTwin({
      household: simulators.household,
      banks: [
        { name: "Polderbank", country: "NL", accounts: ["current", "savings"] },
        { name: HOSTILE, country: "NL", accounts: ["card"] },
        { name: "Banque du Nord", country: "FR", accounts: ["card"] },
      ],
      shapeAccount: (account) => ({ ...account, details: `${String(account["details"] ?? "")} ${HOSTILE}` }),
    });
    scratch = mkdtempSync(path.join(tmpdir(), "tallyflow-consent-"));
    server = await startTestNodeRed();
    editor = await EditorPage.open(browser, server.url);
    page = editor.page;
  });
  after(async () => {
    await editor?.close();
    await server?.stop();
    await enableBanking?.stop();
    await simulators?.stop();
    await browser?.close();
    if (scratch) rmSync(scratch, { recursive: true, force: true });
  });
  afterEach(async function () {
    // For whoever wants to see what went wrong.
    const folder = process.env["TALLYFLOW_SCREENSHOTS"];
    if (folder && this.currentTest?.state === "failed")
      await page.screenshot({ path: path.join(folder, "consent.png") });
    assert.deepEqual(editor.complaints(), []);
    assert.equal(await page.evaluate("window.harmed"), undefined);
  });

  const fill = (field: string, value: string) => page.fill(`#node-config-input-${field}`, value);
  const bank = async (): Promise<FlowEntry> => {
    const found = (await editor.flow()).find(({ type }) => type === "tally-bank");
    assert.ok(found);
    return found;
  };
  const panel = () => page.locator(".tally-consents");
  /** The window of the bank that opens, and what the person does there. */
  const atTheBank = async (press: () => Promise<void>, answer: "allow" | "refuse"): Promise<Page> => {
    const opening = page.context().waitForEvent("page");
    await press();
    const other = await opening;
    await other.click(`#${answer}`);
    await other.waitForURL(/\/tallyflow\/consent\/callback/);
    return other;
  };

  it("must be deployed first, and says so", async () => {
    const id = await editor.drop("tally-bank-extract", 200, 80);
    await editor.edit((await editor.flow()).find((entry) => entry.id === id)!);
    await page.click("#node-input-btn-store-add");
    await page.waitForSelector("#node-config-dialog-ok");
    await editor.settled();
    await editor.done();
    await page.click("#node-input-btn-bank-add");
    await page.waitForSelector("#node-config-dialog-ok");
    await editor.settled();
    assert.equal(await panel().isVisible(), false, "bunq needs no consent");
    await page.selectOption("#node-config-input-provider", "enable-banking");
    await panel().getByText("not deployed yet").waitFor();
    assert.ok(await page.locator(".tally-consent-connect").isDisabled());
    await fill("url", enableBanking.url);
    // The file is named after the application, and brings its id along.
    const pem = path.join(scratch, `${enableBanking.applicationId}.pem`);
    writeFileSync(pem, enableBanking.privateKey);
    await page.setInputFiles(".tally-key-file", pem);
    await page.waitForFunction("$('#node-config-input-applicationId').val() !== ''");
    assert.equal(await page.inputValue("#node-config-input-applicationId"), enableBanking.applicationId);
    await editor.done();
    await editor.done();
    await editor.deploy();
    assert.deepEqual(await editor.invalid(), []);
    assert.ok(!JSON.stringify(await editor.flow()).includes("PRIVATE KEY"), "no secret in a flow");
  });

  it("is chosen from the banks of a country, allowed on its own page, and shown with accounts and days", async () => {
    await editor.edit(await bank());
    await panel().getByText("None yet").waitFor();
    assert.match(await panel().innerText(), new RegExp(`${server.url}/tallyflow/consent/callback`));
    await page.selectOption(".tally-consent-country", "FR");
    await panel().getByText("1 banks").waitFor();
    await page.selectOption(".tally-consent-country", "NL");
    await panel().getByText("2 banks").waitFor();
    const offered = page.locator(".tally-consent-banks option");
    assert.deepEqual((await offered.allInnerTexts()).sort(), [HOSTILE, "Polderbank"].sort());
    await page.fill(".tally-consent-search", "polder");
    assert.deepEqual(await offered.allInnerTexts(), ["Polderbank"]);

    const home = await atTheBank(() => page.click(".tally-consent-connect"), "allow");
    await home.getByRole("heading", { name: "It worked" }).waitFor();
    assert.match(await home.innerText("body"), /your accounts at Polderbank until \d{4}-\d\d-\d\d\./);
    assert.match(await home.innerText("body"), /You can close this page/);
    assert.equal(await home.evaluate("window.opener"), null);
    await home.close();

    const shown = page.locator(".tally-consent[data-state='valid']");
    await shown.waitFor();
    const text = await shown.innerText();
    assert.match(text, /Polderbank · 180 days left, until \d{4}/);
    for (const key of ["current", "savings"])
      assert.ok(text.includes(simulators.household.accounts.find((one) => one.key === key)!.name), text);
    await panel().getByText("may read your accounts").waitFor();
    await page.click(".tally-test");
    await page.locator(".tally-test ~ .tally-answer").getByText("EUR").first().waitFor();
    await editor.done();
    assert.equal((await bank())["changed"], undefined);
  });

  it("is renewed by its button, and keeps what it had when that is refused", async () => {
    await editor.edit(await bank());
    const shown = page.locator(".tally-consent[data-state='valid']");
    await shown.waitFor();
    const refused = await atTheBank(() => page.click(".tally-consent-renew"), "refuse");
    await refused.getByRole("heading", { name: "It did not work" }).waitFor();
    await refused.close();
    await panel().getByText("was not given at Polderbank").waitFor();
    assert.equal(await shown.count(), 1);
    const renewed = await atTheBank(() => shown.locator(".tally-consent-renew").click(), "allow");
    await renewed.close();
    await panel().getByText("may read your accounts").waitFor();
    await page.locator(".tally-consent[data-state='ended']").first().waitFor();
    assert.equal(await shown.count(), 1, "the one before is replaced");
    await editor.done();
  });

  it("has a name that does no harm", async () => {
    await editor.edit(await bank());
    await panel().getByText("Polderbank").first().waitFor();
    await page.selectOption(".tally-consent-country", "NL");
    await panel().getByText("2 banks").waitFor();
    await page.fill(".tally-consent-search", "img");
    const home = await atTheBank(() => page.click(".tally-consent-connect"), "allow");
    assert.ok((await home.innerText("body")).includes(`your accounts at ${HOSTILE} until`));
    assert.equal(await home.evaluate("window.harmed"), undefined);
    await home.close();
    await page.locator(".tally-consent").getByText(HOSTILE).first().waitFor();
    await editor.done();
  });

  it("is reached through GoCardless and SimpleFIN as well", async () => {
    const { goCardless, simpleFin } = simulators.aggregators!;
    await editor.edit(await bank());
    await page.selectOption("#node-config-input-provider", "gocardless");
    await panel().waitFor();
    await fill("url", goCardless.url);
    await fill("secretId", goCardless.secretId);
    await fill("secretKey", goCardless.secretKey);
    await editor.done();
    await editor.deploy();
    await editor.edit(await bank());
    await panel().getByText("None yet").waitFor();
    await page.selectOption(".tally-consent-country", "NL");
    await panel().getByText("2 banks").waitFor();
    await page.fill(".tally-consent-search", "simulated");
    const home = await atTheBank(() => page.click(".tally-consent-connect"), "allow");
    await home.getByRole("heading", { name: "It worked" }).waitFor();
    await home.close();
    const text = await page.locator(".tally-consent[data-state='valid']").innerText();
    for (const { name } of simulators.household.accounts) assert.ok(text.includes(name), text);

    await page.selectOption("#node-config-input-provider", "simplefin");
    assert.equal(await panel().isVisible(), false);
    await fill("setupToken", simpleFin.control.newToken());
    await editor.done();
    await editor.deploy();
    await editor.edit(await bank());
    await page.click(".tally-test");
    const answer = page.locator(".tally-test ~ .tally-answer");
    await answer.getByText(simulators.household.accounts[0]!.name).waitFor();
    await editor.done();
    await editor.openAndSave(await bank());
  });
});
