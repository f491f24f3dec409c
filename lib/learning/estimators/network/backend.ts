import { createRequire } from "node:module";
import { homedir } from "node:os";
import path from "node:path";
import { isMainThread, workerData } from "node:worker_threads";
import { TallyError } from "../../../values";
import type { TensorFlow } from "./tensors";

const NATIVE = "@tensorflow/tfjs-node";
const CORE = "@tensorflow/tfjs-core";
const JAVASCRIPT = "@tensorflow/tfjs-backend-cpu";

export interface Backend {
  tf: TensorFlow;
  kind: "native" | "javascript";
  /** For people: why the native one is not in use although it is installed. */
  note?: string;
}

/** What a thread of ours is given, so that it looks where its parent looks. */
export interface PackageFolders {
  packageFolders?: readonly string[];
}

const folders = new Set<string>(
  isMainThread ? [] : ((workerData as PackageFolders | undefined)?.packageFolders ?? []),
);
let loaded: Backend | undefined;

/** Look for optional packages in a folder too, before any other: Node-RED's user directory, which need not be the working one. */
export function lookForPackagesIn(folder: string): void {
  folders.add(path.resolve(folder));
}

/** The folders of {@link lookForPackagesIn}, to be given to a thread. */
export function packageFolders(): string[] {
  return [...folders];
}

/**
 * TensorFlow.js, an optional peer dependency, loaded when it is first asked for: the native `@tensorflow/tfjs-node`
 * where it is installed and works, else the pure JavaScript backend. Looked for in {@link lookForPackagesIn}, in the
 * working directory, beside this package, and in `~/.node-red`.
 * @throws TallyError DEPENDENCY_MISSING saying what to install and where
 */
export function tensorFlow(): Backend {
  return (loaded ??= loadTensorFlow([
    ...folders,
    process.cwd(),
    __dirname,
    path.join(homedir(), ".node-red"),
  ]));
}

/** {@link tensorFlow}, loaded from the first of these folders that has it. */
export function loadTensorFlow(bases: readonly string[]): Backend {
  let note: string | undefined;
  const native = find(bases, NATIVE);
  if (native) {
    try {
      return { tf: loadNative(native), kind: "native" };
    } catch (error) {
      const [reason] = (error instanceof Error ? error.message : String(error)).split("\n");
      note = `${NATIVE} is installed but cannot be loaded (${reason}); the network runs in plain JavaScript. "npm rebuild ${NATIVE}" where it is installed may mend it.`;
    }
  }
  const javascript = find(bases, JAVASCRIPT) ?? (native && find([path.dirname(native)], JAVASCRIPT));
  // The backend makes itself known to the very core that it stands on.
  const core = javascript && find([path.dirname(javascript)], CORE);
  if (javascript && core)
    return { tf: loadJavaScript(core, javascript), kind: "javascript", ...(note && { note }) };
  const where = packageFolders()[0] ?? process.cwd();
  const command = `npm install ${CORE} ${JAVASCRIPT}`;
  throw new TallyError(
    "DEPENDENCY_MISSING",
    `The neural network needs TensorFlow.js, which is not installed. Run "${command}" in ${where} (or "npm install ${NATIVE}", which is native), then restart.${note ? ` ${note}` : ""}`,
    { details: { package: CORE, command, where, looked: bases } },
  );
}

function find(bases: readonly string[], name: string): string | undefined {
  for (const base of bases) {
    try {
      return createRequire(path.join(base, "_.js")).resolve(name);
    } catch {
      // Not there: the next place is looked at.
    }
  }
  return undefined;
}

/**
 * @throws what the package throws when its binding or libtensorflow is missing
 */
function loadNative(file: string): TensorFlow {
  const load = createRequire(file);
  // tfjs-node 4.22 calls this function of node:util, which is gone from Node 23 on; it does so at each operation.
  const util = load("node:util") as { isNullOrUndefined?(value: unknown): boolean };
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  return load(file) as TensorFlow;
}

/** Its first operation recommends the native backend on the console, unless it believes itself in production. */
function loadJavaScript(core: string, backend: string): TensorFlow {
  const load = createRequire(core);
  const tf = load(core) as TensorFlow;
  load(backend);
  const flags = tf.env();
  const before = flags.getBool("PROD");
  flags.set("PROD", true);
  tf.tidy(() => tf.relu(tf.tensor2d(new Float32Array(1), [1, 1])).dataSync());
  flags.set("PROD", before);
  return tf;
}
