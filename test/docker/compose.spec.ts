import assert from "node:assert/strict";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Run } from "../../lib/store";
import { freePort } from "../../cli/node-red";
import { findEngine, mongoTag, must, run, type Engine } from "./engine";

const ROOT = path.resolve(__dirname, "../../..");
const JOB = "bank-to-budget";
const SCHEDULE = "tally-job-bank-to-budget";
const SAID = /Log in as admin with the password (\S+)/g;

/** The stack of docker/compose.yaml under a name of its own. */
class Stack {
  readonly #env: NodeJS.ProcessEnv;
  readonly url: string;
  token = "";

  constructor(
    readonly engine: Engine,
    readonly port: number,
    mongo: string,
  ) {
    this.url = `http://127.0.0.1:${port}`;
    this.#env = {
      ...engine.env,
      TALLYFLOW_IMAGE: "tallyflow:compose-test",
      TALLYFLOW_PORT: String(port),
      TALLYFLOW_MONGO_TAG: mongo,
      // FerretDB reads all payments whenever it looks for some: its work grows with their square.
      TALLYFLOW_DEMO_SCALE: "0.1",
      TALLYFLOW_DEMO_FROM: new Date(Date.now() - 150 * 86_400_000).toISOString().slice(0, 10),
    };
  }

  compose(...args: string[]): Promise<string> {
    const file = path.join(ROOT, "docker/compose.yaml");
    return must([...this.engine.compose, "-p", "tallyflow-test", "-f", file, ...args], this.#env);
  }

  docker(...args: string[]): Promise<string> {
    return must(["docker", ...args], this.engine.env);
  }

  container(service: string): Promise<string> {
    return this.compose("ps", "-q", service);
  }

  async log(service: string): Promise<string> {
    return (await run(["docker", "logs", await this.container(service)], this.engine.env)).all;
  }

  async up(): Promise<void> {
    await this.compose("up", "-d");
    const id = await this.container("node-red");
    for (let waited = 0; waited < 180; waited++) {
      const state = await this.docker("inspect", "-f", "{{.State.Status}} {{.State.Health.Status}}", id);
      if (state === "running healthy") return;
      await delay(1000);
    }
    throw new Error(
      `node-red is not healthy after 3 minutes. Its log ends:\n${(await this.log("node-red")).slice(-3000)}`,
    );
  }

  async status(route: string, init: RequestInit = {}): Promise<number> {
    const answer = await fetch(this.url + route, { ...init, signal: AbortSignal.timeout(30_000) });
    await answer.arrayBuffer();
    return answer.status;
  }

  async login(password: string): Promise<number> {
    const answer = await fetch(`${this.url}/auth/token`, {
      method: "POST",
      body: new URLSearchParams({
        client_id: "node-red-admin",
        grant_type: "password",
        scope: "*",
        username: "admin",
        password,
      }),
    });
    const text = await answer.text();
    if (answer.ok) this.token = (JSON.parse(text) as { access_token: string }).access_token;
    return answer.status;
  }

  async api<T>(route: string, init: RequestInit = {}): Promise<T> {
    const answer = await fetch(this.url + route, {
      ...init,
      headers: { ...(init.headers as Record<string, string>), Authorization: `Bearer ${this.token}` },
      signal: AbortSignal.timeout(30_000),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${route}: ${answer.status} ${text}`);
    return JSON.parse(text) as T;
  }

  async runs(): Promise<Run[]> {
    return (await this.api<{ items: Run[] }>(`/tallyflow/runs?job=${JOB}&limit=50`)).items;
  }

  /** The newest run that is not among those known, once it has ended. Asked seldom, and waited for long: FerretDB is slow. */
  async nextRun(known: readonly Run[] = []): Promise<Run> {
    for (let waited = 0; waited < 160; waited++) {
      const newest = (await this.runs()).find((one) => !known.some((other) => other.id === one.id));
      if (newest?.endedAt) return newest;
      await delay(3000);
    }
    throw new Error(`No run ended. The log ends:\n${(await this.log("node-red")).slice(-3000)}`);
  }

  async runJob(): Promise<Run> {
    const known = await this.runs();
    await this.api(`/tallyflow/schedule/${SCHEDULE}/run`, { method: "POST" });
    return this.nextRun(known);
  }
}

describe("docker/compose.yaml", function () {
  this.timeout(1_200_000);
  let engine: Engine | undefined;
  let stack: Stack;
  let password: string;
  let passes: Run[] = [];

  before(async function () {
    const found = await findEngine();
    if ("unavailable" in found) {
      console.log(`      skipped: no Docker to test with: ${found.unavailable}`);
      return this.skip();
    }
    engine = found;
    const mongo = await mongoTag(engine, "8.0");
    if ("unavailable" in mongo) {
      console.log(`      skipped: ${mongo.unavailable}`);
      return this.skip();
    }
    stack = new Stack(engine, await freePort(), mongo.tag);
    await stack.compose("down", "-v");
    await stack.compose("build", "node-red");
    const bytes = Number(await stack.docker("image", "inspect", "-f", "{{.Size}}", "tallyflow:compose-test"));
    console.log(`      image: ${(bytes / 1e6).toFixed(0)} MB, MongoDB: mongo:${mongo.tag}`);
    await stack.up();
  });

  after(async () => {
    await stack?.compose("down", "-v");
    await engine?.stop();
  });

  it("publishes Node-RED on 127.0.0.1 and MongoDB nowhere", async () => {
    const ports = async (service: string) =>
      JSON.parse(
        await stack.docker(
          "inspect",
          "-f",
          "{{json .HostConfig.PortBindings}}",
          await stack.container(service),
        ),
      ) as Record<string, unknown>;
    assert.deepEqual(await ports("node-red"), {
      "1880/tcp": [{ HostIp: "127.0.0.1", HostPort: String(stack.port) }],
    });
    assert.deepEqual((await ports("mongodb")) ?? {}, {});
  });

  it("runs without root, without capabilities, on a file system that cannot be written", async () => {
    for (const [service, uid] of [
      ["node-red", "1000"],
      ["mongodb", "999"],
    ] as const) {
      const id = await stack.container(service);
      assert.equal(await stack.docker("exec", id, "id", "-u"), uid);
      const status = await stack.docker("exec", id, "cat", "/proc/1/status");
      assert.match(status, /^CapEff:\s+0+$/m);
      assert.match(status, /^NoNewPrivs:\s+1$/m);
      assert.notEqual((await run(["docker", "exec", id, "touch", "/usr/x"], stack.engine.env)).code, 0);
    }
  });

  it("makes a password at first start, says it once and keeps only its hash", async () => {
    const said = [...(await stack.log("node-red")).matchAll(SAID)];
    assert.equal(said.length, 1);
    password = said[0]![1]!;
    const id = await stack.container("node-red");
    assert.equal(
      await stack.docker(
        "exec",
        id,
        "stat",
        "-c",
        "%a %u",
        "/data/.tallyflow-login.json",
        "/data/.credential-secret",
      ),
      "600 1000\n600 1000",
    );
    const found = await run(["docker", "exec", id, "grep", "-r", password, "/data"], stack.engine.env);
    assert.equal(found.code, 1, "the password stands in /data");
  });

  it("lets nobody in without login, except to the health route", async () => {
    assert.equal(await stack.status("/tallyflow/health"), 200);
    for (const route of ["/tallyflow/runs", "/flows", "/settings/user", "/dashboard", "/any-http-node"])
      assert.equal(await stack.status(route), 401, route);
    assert.equal(await stack.status(`/tallyflow/schedule/${SCHEDULE}/run`, { method: "POST" }), 401);
    const basic = (given: string) => ({
      headers: { Authorization: `Basic ${Buffer.from(`admin:${given}`).toString("base64")}` },
    });
    assert.equal(await stack.status("/dashboard", basic("not-" + password)), 401);
    assert.notEqual(await stack.status("/dashboard", basic(password)), 401);
    assert.notEqual(await stack.login("not-" + password), 200);
    assert.equal(await stack.login(password), 200);
  });

  it("runs the main job on MongoDB: every payment once, and nothing to do the second time", async () => {
    const first = await stack.nextRun();
    assert.equal(first.state, "Completed", JSON.stringify(first.error));
    assert.ok(first.counts["queue-sync.synced"]! > 20, JSON.stringify(first.counts));
    assert.equal(first.counts["queue-sync.dead"] ?? 0, 0);
    const second = await stack.runJob();
    assert.equal(second.state, "Completed", JSON.stringify(second.error));
    assert.equal(second.counts["queue-sync.synced"] ?? 0, 0);
    assert.equal(second.counts["queue-sync.dead"] ?? 0, 0);
    passes = await stack.runs();
    const files = await stack.docker("exec", await stack.container("node-red"), "ls", "/data/tallyflow");
    assert.doesNotMatch(files, /\.db/, "the store is a file instead of MongoDB");
    console.log(
      `      ${first.counts["queue-sync.synced"]} payments written in ${Date.parse(first.endedAt!) - Date.parse(first.startedAt!)} ms`,
    );
  });

  it("stops cleanly on SIGTERM and has everything after down and up", async () => {
    type Flows = { rev: string; flows: Record<string, unknown>[] };
    const v2 = { "Node-RED-API-Version": "v2", "Content-Type": "application/json" };
    const { rev, flows } = await stack.api<Flows>("/flows", { headers: v2 });
    const edited = flows.map((node) =>
      node["id"] === SCHEDULE ? { ...node, name: "changed by a person" } : node,
    );
    await stack.api("/flows", { method: "POST", headers: v2, body: JSON.stringify({ rev, flows: edited }) });

    const id = await stack.container("node-red");
    await stack.compose("stop", "node-red");
    assert.equal(await stack.docker("inspect", "-f", "{{.State.ExitCode}}", id), "0");
    await stack.compose("down");
    await stack.up();

    assert.deepEqual([...(await stack.log("node-red")).matchAll(SAID)], []);
    assert.ok(!(await stack.log("node-red")).includes(password));
    assert.equal(await stack.login(password), 200);
    const after = await stack.api<Flows>("/flows", { headers: v2 });
    assert.equal(after.flows.find((node) => node["id"] === SCHEDULE)?.["name"], "changed by a person");
    const kept = await stack.runs();
    for (const run of passes)
      assert.ok(
        kept.some((one) => one.id === run.id),
        `run ${run.id} is gone`,
      );
    const third = await stack.runJob();
    assert.equal(third.state, "Completed", JSON.stringify(third.error));
    assert.equal(third.counts["queue-sync.synced"] ?? 0, 0);
  });
});
