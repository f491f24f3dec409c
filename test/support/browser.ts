import { existsSync } from "node:fs";
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";

/** A headless Chromium for the specs of the editor and the dashboard. */

const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Where the browser is: TALLYFLOW_CHROMIUM, or where systems put it. Undefined when there is none. */
export function chromiumPath(): string | undefined {
  return [process.env["TALLYFLOW_CHROMIUM"], ...PLACES].find((file) => file && existsSync(file));
}

/** Start the browser; skips the running suite, saying what to install, where there is none. */
export async function launchBrowser(suite: Mocha.Context): Promise<Browser> {
  const executablePath = chromiumPath();
  if (!executablePath) {
    console.warn(
      "Skipped: no Chromium was found. Install it (Debian: apt-get install chromium) or set TALLYFLOW_CHROMIUM.",
    );
    return suite.skip();
  }
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A page of its own, with what its console and its scripts complain of. */
export interface WatchedPage {
  page: Page;
  context: BrowserContext;
  /** Errors and warnings of scripts, and answers with a status of 400 or more. */
  complaints: string[];
}

/** @param locale what the browser asks for, such as `nl` */
export async function openPage(browser: Browser, locale = "en-US"): Promise<WatchedPage> {
  const context = await browser.newContext({ locale, viewport: { width: 1600, height: 1000 } });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning")
      complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) =>
    complaints.push(`script: ${error.message} ${error.stack?.split("\n")[1] ?? ""}`),
  );
  return { page, context, complaints };
}
