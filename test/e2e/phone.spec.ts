import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { PACKAGE_ROOT, prepareUserDir } from "../../cli/user-dir";
import { openStore, queue, type QueueItem } from "../../lib/store";
import { Bench } from "../queue/bench";
import { at, BUDGET, FOOD, itemId, RENT, waiting } from "../review/bench";
import { cachedInstall } from "../servers/install";
import { startTestNodeRed, type TestNodeRed } from "../support/node-red";

/** What the three services show of one message, and what they send when a button is pressed. */
interface HomeAssistant {
  action: string;
  data: { title: string; message: string; data: { actions: { action: string; title: string }[] } };
}
interface Ntfy {
  topic: string;
  title: string;
  message: string;
  actions: {
    action: string;
    label: string;
    url: string;
    method: string;
    headers: Record<string, string>;
    body: string;
  }[];
}
interface Telegram {
  chat_id: number | string;
  text: string;
  reply_markup: string;
}

const CHAT = 12345;
const BOT = "123456:only-for-this-test";

/** The function that the node's help gives for a service, as people copy it. */
function functionOf(service: string): string {
  const help = readFileSync(path.join(PACKAGE_ROOT, "nodes/review/help/en-US.md"), "utf8");
  const code = new RegExp(`^_${service}_[^]*?\\n\\n((?: {4}.*\\n)+)`, "m").exec(help)?.[1];
  assert.ok(code, `the help has a function for ${service}`);
  return code.replace(/^ {4}/gm, "");
}

/** Stands in for ntfy's and Telegram's servers and for Home Assistant's action node. */
class Services {
  readonly homeAssistant: HomeAssistant[] = [];
  readonly ntfy: Ntfy[] = [];
  readonly telegram: Telegram[] = [];
  private updates: object[] = [];
  private server!: Server;

  async start(): Promise<string> {
    this.server = createServer((request, response) => {
      void bodyOf(request).then(async (body) => {
        const answer = await this.answer(request.url!, body);
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(answer));
      });
    });
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  private async answer(url: string, body: string): Promise<unknown> {
    if (url === "/ntfy") return this.ntfy.push(JSON.parse(body) as Ntfy);
    if (url === "/home-assistant") return this.homeAssistant.push(JSON.parse(body) as HomeAssistant);
    // Telegram's Bot API, https://core.telegram.org/bots/api: as much as a bot that polls asks for.
    const method = url.split("?")[0]!.replace(`/bot${BOT}/`, "");
    if (method === "getMe") return ok({ id: 1, is_bot: true, first_name: "Books", username: "books_bot" });
    if (method === "getUpdates") {
      for (let tries = 0; this.updates.length === 0 && tries < 20; tries++) await pause(50);
      return ok(this.updates.splice(0));
    }
    if (method === "sendMessage") {
      const fields = body.startsWith("{")
        ? (JSON.parse(body) as Record<string, unknown>)
        : Object.fromEntries(new URLSearchParams(body));
      this.telegram.push(fields as unknown as Telegram);
      return ok({ message_id: this.telegram.length, date: 1, chat: { id: CHAT, type: "private" } });
    }
    return ok(true);
  }

