import { randomInt } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { TallyError } from "../lib/values";

/** Who may log in to the editor and the dashboards. */
export interface Login {
  user: string;
  /** bcrypt. */
  passwordHash: string;
}

const FILE = ".tallyflow-login.json";
const USER = "admin";
const COST = 10;
/** bcrypt reads no more than this of a password. */
const MOST_BYTES = 72;
const LEAST_CHARACTERS = 8;
/** Without those that look alike. Its length is a power of two: 5 bits each. */
const ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/**
 * The login of a user directory: made at first start, with a password that is said once and of which only a hash is
 * kept (readable by the owner alone). `TALLYFLOW_ADMIN_PASSWORD` sets it instead, at any start.
 * @param nodeRed the file of Node-RED's program, whose bcrypt is used
 * @returns the file that holds the login
 * @throws TallyError CONFIG_INVALID when the given password is too short or too long, or the file is damaged
 */
export async function prepareLogin(
  userDir: string,
  nodeRed: string,
  say: (text: string) => void,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const { compare, hash } = createRequire(nodeRed)("bcryptjs") as {
    compare(password: string, hash: string): Promise<boolean>;
    hash(password: string, cost: number): Promise<string>;
  };
  mkdirSync(userDir, { recursive: true, mode: 0o700 });
  const file = path.join(userDir, FILE);
  const kept = readLogin(file);
  const given = env["TALLYFLOW_ADMIN_PASSWORD"];
  if (given) {
    checkPassword(given);
    if (kept && (await compare(given, kept.passwordHash))) return file;
    writeLogin(file, { user: kept?.user ?? USER, passwordHash: await hash(given, COST) });
    say(`The password of ${kept?.user ?? USER} is now the one of TALLYFLOW_ADMIN_PASSWORD.`);
    return file;
  }
  if (kept) return file;
  const password = newPassword();
  const passwordHash = await hash(password, COST);
  // Said before it is kept: a process that dies in between makes a new one, and nobody is locked out.
  say(
    `\nLog in as ${USER} with the password ${password}\nIt is said only now. To set another one start once with TALLYFLOW_ADMIN_PASSWORD.\n`,
  );
  writeLogin(file, { user: USER, passwordHash });
  return file;
}

function readLogin(file: string): Login | undefined {
  if (!existsSync(file)) return undefined;
  const damaged = () =>
    new TallyError(
      "CONFIG_INVALID",
      `${file} holds no login. Remove it, and the next start makes a new password.`,
    );
  let login: Partial<Login>;
  try {
    login = JSON.parse(readFileSync(file, "utf8")) as Partial<Login>;
  } catch {
    throw damaged();
  }
  const { user, passwordHash } = login;
  if (typeof user !== "string" || typeof passwordHash !== "string" || !passwordHash.startsWith("$2"))
    throw damaged();
  return { user, passwordHash };
}

function writeLogin(file: string, login: Login): void {
  writeFileSync(`${file}.new`, JSON.stringify(login) + "\n", { mode: 0o600 });
  chmodSync(`${file}.new`, 0o600);
  renameSync(`${file}.new`, file);
}

function checkPassword(password: string): void {
  const problem =
    password.length < LEAST_CHARACTERS
      ? `shorter than ${LEAST_CHARACTERS} characters`
      : Buffer.byteLength(password) > MOST_BYTES
        ? `longer than ${MOST_BYTES} bytes`
        : undefined;
  if (problem)
    throw new TallyError("CONFIG_INVALID", `TALLYFLOW_ADMIN_PASSWORD is ${problem}. Choose another one.`);
}

/** Four groups of five characters: 100 bits. */
function newPassword(): string {
  const group = () => Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  return [group(), group(), group(), group()].join("-");
}
