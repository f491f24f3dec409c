import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { buildEnvironment, cachedInstall, npm } from "./install";

const TFJS_VERSION = "4.22.0";
/**
 * tfjs-node 4.22 is made for libtensorflow 2.9, whose C interface only grew since. 2.13 is the smallest wheel that holds
 * the library apart from the Python binding: 187 MB.
 */
const TENSORFLOW_VERSION = "2.13.1";
const DOWNLOAD_TIME = 10 * 60_000;
/** What the binding is built against and linked with. */
const WANTED = [
  "tensorflow/libtensorflow_cc.so.2",
  "tensorflow/libtensorflow_framework.so.2",
  "tensorflow/include/tensorflow/c/",
  "tensorflow/include/tensorflow/core/platform/",
  "tensorflow/include/tensorflow/tsl/",
];
const UNPACK = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if name.startswith(tuple(sys.argv[3:])):
            wheel.extract(name, sys.argv[2])`;

/**
 * A folder whose node_modules holds a native tfjs-node. Its own installer downloads libtensorflow from a place that not
 * every machine reaches; the same library comes from PyPI here, and the binding is built from its source.
 */
export async function nativeTensorFlow(): Promise<{ folder: string } | { unavailable: string }> {
  if (process.platform !== "linux" || process.arch !== "x64")
    return { unavailable: "native TensorFlow.js is put together for Linux on x64 only." };
  return cachedInstall({
    name: `tfjs-node-${TFJS_VERSION}-tensorflow-${TENSORFLOW_VERSION}`,
    what: "native TensorFlow.js",
    manifest: {
      name: "tallyflow-tensorflow-for-tests",
      private: true,
      dependencies: { "@tensorflow/tfjs-node": TFJS_VERSION },
    },
    finish: async (folder) => {
      const home = path.join(folder, "node_modules/@tensorflow/tfjs-node");
      try {
        await unpackLibrary(folder, path.join(home, "deps"));
      } catch (error) {
        return `${(error as Error).message.trim().slice(-600)}. It needs python3 with pip (apt-get install python3-pip) and PyPI.`;
      }
      const { failed } = await npm(home, ["run", "build-addon-from-source"], buildEnvironment());
      return failed && `${failed}. The binding is built with g++ and make (apt-get install g++ make).`;
    },
  });
}

async function unpackLibrary(folder: string, deps: string): Promise<void> {
  const run = (...args: string[]) =>
    promisify(execFile)("python3", args, { timeout: DOWNLOAD_TIME, maxBuffer: 1 << 26 });
  const wheels = path.join(folder, "wheels");
  const platforms = ["manylinux_2_17_x86_64", "manylinux2014_x86_64"].flatMap((name) => ["--platform", name]);
  await run(
    ...["-m", "pip", "download", `tensorflow-cpu==${TENSORFLOW_VERSION}`, "--dest", wheels],
    ...["--no-deps", "--no-cache-dir", "--only-binary=:all:", "--python-version", "3.10", ...platforms],
  );
  const [wheel] = readdirSync(wheels);
  await run("-c", UNPACK, path.join(wheels, wheel!), wheels, ...WANTED);
  const lib = path.join(deps, "lib");
  mkdirSync(lib, { recursive: true });
  renameSync(path.join(wheels, "tensorflow/include"), path.join(deps, "include"));
  for (const [found, linked] of [
    ["libtensorflow_cc.so.2", "libtensorflow.so"],
    ["libtensorflow_framework.so.2", "libtensorflow_framework.so"],
  ] as const) {
    renameSync(path.join(wheels, "tensorflow", found), path.join(lib, found));
    symlinkSync(found, path.join(lib, linked));
  }
  rmSync(wheels, { recursive: true });
}
