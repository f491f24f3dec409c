import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import path from "node:path";
import { TallyError } from "../../values";
import type { ActualOptions } from "./options";

/** Oldest version whose handlers do what the writing relies on (`runTransfers` of a batch). */
const OLDEST = [26, 9] as const;
const NAME = "@actual-app/api";

export interface FoundModule {
  /** Path of the file to load. */
  path: string;
  version: string;
}

/**
 * Find the optional peer dependency `@actual-app/api` without loading it: first where `modulePath` points, then in
 * Node-RED's user directory, in the working directory, beside this package, and in `~/.node-red`.
 * @throws TallyError DEPENDENCY_MISSING saying what to install and where
 */
export function findActualApi(options: Pick<ActualOptions, "modulePath" | "userDir">): FoundModule {
  const bases = [
    options.modulePath,
    options.userDir,
    process.cwd(),
    __dirname,
    path.join(homedir(), ".node-red"),
  ];
  const tried = new Set(bases.filter((base) => base !== undefined && base !== ""));
  let old: string | undefined;
  for (const base of tried) {
    const found = lookIn(path.resolve(base!));
    if (!found) continue;
    if (isNewEnough(found.version)) return found;
    old ??= found.version;
  }
  const where = options.userDir ?? process.cwd();
  const command = `npm install ${NAME}@latest`;
  throw new TallyError(
    "DEPENDENCY_MISSING",
    old
      ? `${NAME} ${old} is installed, but ${OLDEST.join(".")} or newer is needed. Run "${command}" in ${where}.`
      : `Actual budgets need the package ${NAME}, which is not installed. Run "${command}" in ${where}, then restart.`,
    { details: { package: NAME, command, where, looked: [...tried] } },
  );
}

function lookIn(base: string): FoundModule | undefined {
  const own = readPackage(path.join(base, "package.json"));
  if (own?.name === NAME) return { path: path.join(base, own.main ?? "dist/index.js"), version: own.version };
  for (const folder of createRequire(path.join(base, "_.js")).resolve.paths(NAME) ?? []) {
    const root = path.join(folder, NAME);
    const found = readPackage(path.join(root, "package.json"));
    if (found) return { path: path.join(root, found.main ?? "dist/index.js"), version: found.version };
  }
  return undefined;
}

function readPackage(file: string): { name: string; version: string; main?: string } | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // Not there: the next place is looked at.
    return undefined;
  }
  return JSON.parse(text) as { name: string; version: string; main?: string };
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}
