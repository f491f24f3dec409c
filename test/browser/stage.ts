import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { chromium, type Browser, type Page } from "playwright-core";
import { startNodeRed, type NodeRed } from "../../cli/node-red";
import { FIRST_JOB } from "../../cli/shipped";
import { startSimulatorsProcess, type SimulatorsProcess } from "../../cli/simulators-process";
import { PACKAGE_ROOT, shippedFlows, type FlowNode } from "../../cli/user-dir";
import { openStore, type Store } from "../../lib/store";
import { HOSTILE_NAMES } from "../../simulators/household";

/** The shipped flows in a real Node-RED beside a small household's bank and budget, and a browser to look at them. */

const CHROMIUM = process.env["TALLYFLOW_CHROMIUM"] ?? "/usr/bin/chromium";
/** Where the pictures of the documentation go; undefined when none are to be taken. */
export const IMAGES =
  process.env["UPDATE_SCREENSHOTS"] === "1" ? path.join(PACKAGE_ROOT, "docs/images") : undefined;
/** How long a page may take to show something. */
export const LIMIT = 30_000;
/** Each would set `window.hacked` if a widget took it for HTML. */
export const HOSTILE = [
  "<script>window.hacked=1</script>Shop",
  "<img src=hacked onerror=window.hacked=2>",
  "<svg onload=window.hacked=3>",
  "{{constructor.constructor('window.hacked=4')()}}",
  "</textarea></script><iframe srcdoc='<script>parent.hacked=5</script>'>",
  ...HOSTILE_NAMES,
];

export class Stage {
  /** What the browser's console complained of. */
  readonly complaints: string[] = [];

  private constructor(
    readonly folder: string,
    readonly simulators: SimulatorsProcess,
    readonly nodeRed: NodeRed,
    readonly browser: Browser,
  ) {}

  /** Skips the suite, saying what to install, where there is no browser. */
  static async open(suite: Mocha.Context, extra: readonly FlowNode[] = []): Promise<Stage> {
    if (!existsSync(CHROMIUM)) {
      console.log(
        `      no ${CHROMIUM}: run "apt-get install -y chromium", or name one in TALLYFLOW_CHROMIUM`,
      );
      return suite.skip();
    }
    const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-browser-"));
    const simulators = await startSimulatorsProcess([
      ...["--scale", IMAGES ? "1" : "0.15"],
      "--no-limits",
      "--control",
    ]);
    const nodeRed = await startNodeRed({
      userDir: folder,
      port: 0,
      env: simulators.env,
      flows: () => [...shippedFlows({ dashboard: true }), ...extra],
    });
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    });
    if (IMAGES) mkdirSync(IMAGES, { recursive: true });
    return new Stage(folder, simulators, nodeRed, browser);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.nodeRed.stop();
    await this.simulators.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Do something in the store that Node-RED uses too. */
  async inStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
    const store = await openStore({ kind: "sqlite", path: this.store });
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  }

  /** The file of the store. */
  get store(): string {
    return path.join(this.folder, "tallyflow/tallyflow.db");
  }

  /** One pass of the main job. */
  async run(): Promise<void> {
    const { run } = await this.nodeRed.runJob(FIRST_JOB.schedule, FIRST_JOB.job);
    assert.equal(run.state, "Completed", run.error?.message);
  }

  /** A page of the dashboard; whatever its console complains of is kept. */
  async page(where: string, size = { width: 1440, height: 1080 }): Promise<Page> {
    const page = await this.browser.newPage({
      viewport: size,
      locale: "en-GB",
      timezoneId: "Europe/Amsterdam",
    });
    page.setDefaultTimeout(LIMIT);
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => message.type() === "error" && this.complaints.push(message.text()));
    await page.goto(this.nodeRed.url + where);
    return page;
  }

  /** A picture for the documentation, when they are taken. */
  async picture(page: Page, name: string): Promise<void> {
    if (!IMAGES) return;
    // Charts draw themselves in over a second.
    await page.waitForTimeout(2_000);
    await page.screenshot({ path: path.join(IMAGES, `${name}.png`) });
  }

  /** What a person does in the budget's own app, or a fault that is set. */
  async budget<T>(call: string, ...args: unknown[]): Promise<T> {
    const answer = await fetch(new URL("/__control", this.simulators.env["TALLYFLOW_BUDGET_URL"]), {
      method: "POST",
      body: JSON.stringify({ call, args }),
    });
    const { result } = (await answer.json()) as { result: T };
    assert.equal(answer.status, 200, JSON.stringify(result));
    return result;
  }
}

/** Wait for something that no page shows. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + LIMIT;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `waited too long for ${what}`);
    await wait(250);
  }
}

export const text = (page: Page, name: string): Promise<string> =>
  page.locator(`[data-tally="${name}"]`).innerText();

/** Did the page take nothing that strangers wrote for HTML? */
export async function harmless(page: Page): Promise<void> {
  const found = await page.evaluate(() => ({
    hacked: (window as unknown as { hacked?: number }).hacked ?? null,
    elements: document.querySelectorAll('img[src="hacked"], svg[onload], iframe[srcdoc]').length,
  }));
  assert.deepEqual(found, { hacked: null, elements: 0 });
}

/** Does the page fit its width? */
export async function fits(page: Page): Promise<void> {
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `${page.url()} is ${wide} px too wide`);
}
