import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { PACKAGE_ROOT } from "../../cli/user-dir";
import { startTestNodeRed, type TestNodeRed } from "../support/node-red";

interface Route {
  method: "GET" | "POST";
  path: string;
  needs: "read" | "write";
}

/** Every route, with ids filled in; a route that is missing here fails the first test. */
const ROUTES: Route[] = [
  { method: "GET", path: "/tallyflow/runs", needs: "read" },
  { method: "GET", path: "/tallyflow/runs/:id", needs: "read" },
  { method: "POST", path: "/tallyflow/test/:id", needs: "write" },
  { method: "GET", path: "/tallyflow/list/:id/:name", needs: "write" },
  { method: "GET", path: "/tallyflow/schedule/describe", needs: "read" },
  { method: "POST", path: "/tallyflow/schedule/:id/run", needs: "write" },
  { method: "POST", path: "/tallyflow/csv/infer", needs: "write" },
  { method: "GET", path: "/tallyflow/queue/batches", needs: "read" },
  { method: "POST", path: "/tallyflow/queue/batches/:id/undo", needs: "write" },
  { method: "POST", path: "/tallyflow/queue/requeue", needs: "write" },
  { method: "POST", path: "/tallyflow/bank/:id/statements", needs: "write" },
  { method: "GET", path: "/tallyflow/bank/:id/institutions", needs: "write" },
  { method: "GET", path: "/tallyflow/bank/:id/consents", needs: "write" },
  { method: "POST", path: "/tallyflow/bank/:id/consents", needs: "write" },
  { method: "POST", path: "/tallyflow/bank/:id/consents/address", needs: "write" },
  { method: "GET", path: "/tallyflow/bank/:id/consents/:attempt", needs: "write" },
];

const PASSWORD = "only for this test";

describe("admin routes with a login", function () {
  this.timeout(180_000);
  let server: TestNodeRed;
  const tokens: Record<string, string> = {};

  before(async () => {
    const requireFromNodeRed = createRequire(require.resolve("node-red/red.js"));
    const { hashSync } = requireFromNodeRed("bcryptjs") as { hashSync(text: string, rounds: number): string };
    const password = hashSync(PASSWORD, 4);
    server = await startTestNodeRed({
      flows: [
        { id: "store", type: "tally-store" },
        { id: "bank", type: "tally-bank", provider: "files" },
        { id: "tab", type: "tab", label: "Test" },
        { id: "clock", type: "tally-schedule", z: "tab", store: "store", x: 100, y: 100, wires: [[]] },
      ],
      settings: {
        adminAuth: {
          type: "credentials",
          users: [
            { username: "reader", password, permissions: "read" },
            { username: "writer", password, permissions: "*" },
          ],
        },
      },
    });
    for (const username of ["reader", "writer"]) {
      const answer = await fetch(`${server.url}/auth/token`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({
          client_id: "node-red-editor",
          grant_type: "password",
          scope: "",
          username,
          password: PASSWORD,
        }),
      });
      tokens[username] = ((await answer.json()) as { access_token: string }).access_token;
      assert.ok(tokens[username]);
    }
  });
  after(() => server?.stop());

  const ask = (route: Route, user?: string, body = "{}") =>
    fetch(server.url + route.path.replace(":id", "clock").replace(":name", "accounts"), {
      method: route.method,
      headers: {
        ...(user ? { authorization: `Bearer ${tokens[user]}` } : {}),
        ...(route.method === "POST" ? { "content-type": "application/json" } : {}),
      },
      ...(route.method === "POST" ? { body } : {}),
    });

  it("are all listed here", () => {
    const sources = readdirSync(path.join(PACKAGE_ROOT, "nodes"), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(path.join(PACKAGE_ROOT, "nodes", file), "utf8"));
    const found = sources.flatMap((text) =>
      [...text.matchAll(/\b(\w+)\.(get|post|put|delete|patch|all|use)\(\s*"(\/tallyflow[^"]*)"/g)].map(
        ([, app, method, route]) => `${app} ${method!.toUpperCase()} ${route}`,
      ),
    );
    assert.deepEqual(
      found.sort(),
      [
        ...ROUTES.map(({ method, path: route }) => `admin ${method} ${route}`),
        // Reached without a login: a health check, and the way back from a bank, which its state guards.
        "app GET /tallyflow/health",
        "admin GET /tallyflow/consent/callback",
        // Open to the bank, which has no login: guarded by its secret and by who calls.
        "app POST /tallyflow/hook/:secret",
      ].sort(),
    );
  });

  it("answer 401 without a login, and to a token that is none", async () => {
    for (const route of ROUTES) {
      assert.equal((await ask(route)).status, 401, route.path);
      tokens["nobody"] = "x".repeat(64);
      assert.equal((await ask(route, "nobody")).status, 401, route.path);
    }
  });

  it("let a reader read and not write", async () => {
    for (const route of ROUTES) {
      const { status } = await ask(route, "reader");
      if (route.needs === "write") assert.ok(status === 401 || status === 403, `${route.path}: ${status}`);
      else assert.ok(status !== 401 && status !== 403, `${route.path}: ${status}`);
    }
  });

  it("let a writer do both", async () => {
    for (const route of ROUTES) {
      const { status } = await ask(route, "writer");
      assert.ok(status !== 401 && status !== 403, `${route.path}: ${status}`);
    }
  });

  it("say nothing to whoever comes back from a bank without having been sent", async () => {
    for (const state of ["", "?state=", `?state=${"A".repeat(43)}`, "?state=a&state=b", "?state[x]=1"]) {
      const answer = await fetch(`${server.url}/tallyflow/consent/callback${state}`);
      assert.equal(answer.status, 404, state);
      assert.match(answer.headers.get("content-type") ?? "", /^text\/html/);
      assert.match(await answer.text(), /was not sent from here/);
    }
  });

  it("tell anyone whether the store answers, and no more", async () => {
    const answer = await fetch(`${server.url}/tallyflow/health`);
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { status: "ok" });
  });
});
