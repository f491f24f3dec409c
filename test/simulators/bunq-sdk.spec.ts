import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { formatAmount } from "../../lib/values";
import { startBunqTwin } from "../../simulators/bunq";
import { makeHousehold } from "../../simulators/household";
import { skipWithout } from "../support/shared";

const run = promisify(execFile);
const root = path.resolve(__dirname, "../../..");
const cache = process.env["TALLYFLOW_CACHE"] ?? path.join(root, ".cache");
const SDK = "bunq_sdk==1.28.0";

/** The Python of an environment that has bunq's SDK, made when first needed; the reason when it cannot be made. */
async function pythonWithSdk(): Promise<{ python: string } | { missing: string }> {
  const home = path.join(cache, "bunq-sdk-1.28.0");
  const python = path.join(home, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  const works = () =>
    run(python, ["-c", "import bunq"]).then(
      () => true,
      () => false,
    );
  if (existsSync(python) && (await works())) return { python };
  mkdirSync(cache, { recursive: true });
  try {
    await run("python3", ["-m", "venv", home]);
  } catch {
    return { missing: "python3 with its venv module (install python3 and python3-venv)" };
  }
  try {
    await run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", SDK]);
  } catch {
    return {
      missing: `bunq's SDK from PyPI (pip install ${SDK} must work, so a network or a mirror is needed)`,
    };
  }
  return { python };
}

describe("bunq's own client", () => {
  it("installs, opens a session and lists the payments of the twin", async function () {
    this.timeout(240_000);
    const found = await pythonWithSdk();
    if ("missing" in found) skipWithout(this, found.missing);
    const household = makeHousehold({ from: "2025-01-01", until: "2025-06-30", scale: 1.5 });
    for (const userType of ["person", "apiKey"] as const) {
      const twin = await startBunqTwin({ household, limits: "off", userType });
      try {
        const original = { amount: 1234, currency: "USD" };
        const used = { account: "current", amount: 1100, name: "Diner", category: "5812", original };
        const card = twin.control.useCard(used);
        const settled = twin.control.settleCard(card);
        const script = path.join(root, "test/simulators/bunq-sdk.py");
        const { stdout } = await run(found.python, [script, twin.url, twin.apiKey], { maxBuffer: 1 << 26 });
        const told = JSON.parse(stdout) as {
          account: { id: number; balance: string; iban: string };
          payments: { id: number; amount: string; name: string; description: string }[];
          card: { id: number; local: string; category: string; payments: number[] };
        };
        assert.deepEqual(told.card, {
          id: card,
          local: "12.34 USD",
          category: "5812",
          payments: [settled],
        });
        assert.equal(told.payments.shift()?.id, settled);
        const current = household.accounts[0]!;
        const own = household.payments.filter(
          ({ account, status }) => account === "current" && status === "booked",
        );
        const balance = own.reduce((sum, { amount }) => sum + amount, current.openingBalance - used.amount);
        assert.deepEqual(told.account, {
          id: twin.control.accountId("current"),
          balance: formatAmount(balance, "EUR"),
          iban: current.iban,
        });
        assert.deepEqual(
          told.payments.map(({ id, amount, name, description }) => [id, amount, name, description]).reverse(),
          own.map((each) => [
            twin.control.paymentId(each.sequence),
            formatAmount(each.amount, "EUR"),
            each.counterparty.name,
            each.description,
          ]),
        );
        assert.deepEqual(
          [twin.control.counts.installations, twin.control.counts.devices, twin.control.counts.sessions],
          [1, 1, 1],
        );
      } finally {
        await twin.stop();
      }
    }
  });
});
