"use strict";
// Behind `npm start`, `npm test` and `npm run check|bench|tallyflow`. It needs nothing but a Node that npm itself runs
// on: it finds or fetches a Node that Tallyflow can run on, installs and builds what is missing or out of date, and
// hands over. Its own words go to stderr, so that the stdout of a command is the command's alone.
const { spawn, spawnSync } = require("child_process");
const fs = require("fs");
const os = require("os");
const path = require("path");

const root = path.dirname(__dirname);
const NEEDED = [22, 13];
const FETCHED_MAJOR = 24;
/** An npm older than this cannot read the lock file. */
const NPM_NEEDED = 7;

const COMMANDS = {
  start: { file: "dist/cli/tallyflow.js", args: ["start"], built: true },
  tallyflow: { file: "dist/cli/tallyflow.js", args: [], built: true },
  bench: { file: "dist/bench/index.js", args: [], built: true },
  check: { file: "scripts/check.mjs", args: [], built: false },
  test: { file: "scripts/test.mjs", args: [], built: false },
};

/** Folders and files that the build reads. */
const SOURCES = [
  "lib",
  "nodes",
  "simulators",
  "cli",
  "bench",
  "test",
  "scripts",
  "package.json",
  "tsconfig.json",
];

function say(text) {
  process.stderr.write("tallyflow: " + text + "\n");
}

class LaunchError extends Error {}

/** Is this version of Node new enough? */
function isNewEnough(version) {
  const parts = version.replace(/^v/, "").split(".").map(Number);
  return parts[0] > NEEDED[0] || (parts[0] === NEEDED[0] && parts[1] >= NEEDED[1]);
}

/** The npm package that holds Node for a platform. */
function nodePackage(platform, arch) {
  const names = { linux: "linux", darwin: "darwin", win32: "win" };
  const known = { linux: ["x64", "arm64"], darwin: ["x64", "arm64"], win32: ["x64"] };
  if (!names[platform] || known[platform].indexOf(arch) < 0) {
    throw new LaunchError(
      "there is no Node to fetch for " +
        platform +
        " " +
        arch +
        ". Install Node " +
        NEEDED.join(".") +
        " or newer.",
    );
  }
  return "node-" + names[platform] + "-" + arch;
}

function cacheFolder(env) {
  const base = env.TALLYFLOW_CACHE || (env.XDG_CACHE_HOME && path.join(env.XDG_CACHE_HOME, "tallyflow"));
  return base || path.join(os.homedir(), ".cache", "tallyflow");
}

