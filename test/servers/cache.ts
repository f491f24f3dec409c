import path from "node:path";

// eslint-disable-next-line @typescript-eslint/no-require-imports -- a script without types
const launch = require(path.resolve(__dirname, "../../../scripts/launch.cjs")) as {
  cacheFolder(env: NodeJS.ProcessEnv): string;
};

/** Where servers and installs that specs and benchmarks need are kept: not in node_modules, which `npm ci` empties. */
export function cacheFolder(): string {
  return launch.cacheFolder(process.env);
}