  /** A person taps a button under the bot's message. */
  tap(data: string): void {
    const from = { id: CHAT, is_bot: false, first_name: "Anna", username: "anna" };
    const message = { message_id: 1, date: 1, chat: { id: CHAT, type: "private" } };
    this.updates.push({ update_id: 1, callback_query: { id: "1", from, message, chat_instance: "1", data } });
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const ok = (result: unknown) => ({ ok: true, result });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

async function until<T>(look: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> {
  for (const limit = Date.now() + 60_000; Date.now() < limit; await pause(50)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`${what} did not come.`);
}

describe("buttons of messages on a phone, wired as the help says", function () {
  this.timeout(240_000);
  const services = new Services();
  const folder = mkdtempSync(path.join(tmpdir(), "tallyflow-phone-"));
  const file = path.join(folder, "store.db");
  let server: TestNodeRed | undefined;
  let without: string | undefined;

  before(async () => {
    const bot = await cachedInstall({
      name: "telegrambot-19",
      what: "node-red-contrib-telegrambot",
      manifest: {
        name: "tallyflow-telegrambot-for-tests",
        private: true,
        dependencies: { "node-red-contrib-telegrambot": "~19.0.1" },
      },
    });
    const store = await openStore({ kind: "sqlite", path: file });
    await waiting(await Bench.open(store), [
      at("ALBERT HEIJN", "1"),
      at("ALBERT HEIJN", "2"),
      at("NS GROEP", "3"),
      at("SHELL", "4"),
    ]);
    await store.close();
    const url = await services.start();
    const tg = "unavailable" in bot ? [] : telegramNodes(url);
    if ("unavailable" in bot) without = bot.unavailable;
    // What has no place on a tab is taken for a configuration.
    const flows = [...commonNodes(url, tg.length > 0), ...tg].map((node) =>
      "z" in node ? { x: 100, y: 100, ...node } : node,
    );
    const { credentialSecret: _ } = prepareUserDir(folder, () => flows as never);
    if ("folder" in bot)
      symlinkSync(
        path.join(bot.folder, "node_modules/node-red-contrib-telegrambot"),
        path.join(folder, "node_modules/node-red-contrib-telegrambot"),
        "dir",
      );
    writeFileSync(path.join(folder, "flows_cred.json"), JSON.stringify({ bot: { token: BOT } }));
    server = await startTestNodeRed({
      userDir: folder,
      settings: { credentialSecret: false },
      env: { NTFY_TOPIC: "a-topic-nobody-guesses", REVIEW_URL: "http://books.home:1880/pressed" },
    });
    await fetch(`${server.url}/tell`, { method: "POST" });
  });
  after(async () => {
    await server?.stop();
    services.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function commonNodes(url: string, telegram: boolean): object[] {
    const z = "tab";
    const post = { type: "http request", z, method: "POST", ret: "txt", wires: [[]] };
    const made = (id: string, service: string, to: string) => ({
      id,
      type: "function",
      z,
      func: functionOf(service),
      outputs: 1,
      wires: [[to]],
    });
    return [
      { id: "tab", type: "tab", label: "Phone" },
      { id: "store", type: "tally-store", kind: "sqlite", path: file },
      { id: "asked", type: "http in", z, url: "/tell", method: "post", wires: [["tell", "done"]] },
      { id: "done", type: "http response", z },
      {
        id: "tell",
        type: "tally-review",
        z,
        store: "store",
        action: "announce",
        wires: [[], ["ha", "ntfy", ...(telegram ? ["telegram"] : [])]],
      },
      made("ha", "Home Assistant", "to-ha"),
      { ...post, id: "to-ha", url: `${url}/home-assistant` },
      made("ntfy", "ntfy", "to-ntfy"),
      { ...post, id: "to-ntfy", url: `${url}/ntfy` },
      { id: "pressed", type: "http in", z, url: "/pressed", method: "post", wires: [["button"]] },
      { id: "button", type: "tally-review", z, store: "store", action: "press", wires: [["done"], []] },
    ];
  }

  function telegramNodes(url: string): object[] {
    const z = "tab";
    const bot = {
      id: "bot",
      type: "telegram bot",
      botname: "books_bot",
      baseapiurl: url,
      updatemode: "polling",
      pollinterval: "100",
      chatids: String(CHAT),
    };
    return [
      bot,
      {
        id: "telegram",
        type: "function",
        z,
        func: functionOf("Telegram"),
        outputs: 1,
        wires: [["to-telegram"]],
      },
      { id: "to-telegram", type: "telegram sender", z, bot: "bot", outputs: 1, wires: [[]] },
      {
        id: "tapped",
        type: "telegram event",
        z,
        bot: "bot",
        event: "callback_query",
        autoanswer: true,
        wires: [["button"]],
      },
    ];
  }

  /** What became of a payment, once it waits no more. */
  const decided = (id: string): Promise<QueueItem> =>
    until(async () => {
      const store = await openStore({ kind: "sqlite", path: file });
      try {
        const item = await store.collection(queue).get(itemId(id));
        return item?.state === "classified" ? item : undefined;
      } finally {
        await store.close();
      }
    }, `the decision about ${BUDGET} ${id}`);

  it("ntfy: the message has what the server takes, and its button's own request decides", async () => {
    const message = await until(() => services.ntfy.find(({ title }) => title.includes("Albert")), "ntfy's");
    assert.equal(message.topic, "a-topic-nobody-guesses");
    assert.deepEqual(
      message.actions.map(({ label }) => label),
      ["food", "rent", "No category"],
    );
    const button = message.actions[1]!;
    assert.deepEqual([button.action, button.url], ["http", "http://books.home:1880/pressed"]);
    const { method, headers, body } = button;
    const answer = await fetch(`${server!.url}/pressed`, { method, headers, body });
    assert.deepEqual([answer.status, ((await answer.json()) as { decided: number }).decided], [200, 2]);
    for (const id of ["1", "2"]) assert.equal((await decided(id)).categoryId, RENT);
  });

  it("Home Assistant: the action's data has title, message and buttons, and the event's action decides", async () => {
    const { action, data } = await until(
      () => services.homeAssistant.find(({ data }) => data.title.includes("Shell")),
      "Home Assistant's",
    );
    assert.match(action, /^notify\.mobile_app_/);
    const button = data.data.actions.find(({ title }) => title === "rent")!;
    const event = { event_type: "mobile_app_notification_action", event: { action: button.action } };
    const headers = { "content-type": "application/json" };
    await fetch(`${server!.url}/pressed`, { method: "POST", headers, body: JSON.stringify(event) });
    assert.equal((await decided("4")).categoryId, RENT);
  });

  it("Telegram: the bot sends a message with a keyboard, and the tap decides", async function () {
    if (without) {
      console.log(`      skipped: ${without}`);
      return this.skip();
    }
    const message = await until(
      () => services.telegram.find(({ text }) => text.includes("NS")),
      "Telegram's",
    );
    assert.equal(Number(message.chat_id), CHAT);
    const keyboard = JSON.parse(message.reply_markup) as {
      inline_keyboard: { text: string; callback_data: string }[][];
    };
    const button = keyboard.inline_keyboard.flat().find(({ text }) => text === "food")!;
    services.tap(button.callback_data);
    assert.equal((await decided("3")).categoryId, FOOD);
  });
});