/** npm's own program: the one that runs us, or the one beside this Node. */
function outerNpm(env) {
  const beside = path.dirname(process.execPath);
  const candidates = [
    /npm-cli\.js$/.test(env.npm_execpath || "") ? env.npm_execpath : "",
    path.join(beside, "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    path.join(beside, "node_modules", "npm", "bin", "npm-cli.js"),
  ];
  const found = candidates.find((file) => file && fs.existsSync(file));
  if (!found) throw new LaunchError("npm was not found. Run this through npm, for example: npm start");
  return found;
}

function npmMajor(cli) {
  const manifest = JSON.parse(fs.readFileSync(path.join(path.dirname(cli), "..", "package.json"), "utf8"));
  return Number(manifest.version.split(".")[0]);
}

/** Run npm with its words on stderr. */
function npm(node, cli, args, options) {
  const env = Object.assign({}, options.env, { npm_config_loglevel: "error" });
  env.PATH = path.dirname(node) + path.delimiter + (env.PATH || "");
  const done = spawnSync(node, [cli].concat(args), { cwd: options.cwd, env: env, stdio: ["ignore", 2, 2] });
  if (done.error) throw new LaunchError("npm could not be run: " + done.error.message);
  if (done.status !== 0) throw new LaunchError("npm " + args[0] + " failed; its message is above.");
}

/**
 * A Node to go on with: this one when it is new enough, else one from the cache, fetched once.
 * @returns the program, npm's program, and the folder of that Node when it is another than this
 */
function chooseNode(env) {
  const cli = outerNpm(env);
  if (isNewEnough(process.version)) return { node: process.execPath, cli: cli, folder: undefined };
  const name = nodePackage(process.platform, process.arch);
  const cache = cacheFolder(env);
  const folder = path.join(cache, "node_modules", name);
  const node = path.join(folder, "bin", process.platform === "win32" ? "node.exe" : "node");
  const ownNpm = path.join(cache, "node_modules", "npm", "bin", "npm-cli.js");
  const needsNpm = npmMajor(cli) < NPM_NEEDED;
  if (!fs.existsSync(node) || (needsNpm && !fs.existsSync(ownNpm))) {
    say(
      "this is Node " +
        process.version +
        "; Tallyflow needs " +
        NEEDED.join(".") +
        " or newer. Fetching Node " +
        FETCHED_MAJOR +
        " into " +
        cache +
        " (once).",
    );
    fs.mkdirSync(cache, { recursive: true });
    const wanted = [name + "@" + FETCHED_MAJOR].concat(needsNpm ? ["npm@11"] : []);
    const args = ["install", "--prefix", cache, "--no-save", "--no-audit", "--no-fund"].concat(wanted);
    npm(process.execPath, cli, args, { cwd: cache, env: env });
    if (!fs.existsSync(node)) throw new LaunchError("Node was fetched, but " + node + " is not there.");
  } else
    say(
      "this is Node " + process.version + "; going on under Node " + FETCHED_MAJOR + " from " + cache + ".",
    );
  return { node: node, cli: needsNpm ? ownNpm : cli, folder: folder };
}

/**
 * Are the dependencies there, as the lock file names them? npm's own record in node_modules is compared with it when
 * it is older; by date alone a fresh checkout would always look out of date.
 */
function isInstalled(folder) {
  const record = path.join(folder, "node_modules", ".package-lock.json");
  const lock = path.join(folder, "package-lock.json");
  if (!fs.existsSync(record)) return false;
  if (!fs.existsSync(lock) || fs.statSync(record).mtimeMs >= fs.statSync(lock).mtimeMs) return true;
  const wanted = JSON.parse(fs.readFileSync(lock, "utf8")).packages;
  const there = JSON.parse(fs.readFileSync(record, "utf8")).packages;
  return Object.keys(wanted).every((name) => {
    if (name === "" || wanted[name].optional || wanted[name].peer || wanted[name].devOptional) return true;
    return there[name] !== undefined && there[name].version === wanted[name].version;
  });
}

function newestChange(place) {
  if (!fs.existsSync(place)) return 0;
  const stat = fs.statSync(place);
  if (!stat.isDirectory()) return stat.mtimeMs;
  let newest = stat.mtimeMs;
  for (const name of fs.readdirSync(place)) newest = Math.max(newest, newestChange(path.join(place, name)));
  return newest;
}

/** Is dist/ newer than every source? build.mjs touches the mark when it is done. */
function isBuilt(folder) {
  const mark = path.join(folder, "dist", ".built");
  if (!fs.existsSync(mark)) return false;
  const built = fs.statSync(mark).mtimeMs;
  return SOURCES.every((source) => newestChange(path.join(folder, source)) <= built);
}

function main(argv) {
  const command = COMMANDS[argv[0]];
  if (!command) throw new LaunchError("say one of " + Object.keys(COMMANDS).join(", ") + ".");
  const chosen = chooseNode(process.env);
  if (!isInstalled(root)) {
    say("installing the packages that package-lock.json names.");
    const env = Object.assign({}, process.env, chosen.folder ? { npm_config_nodedir: chosen.folder } : {});
    npm(chosen.node, chosen.cli, ["ci", "--no-audit", "--no-fund"], { cwd: root, env: env });
  }
  const env = Object.assign({}, process.env);
  env.PATH = path.dirname(chosen.node) + path.delimiter + (env.PATH || "");
  if (command.built && !isBuilt(root)) {
    say("building.");
    const built = spawnSync(chosen.node, [path.join(root, "scripts/build.mjs")], {
      cwd: root,
      env: env,
      stdio: ["ignore", 2, 2],
    });
    if (built.status !== 0) throw new LaunchError("the build failed; its message is above.");
  }
  const program = path.join(root, command.file);
  if (!fs.existsSync(program)) throw new LaunchError(command.file + " is not there.");
  const child = spawn(chosen.node, [program].concat(command.args, argv.slice(1)), {
    // Paths among the arguments are meant from where npm was called.
    cwd: argv[0] === "tallyflow" ? process.env.INIT_CWD || process.cwd() : root,
    env: env,
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    say(error.message);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 128 + (os.constants.signals[signal] || 0) : code));
}

module.exports = { isNewEnough, nodePackage, isInstalled, isBuilt, cacheFolder };

if (require.main === module) {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    say(error instanceof LaunchError ? error.message : String(error.stack));
    process.exit(1);
  }
}
