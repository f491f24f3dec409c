import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { demoHousehold, demoStore, secretsFromFiles, wantsDemo } from "../../cli/environment";
import { prepareLogin } from "../../cli/login";
import { freePort, startNodeRed } from "../../cli/node-red";
import { findNodeRed } from "../../cli/user-dir";

describe("tallyflow start", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), "tallyflow-start-"))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  describe("the login", () => {
    const prepare = async (env: Record<string, string> = {}) => {
      const said: string[] = [];
      const file = await prepareLogin(folder, findNodeRed(), (text) => said.push(text), env);
      return { file, said: said.join("\n"), kept: readFileSync(file, "utf8") };
    };

    it("has a password that is said once and kept as a hash that only the owner reads", async () => {
      const first = await prepare();
      const password = /password (\S+)/.exec(first.said)![1]!;
      assert.match(password, /^([a-z2-9]{5}-){3}[a-z2-9]{5}$/);
      assert.ok(!first.kept.includes(password));
      assert.match(first.kept, /"passwordHash":"\$2/);
      assert.equal(statSync(first.file).mode & 0o777, 0o600);
      const second = await prepare();
      assert.equal(second.said, "");
      assert.equal(second.kept, first.kept);
    });

    it("takes the password of the environment, at any start, without saying it", async () => {
      const made = await prepare();
      const given = await prepare({ TALLYFLOW_ADMIN_PASSWORD: "correct horse" });
      assert.notEqual(given.kept, made.kept);
      assert.ok(!given.said.includes("correct horse"));
      assert.equal((await prepare({ TALLYFLOW_ADMIN_PASSWORD: "correct horse" })).kept, given.kept);
      assert.equal((await prepare()).kept, given.kept);
    });

    it("refuses a password that is too short, or longer than bcrypt reads", async () => {
      for (const password of ["seven77", "é".repeat(37)])
        await assert.rejects(prepare({ TALLYFLOW_ADMIN_PASSWORD: password }), { code: "CONFIG_INVALID" });
    });

    it("does not make a new password over a damaged file", async () => {
      const { file } = await prepare();
      writeFileSync(file, "{}");
      await assert.rejects(prepare(), { code: "CONFIG_INVALID" });
    });
  });

  describe("the environment", () => {
    it("gives secrets as files", () => {
      const file = path.join(folder, "key");
      writeFileSync(file, "secret\n");
      assert.deepEqual(
        secretsFromFiles({ TALLYFLOW_BANK_API_KEY_FILE: file, TALLYFLOW_STORE_URI_FILE: "" }),
        {
          TALLYFLOW_BANK_API_KEY: "secret",
        },
      );
      assert.throws(() => secretsFromFiles({ TALLYFLOW_X_FILE: file, TALLYFLOW_X: "other" }), {
        code: "CONFIG_INVALID",
      });
      assert.throws(() => secretsFromFiles({ TALLYFLOW_X_FILE: path.join(folder, "none") }), {
        code: "CONFIG_INVALID",
      });
    });

    it("wants the simulated household as long as nothing is connected", () => {
      const flows = (...nodes: object[]) =>
        writeFileSync(path.join(folder, "flows.json"), JSON.stringify(nodes));
      assert.equal(wantsDemo({}, folder), true);
      assert.equal(wantsDemo({ TALLYFLOW_DEMO: "0" }, folder), false);
      assert.equal(wantsDemo({ TALLYFLOW_BANK_API_KEY: "key" }, folder), false);
      assert.throws(() => wantsDemo({ TALLYFLOW_DEMO: "1", TALLYFLOW_BUDGET_TOKEN: "t" }, folder), {
        code: "CONFIG_INVALID",
      });
      assert.throws(() => wantsDemo({ TALLYFLOW_DEMO: "perhaps" }, folder), { code: "CONFIG_INVALID" });
      flows({ type: "tally-bank", folder: "" }, { type: "tally-budget", accounts: [], plan: "" });
      assert.equal(wantsDemo({}, folder), true);
      flows({ type: "tally-budget", accounts: [{ bank: "NL", budget: "Checking" }] });
      assert.equal(wantsDemo({}, folder), false);
      assert.equal(wantsDemo({ TALLYFLOW_DEMO: "1" }, folder), true);
    });

    it("chooses the size of the simulated household", () => {
      assert.deepEqual(demoHousehold({}), []);
      assert.deepEqual(demoHousehold({ TALLYFLOW_DEMO_SCALE: " 0.10 " }), ["--scale", "0.1"]);
      assert.deepEqual(demoHousehold({ TALLYFLOW_DEMO_FROM: "2026-01-31" }), ["--from", "2026-01-31"]);
      assert.throws(() => demoHousehold({ TALLYFLOW_DEMO_FROM: "2026-02-31" }), { code: "CONFIG_INVALID" });
      for (const wrong of ["much", "0", "-1", "101"])
        assert.throws(() => demoHousehold({ TALLYFLOW_DEMO_SCALE: wrong }), { code: "CONFIG_INVALID" });
    });

    it("keeps made-up payments in a store of their own", () => {
      const mongo = (uri: string) =>
        demoStore({ TALLYFLOW_STORE_KIND: "mongodb", TALLYFLOW_STORE_URI: uri })["TALLYFLOW_STORE_URI"];
      assert.deepEqual(demoStore({}), { TALLYFLOW_STORE_PATH: path.join("tallyflow", "demo.db") });
      assert.deepEqual(demoStore({ TALLYFLOW_STORE_PATH: "/mine.db" }), {});
      assert.equal(mongo("mongodb://mongodb:27017/tallyflow"), "mongodb://mongodb:27017/tallyflow-demo");
      assert.equal(mongo("mongodb://a:1,b:2/?w=1"), "mongodb://a:1,b:2/tallyflow-demo?w=1");
      assert.equal(mongo("mongodb://me:pw@a/books?w=1"), "mongodb://me:pw@a/books-demo?w=1&authSource=books");
      assert.equal(
        mongo("mongodb+srv://me:pw@a/books?authSource=admin"),
        "mongodb+srv://me:pw@a/books-demo?authSource=admin",
      );
    });
  });

  describe("Node-RED", function () {
    this.timeout(120_000);

    it("asks for the login everywhere but at the health route, and lets the dashboard's socket in by its cookie", async () => {
      const password = "correct horse";
      const env = { TALLYFLOW_ADMIN_PASSWORD: password };
      const loginFile = await prepareLogin(folder, findNodeRed(), () => undefined, env);
      const node = (id: string, type: string, more: object) => ({ id, type, ...more });
      const flows = () => [
        node("t", "tab", { label: "t" }),
        node("in", "http in", { z: "t", url: "/mine", method: "get", wires: [["env"]] }),
        node("env", "function", {
          z: "t",
          func: "msg.payload = [env.get('TALLYFLOW_START_TOKEN'), env.get('TALLYFLOW_CREDENTIAL_SECRET')].filter(Boolean).length; return msg;",
          outputs: 1,
          wires: [["out"]],
        }),
        node("out", "http response", { z: "t", wires: [] }),
        node("base", "ui-base", { name: "d", path: "/dashboard" }),
      ];
      const nodeRed = await startNodeRed({ userDir: folder, port: 0, flows, loginFile });
      try {
        const get = (route: string, headers: Record<string, string> = {}) =>
          fetch(nodeRed.url + route, { headers });
        const basic = (given: string) => ({
          Authorization: `Basic ${Buffer.from(`admin:${given}`).toString("base64")}`,
        });
        const socket = "/dashboard/socket.io/?EIO=4&transport=polling";
        assert.equal((await get("/tallyflow/health")).status, 200);
        for (const route of ["/flows", "/mine", "/dashboard"])
          assert.equal((await get(route)).status, 401, route);
        assert.equal((await get("/mine", basic("wrong horse"))).status, 401);
        assert.equal((await get("/flows", { Authorization: "Bearer guessed" })).status, 401);
        const answer = await get("/mine", basic(password));
        assert.equal(answer.status, 200);
        assert.equal(await answer.text(), "0", "flows see the secrets of the start");
        const cookie = answer.headers.getSetCookie()[0]!;
        assert.match(cookie, /; HttpOnly; SameSite=Strict$/);
        const session = { Cookie: cookie.split(";")[0]! };
        assert.equal((await get("/mine", session)).status, 200);

        const joins = async (headers: Record<string, string>) => {
          const open = (await (await get(socket, headers)).text()).slice(1);
          const { sid } = JSON.parse(open) as { sid: string };
          await fetch(`${nodeRed.url}${socket}&sid=${sid}`, { method: "POST", body: "40", headers });
          return (await (await get(`${socket}&sid=${sid}`, headers)).text()).startsWith("40");
        };
        assert.equal(await joins({}), false);
        assert.equal(await joins(basic(password)), false);
        assert.equal(await joins(session), true);
      } finally {
        await nodeRed.stop();
      }
    });

    it("is run by the user directory's own settings.js, which may take over Tallyflow's", async () => {
      const port = await freePort();
      const settings = `module.exports = { ...require(process.env.TALLYFLOW_SETTINGS), uiPort: ${port}, httpAdminRoot: "/red" };`;
      writeFileSync(path.join(folder, "settings.js"), settings);
      const nodeRed = await startNodeRed({ userDir: folder, port: 0, flows: () => [] });
      try {
        assert.equal(nodeRed.ownSettings, path.join(folder, "settings.js"));
        let answer: Response | undefined;
        while (!answer && nodeRed.process.exitCode === null) {
          await delay(200);
          answer = await fetch(`http://127.0.0.1:${port}/red/flows/state`).catch(() => undefined);
        }
        assert.equal(answer?.status, 200);
        assert.equal(readFileSync(path.join(folder, "settings.js"), "utf8"), settings);
      } finally {
        await nodeRed.stop();
      }
    });
  });
});
