import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { isCalendarDate, TallyError } from "../lib/values";

/** What the environment says of a start: secrets from files, and whether a simulated household is wanted. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Connections that a person made in the environment. */
const CONNECTED = [
  "TALLYFLOW_BANK_API_KEY",
  "TALLYFLOW_BANK_FOLDER",
  "TALLYFLOW_BANK_APPLICATION_ID",
  "TALLYFLOW_BANK_SECRET_ID",
  "TALLYFLOW_BANK_SETUP_TOKEN",
  "TALLYFLOW_BANK_ACCESS_URL",
  "TALLYFLOW_BUDGET_TOKEN",
  "TALLYFLOW_BUDGET_SYNC_ID",
];

/** What only a person fills in, in the editor, to connect a bank or a budget. */
const CONNECTED_PROPERTIES = ["folder", "accounts", "plan", "serverUrl", "syncId", "applicationId"];

/**
 * The values of all `TALLYFLOW_..._FILE` variables: `TALLYFLOW_BANK_API_KEY_FILE` names a file that holds what
 * `TALLYFLOW_BANK_API_KEY` would, as Docker and Kubernetes hand out secrets. A line feed at the end is not part of it.
 * @throws TallyError CONFIG_INVALID when a file cannot be read, or a value is given both ways
 */
export function secretsFromFiles(env: Environment): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, file] of Object.entries(env)) {
    const target = /^(TALLYFLOW_\w+)_FILE$/.exec(name)?.[1];
    // Node-RED's own process is told where the login is kept.
    if (!target || !file || name === "TALLYFLOW_LOGIN_FILE") continue;
    if (env[target])
      throw new TallyError("CONFIG_INVALID", `${target} and ${name} are both set. Keep one of them.`);
    try {
      found[target] = readFileSync(file, "utf8").replace(/\r?\n$/, "");
    } catch (cause) {
      throw new TallyError("CONFIG_INVALID", `${name} names ${file}, which cannot be read.`, { cause });
    }
  }
  return found;
}

/**
 * Is a simulated household to stand in for bank and budget? `TALLYFLOW_DEMO` says so (1 or 0); when it is not set,
 * where no connection was made in the environment or in the flows. It never stands in for a connection that is there.
 * @throws TallyError CONFIG_INVALID for another value, and where 1 meets a connection
 */
export function wantsDemo(env: Environment, userDir: string): boolean {
  const wish = (env["TALLYFLOW_DEMO"] ?? "").trim();
  if (!/^(1|0|true|false|)$/i.test(wish))
    throw new TallyError("CONFIG_INVALID", "TALLYFLOW_DEMO must be 1 or 0.");
  const byEnvironment = CONNECTED.find((name) => env[name]);
  if (/^(1|true)$/i.test(wish)) {
    if (byEnvironment)
      throw new TallyError(
        "CONFIG_INVALID",
        `TALLYFLOW_DEMO is on although ${byEnvironment} is set. A simulated household and your own accounts do not go together: remove one of the two.`,
      );
    return true;
  }
  return wish === "" && !byEnvironment && !isConnectedInFlows(userDir);
}

function isConnectedInFlows(userDir: string): boolean {
  const file = path.join(userDir, "flows.json");
  if (!existsSync(file)) return false;
  let nodes: unknown;
  try {
    nodes = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    // Node-RED says what is wrong with its flow file; whose it is nobody knows, so nothing is simulated.
    return true;
  }
  if (!Array.isArray(nodes)) return false;
  return (nodes as Record<string, unknown>[])
    .filter(({ type }) => type === "tally-bank" || type === "tally-budget")
    .some((node) =>
      CONNECTED_PROPERTIES.some((name) => {
        const value = node[name];
        return (typeof value === "string" || Array.isArray(value)) && value.length > 0;
      }),
    );
}

/**
 * The environment that gives the simulated household a store of its own, beside the one for real accounts, so that
 * made-up payments never stand among real ones.
 */
export function demoStore(env: Environment): Record<string, string> {
  const uri = env["TALLYFLOW_STORE_URI"];
  if (env["TALLYFLOW_STORE_KIND"] !== "mongodb")
    return env["TALLYFLOW_STORE_PATH"] ? {} : { TALLYFLOW_STORE_PATH: path.join("tallyflow", "demo.db") };
  const parts = /^(mongodb(?:\+srv)?:\/\/(?:[^/?]*@)?[^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/.exec(uri ?? "");
  if (!parts) return {};
  const [, server, database, query] = parts as unknown as [string, string, string?, string?];
  const options = new URLSearchParams(query ?? "");
  // Users are looked up in the database of the URI, unless it says otherwise.
  if (server.includes("@") && database && !options.has("authSource")) options.set("authSource", database);
  const tail = options.size > 0 ? `?${options.toString()}` : "";
  return { TALLYFLOW_STORE_URI: `${server}/${database || "tallyflow"}-demo${tail}` };
}

/**
 * The arguments of the simulated household that the environment chooses: `TALLYFLOW_DEMO_SCALE`, 1 when absent, and
 * `TALLYFLOW_DEMO_FROM`, its first day, three years ago when absent; less is less to do for a small machine.
 * @throws TallyError CONFIG_INVALID when the scale is not a number from 0.01 to 100, or the day is no date
 */
export function demoHousehold(env: Environment): string[] {
  const text = (env["TALLYFLOW_DEMO_SCALE"] ?? "").trim();
  const from = (env["TALLYFLOW_DEMO_FROM"] ?? "").trim();
  const scale = Number(text);
  if (text !== "" && !(scale >= 0.01 && scale <= 100))
    throw new TallyError("CONFIG_INVALID", "TALLYFLOW_DEMO_SCALE must be a number from 0.01 to 100.");
  if (from !== "" && !isCalendarDate(from))
    throw new TallyError("CONFIG_INVALID", "TALLYFLOW_DEMO_FROM must be a date, YYYY-MM-DD.");
  return [...(text ? ["--scale", String(scale)] : []), ...(from ? ["--from", from] : [])];
}
