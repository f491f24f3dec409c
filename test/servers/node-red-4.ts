import path from "node:path";
import { cachedInstall } from "./install";

/** The oldest line of Node-RED that the package promises to work in. */
const NODE_RED_VERSION = "~4.1.0";

/** `red.js` of a Node-RED 4.1 in an install of its own, or why there is none. */
export async function oldestNodeRed(): Promise<{ red: string } | { unavailable: string }> {
  const installed = await cachedInstall({
    name: "node-red-4.1",
    what: "Node-RED 4.1",
    manifest: {
      name: "tallyflow-node-red-for-tests",
      private: true,
      dependencies: { "node-red": NODE_RED_VERSION },
    },
  });
  if ("unavailable" in installed) return installed;
  return { red: path.join(installed.folder, "node_modules/node-red/red.js") };
}
