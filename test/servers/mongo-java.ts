import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { cacheFolder } from "./cache";
import { ownServer, type MongoServer } from "./mongo";

const SOURCES = path.resolve(__dirname, "../../../test/servers/mongo-java");

/**
 * mongo-java-server, a second opinion on MongoDB's protocol that keeps everything in memory and finds documents much
 * faster than FerretDB: for collections of many thousands. What was in it is gone after `kill`.
 */
export async function startMongoJava(): Promise<MongoServer | { unavailable: string }> {
  const jars = fetchedJars();
  if (typeof jars !== "string") return jars;
  const main = path.join(SOURCES, "Main.java");
  return ownServer("java", (port) => ["java", "-Xmx4g", "-cp", path.join(jars, "*"), main, String(port)]);
}

/** The folder of its jars, from the cache or fetched by Maven now. */
function fetchedJars(): string | { unavailable: string } {
  const pom = path.join(SOURCES, "pom.xml");
  const hash = createHash("sha256").update(readFileSync(pom)).digest("hex").slice(0, 16);
  const folder = path.join(cacheFolder(), `mongo-java-${hash}`);
  if (existsSync(folder))
    return runs("java")
      ? folder
      : { unavailable: "no Java to run mongo-java-server with: install a JDK of 17 or newer" };
  if (!runs("java") || !runs("mvn"))
    return { unavailable: "no mongo-java-server: install a JDK of 17 or newer and Maven" };
  const fresh = `${folder}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  const got = spawnSync(
    "mvn",
    ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${fresh}`],
    { encoding: "utf8" },
  );
  if (got.status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    return {
      unavailable: `mongo-java-server could not be fetched (${(got.stdout + got.stderr).trim().slice(-300)})`,
    };
  }
  renameSync(fresh, folder);
  return folder;
}

function runs(command: string): boolean {
  return spawnSync(command, ["-version"], { stdio: "ignore" }).status === 0;
}
