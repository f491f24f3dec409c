import { existsSync } from "node:fs";
import path from "node:path";

const root = path.resolve(__dirname, "../../..");
const shared = process.env["TALLYFLOW_SHARED"] ?? path.join(root, "..", "shared");

/** A file or folder of the data that lies beside the checkout, or undefined where it is absent. */
export function sharedPath(...parts: string[]): string | undefined {
  const found = path.join(shared, ...parts);
  return existsSync(found) ? found : undefined;
}

/** Skip the running test, saying what it wanted and how to have it. */
export function skipWithout(context: Mocha.Context, what: string): never {
  console.log(`      skipped: ${what} (set TALLYFLOW_SHARED to the folder that holds it)`);
  context.skip();
}
