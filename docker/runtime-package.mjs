// Turns a full install into what the image runs, in the current folder: Node-RED, its dashboard and Tallyflow's own
// dependencies stay direct dependencies, everything for development leaves package.json. `npm prune` then removes the
// rest, so that the image holds exactly the versions of package-lock.json.
import { readFileSync, writeFileSync } from "node:fs";

const RUN_BY_THE_IMAGE = ["node-red", "@flowfuse/node-red-dashboard"];

const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const names = [...Object.keys(manifest.dependencies), ...RUN_BY_THE_IMAGE].sort();
const dependencies = Object.fromEntries(
  names.map((name) => {
    const locked = lock.packages[`node_modules/${name}`];
    if (!locked) throw new Error(`package-lock.json has no ${name}.`);
    return [name, locked.version];
  }),
);
const image = { name: "tallyflow-image", private: true, version: manifest.version, dependencies };
lock.name = image.name;
lock.packages[""] = { name: image.name, version: image.version, dependencies };
writeFileSync("package.json", JSON.stringify(image, null, 2) + "\n");
writeFileSync("package-lock.json", JSON.stringify(lock, null, 2) + "\n");
