import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { cacheFolder } from "./cache";

const INSTALL_TIME = 15 * 60_000;

export interface Install {
  /** Names the folder; a change of it installs anew. */
  name: string;
  /** For people: what could not be installed. */
  what: string;
  /** The package.json. */
  manifest: Record<string, unknown>;
  /** Put it together by hand: npm runs no install scripts, and this goes on; answers what failed. */
  finish?(folder: string): Promise<string | undefined>;
}

/**
 * The folder in which something that specs need is installed, outside of the package's own dependencies. Installs it
 * when it is not there yet; several processes may ask at once.
 */
export async function cachedInstall({
  name,
  what,
  manifest,
  finish,
}: Install): Promise<{ folder: string } | { unavailable: string }> {
  const cache = cacheFolder();
  // Native parts fit one version of Node only.
  const folder = path.join(cache, `${name}-node-${process.versions.modules}`);
  mkdirSync(cache, { recursive: true });
  const release = await lock(`${folder}.lock`, () => existsSync(folder));
  try {
    if (existsSync(folder)) return { folder };
    const fresh = `${folder}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh);
    writeFileSync(path.join(fresh, "package.json"), JSON.stringify(manifest, undefined, 2));
    const failed =
      (await npm(fresh, ["install", ...(finish ? ["--ignore-scripts"] : [])], buildEnvironment())).failed ??
      (await finish?.(fresh));
    if (failed && finish) return { unavailable: `${what} could not be installed: ${failed}` };
    if (failed)
      return { unavailable: `${what} could not be installed: ${failed}. Try: cd ${fresh} && npm install` };
    renameSync(fresh, folder);
    return { folder };
  } finally {
    release();
  }
}

/** Run npm in a folder; answers what it complained of when it failed. */
export function npm(
  folder: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ failed?: string; stdout: string }> {
  const cli = process.env["npm_execpath"];
  const quiet = [...args, "--no-audit", "--no-fund", "--loglevel=error"];
  const [command, ...rest] = cli?.endsWith(".js") ? [process.execPath, cli, ...quiet] : ["npm", ...quiet];
  return new Promise((resolve) => {
    const child = spawn(command!, rest, {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: INSTALL_TIME,
      shell: process.platform === "win32",
    });
    let stdout = "";
    let errors = "";
    child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
    child.stderr.on("data", (text: Buffer) => (errors = (errors + text.toString()).slice(-600)));
    child.on("error", (error) => resolve({ failed: error.message, stdout }));
    child.on("close", (code, signal) =>
      resolve(
        code === 0 ? { stdout } : { failed: `npm ended with ${signal ?? code}: ${errors.trim()}`, stdout },
      ),
    );
  });
}

/** Native parts must be built for the Node that runs this, whatever npm's own settings say. */
export function buildEnvironment(): NodeJS.ProcessEnv {
  const nodeHome = path.resolve(process.execPath, "../..");
  const headers = existsSync(path.join(nodeHome, "include", "node", "node.h"));
  return { ...process.env, ...(headers ? { npm_config_nodedir: nodeHome } : {}) };
}

/** A lock file with the owner's process id; one whose owner is gone is taken over. */
async function lock(file: string, noNeed: () => boolean): Promise<() => void> {
  const until = Date.now() + INSTALL_TIME;
  while (!noNeed()) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (ownerIsGone(file) || Date.now() > until) rmSync(file, { force: true });
    else await new Promise((resolve) => setTimeout(resolve, 500));
  }
  return () => undefined;
}

function ownerIsGone(file: string): boolean {
  try {
    const owner = Number(readFileSync(file, "utf8"));
    // Just made and not yet written: give its owner a moment.
    if (!owner) return Date.now() - statSync(file).mtimeMs > 5000;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return ["ESRCH", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "");
  }
}
