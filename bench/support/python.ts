import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { cacheFolder } from "../../test/servers/cache";

/**
 * The Python of a virtual environment with these packages of PyPI, made in a cache folder where it is not there yet.
 * A package that cannot be had is missing from it; undefined without Python.
 */
export function pythonWith(name: string, packages: readonly string[]): string | undefined {
  const folder = path.join(cacheFolder(), "bench", name);
  const python = path.join(folder, "bin/python");
  if (existsSync(python)) return python;
  mkdirSync(path.dirname(folder), { recursive: true });
  const made = spawnSync("python3", ["-m", "venv", folder], { timeout: 120_000 });
  if (made.status !== 0) return undefined;
  for (const wanted of packages)
    spawnSync(python, ["-m", "pip", "install", "-q", wanted], { timeout: 300_000 });
  return python;
}
