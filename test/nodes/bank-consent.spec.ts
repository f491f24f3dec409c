import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { bankAccounts, cursors, events, type StoredEvent } from "../../lib/store";
import type { StoreNode } from "../../nodes/runtime";
import bankType = require("../../nodes/bank/index");
import extractType = require("../../nodes/bank-extract/index");
import storeType = require("../../nodes/store/index");
import { startEnableBankingTwin, type EnableBankingTwin } from "../../simulators/enable-banking";
import { startGoCardlessTwin, type GoCardlessTwin } from "../../simulators/gocardless";
import { makeHousehold } from "../../simulators/household";
import { startSimpleFinTwin, type SimpleFinTwin } from "../../simulators/simplefin";
import { localDate } from "../../lib/values";
import { recentHousehold } from "../../simulators";
import { arrival, ask, helper, load, node, runtime, statuses, withAdmin } from "./support";

const today = localDate(Date.now(), "Europe/Amsterdam");
const from = new Date(Date.now() - 60 * 86_400_000).toISOString().slice(0, 10);
const household = makeHousehold({ ...recentHousehold(today), from, scale: 0.2 });

interface Shown {
  institutionName: string;
  state: string;
  daysLeft?: number;
  accounts: string[];
}
interface Answer {
  status: number;
  text: string;
  body: Record<string, unknown>;
}

/** The runtime of these specs has no catalogues: a text is its key. The browser's specs see the words. */
describe("consents from the editor", function () {
  this.timeout(60_000);
  const { dir } = runtime();
  let enableBanking: EnableBankingTwin;
  let goCardless: GoCardlessTwin;
  let simpleFin: SimpleFinTwin;
  let url = "";
  beforeEach(async () => {
    enableBanking = await startEnableBankingTwin({
      household,
      banks: [
        {
          name: "Polderbank",
          country: "NL",
          accounts: ["current", "savings"],
          maxConsentSeconds: 7 * 86_400,
        },
        { name: "Kaart & Co", country: "NL", accounts: ["card"] },
      ],
    });
    goCardless = await startGoCardlessTwin({ household, now: Date.now });
    simpleFin = await startSimpleFinTwin({ household, now: Date.now });
    process.env["TALLYFLOW_DEMO_GOCARDLESS_URL"] = goCardless.url;
  });
  after(() => delete process.env["TALLYFLOW_DEMO_GOCARDLESS_URL"]);
  afterEach(() => Promise.all([enableBanking.stop(), goCardless.stop(), simpleFin.stop()]));

  const served = (work: () => Promise<void>) => () =>
    withAdmin((at) => {
      url = at;
      return work();
    });
  /** The same flow each time: loading it again is a restart. */
  const flow = (setupToken = "") =>
    load({
      types: [storeType, bankType, extractType],
      nodes: [
        { id: "store", type: "tally-store" },
        {
          ...{ id: "eb", type: "tally-bank", provider: "enable-banking" },
          ...{ url: enableBanking.url, applicationId: enableBanking.applicationId },
        },
        // An address from the environment, as in the demo.
        { id: "gc", type: "tally-bank", provider: "gocardless", url: "${TALLYFLOW_DEMO_GOCARDLESS_URL}" },
        { id: "sf", type: "tally-bank", provider: "simplefin" },
        { id: "statements", type: "tally-bank", provider: "files" },
        ...["eb", "gc", "sf"].map((bank) => ({
          ...{ id: `step-${bank}`, type: "tally-bank-extract", store: "store", bank, wires: [["out"]] },
        })),
        { id: "out", type: "helper" },
        { id: "catcher", type: "catch", scope: null, wires: [["caught"]] },
        { id: "caught", type: "helper" },
      ],
      credentials: {
        eb: { privateKey: enableBanking.privateKey },
        gc: { secretId: goCardless.secretId, secretKey: goCardless.secretKey },
        ...(setupToken ? { sf: { setupToken } } : {}),
      },
    });
  const read = async (answer: Response): Promise<Answer> => {
    const text = await answer.text();
    const json = answer.headers.get("content-type")?.includes("json");
    return { status: answer.status, text, body: json ? (JSON.parse(text) as Answer["body"]) : {} };
  };
  const get = async (where: string) => read(await fetch(`${url}/tallyflow/${where}`));
  const post = async (where: string, body: object, headers: Record<string, string> = {}) =>
    read(
      await fetch(`${url}/tallyflow/${where}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    );
  const returnTo = () => `${url}/tallyflow/consent/callback`;
  const begin = async (bank: string, institution: string) => {
    const { status, body, text } = await post(`bank/${bank}/consents`, { institution, returnTo: returnTo() });
    assert.equal(status, 200, text);
    return body as { id: string; url: string; expiresAt: string };
  };
  /** What the browser does on the bank's page: the address to which it is sent back. */
  const atTheBank = async (page: string): Promise<string> => {
    const answer = await fetch(page, { redirect: "manual" });
    await answer.body?.cancel();
    const back = answer.headers.get("location");
    assert.ok(back?.startsWith(returnTo()), String(back));
    return back!;
  };
  const outcome = async (bank: string, id: string) =>
    (await get(`bank/${bank}/consents/${id}`)).body["outcome"] as { ok: boolean; message: string } | null;
  const consents = async (bank: string) => {
    const { status, text, body } = await get(`bank/${bank}/consents`);
    assert.equal(status, 200, text);
    return body["consents"] as Shown[];
  };
  const give = async (bank: string, institution: string) =>
    read(await fetch(await atTheBank((await begin(bank, institution)).url)));
  const withStore = async <T>(
    work: (store: Awaited<ReturnType<StoreNode["lease"]>>["value"]["store"]) => T,
  ) => {
    const lease = await (node("store") as unknown as StoreNode).lease();
    try {
      return await work(lease.value.store);
    } finally {
      await lease.release();
    }
  };

  for (const { bank, name, institution, days, accounts } of [
    {
      ...{ bank: "eb", name: "Enable Banking", institution: "NL/Polderbank", days: 7 },
      accounts: ["current", "savings"],
    },
    {
      ...{ bank: "gc", name: "GoCardless", institution: "SIMULATED_TWINNL2A", days: 90 },
      accounts: household.accounts.map(({ key }) => key),
    },
  ]) {
    it(
      `are given at ${name}: a bank is chosen, its page opened, and the way back completes it once`,
      served(async () => {
        await flow();
        assert.deepEqual(await consents(bank), []);
        const { body } = await get(`bank/${bank}/institutions?country=NL`);
        const listed = body["institutions"] as { id: string; name: string }[];
        assert.ok(listed.some(({ id }) => id === institution));
        const begun = await begin(bank, institution);
        assert.equal(await outcome(bank, begun.id), null, "nobody came back yet");
        const back = await atTheBank(begun.url);

        // A restart while the person is at the bank does no harm.
        await helper.unload();
        await flow();
        const page = await read(await fetch(back));
        assert.equal(page.status, 200, page.text);
        assert.match(page.text, /<h1>consent.page.done<\/h1>/);
        assert.match(page.text, /<p>consent.page.close<\/p>/);
        assert.equal((await outcome(bank, begun.id))?.ok, true);

        const requests = [enableBanking.control.requests, goCardless.control.requests];
        const again = await read(await fetch(back));
        assert.equal(again.status, 200, "a page that is loaded again says the same");
        assert.equal(again.text, page.text);
        assert.deepEqual([enableBanking.control.requests, goCardless.control.requests], requests);

        const shown = (await consents(bank)).filter(({ state }) => state === "valid");
        assert.equal(shown.length, 1);
        assert.equal(shown[0]!.daysLeft, days);
        const names = household.accounts.filter(({ key }) => accounts.includes(key)).map((one) => one.name);
        assert.deepEqual([...shown[0]!.accounts].sort(), names.sort());
        const known = await withStore(async (store) => store.collection(bankAccounts).count({ index: "id" }));
        if (bank === "gc") assert.equal(known, accounts.length);
      }),
    );
  }

  it(
    "are told apart by a state that nobody can guess, is good once and for an hour, and is kept as a hash",
    served(async () => {
      await flow();
      const begun = await begin("eb", "NL/Polderbank");
      const back = new URL(await atTheBank(begun.url));
      const state = back.searchParams.get("state")!;
      assert.match(state, /^[\w-]{43}$/);
      const kept = await withStore(async (store) => {
        const found = [];
        for await (const doc of store.collection(cursors).scan({ index: "id" })) found.push(doc);
        return found;
      });
      const attempt = kept.find(({ id }) => id === `consent-attempt:${begun.id}`)!;
      assert.ok(attempt);
      assert.ok(!JSON.stringify(kept).includes(state), "the state itself is kept nowhere");

      const other = new URL(back);
      other.searchParams.set("state", `${state.slice(0, -1)}${state.endsWith("A") ? "B" : "A"}`);
      const stranger = await read(await fetch(other));
      assert.equal(stranger.status, 404);
      assert.equal((await fetch(returnTo())).status, 404);
      assert.equal(enableBanking.control.sessions.length, 0);

      // Two at once: one of them completes it, and nothing is done twice.
      const both = await Promise.all([fetch(back), fetch(back)]);
      assert.ok(both.some(({ status }) => status === 200));
      assert.equal(enableBanking.control.sessions.length, 1);

      const late = await begin("eb", "NL/Polderbank");
      const lateBack = await atTheBank(late.url);
      await withStore(async (store) => {
        const doc = (await store.collection(cursors).get(`consent-attempt:${late.id}`))!;
        const value = { ...(doc.value as object), expiresAt: new Date(Date.now() - 1).toISOString() };
        await store.collection(cursors).upsertMany([{ ...doc, value }]);
      });
      assert.equal((await fetch(lateBack)).status, 404);
      assert.equal(enableBanking.control.sessions.length, 1);
    }),
  );

  it(
    "that are refused say so in words, with everything escaped, on a page that runs and loads nothing",
    served(async () => {
      await flow();
      const begun = await begin("gc", "SIMULATED_TWINNL2A");
      const back = new URL(await atTheBank(`${begun.url}?decline=1`));
      back.searchParams.set("details", '<script>alert("x")</script> & more');
      const answer = await fetch(back);
      const page = await answer.text();
      assert.equal(answer.status, 400);
      assert.ok(!page.includes("<script"), page);
      assert.match(page, /was not given \(&lt;script&gt;/);
      assert.match(answer.headers.get("content-security-policy") ?? "", /default-src 'none'/);
      assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
      assert.equal(answer.headers.get("cache-control"), "no-store");
      assert.equal((await outcome("gc", begun.id))?.ok, false);
      assert.equal((await fetch(back)).status, 400, "it stays refused");
    }),
  );

  it(
    "can be completed by the address of a page that does not open",
    served(async () => {
      await flow();
      const begun = await begin("eb", "NL/Kaart & Co");
      const back = (await atTheBank(begun.url)).replace(url, "https://not.reachable.example");
      const { status, body } = await post("bank/eb/consents/address", { address: back });
      assert.equal(status, 200);
      assert.equal(body["ok"], true);
      assert.equal((await post("bank/eb/consents/address", { address: "nonsense" })).status, 400);
    }),
  );

  it(
    "are not begun for another address, in another form, or for a bank that has none",
    served(async () => {
      await flow();
      const body = { institution: "NL/Polderbank", returnTo: returnTo() };
      let which = 0;
      for (const [status, answer] of [
        [400, await post("bank/eb/consents", { ...body, returnTo: "https://evil.example/" })],
        [
          400,
          await post("bank/eb/consents", { ...body, returnTo: `javascript:1//tallyflow/consent/callback` }),
        ],
        [400, await post("bank/eb/consents", body, { origin: "https://evil.example" })],
        [400, await post("bank/eb/consents", body, { "content-type": "text/plain" })],
        [400, await post("bank/eb/consents", { institution: "" })],
        [404, await post("bank/eb/consents", { ...body, institution: "NL/Nobody" })],
        [400, await post("bank/statements/consents", body)],
        [404, await post("bank/gone/consents", body)],
        [404, await post("bank/store/consents", body)],
        [400, await get("bank/eb/institutions?country=nowhere")],
        [404, await get("bank/gone/consents")],
      ] as const) {
        which++;
        assert.equal(answer.status, status, `${which}: ${answer.text}`);
        assert.ok(String(answer.body["message"]).length > 10);
        assert.ok(!answer.text.includes(goCardless.secretKey));
      }
    }),
  );

  it(
    "that end are told once, over restarts, and stand in the status of bank extract",
    served(async () => {
      await flow();
      await give("eb", "NL/Polderbank");
      const told = () =>
        withStore(async (store) => {
          const found: StoredEvent[] = [];
          const range = { index: "byType", equals: ["bank.consent"] };
          for await (const event of store.collection(events).scan(range)) found.push(event);
          return found;
        });
      const texts = statuses("step-eb");
      const { payload } = await ask("step-eb", "out", { payload: "" });
      const result = payload as {
        counts: Record<string, number>;
        consents: { days: number; due?: number; message?: string }[];
      };
      assert.ok(result.counts["inserted"]! > 5);
      assert.deepEqual(
        result.consents.map(({ days, due }) => [days, due]),
        [[7, 7]],
      );
      assert.match(texts.at(-1)!.text ?? "", /^consent.ends · /);
      assert.equal(texts.at(-1)!.fill, "yellow");
      const [event, ...more] = await told();
      assert.deepEqual(more, []);
      const data = event!.data as Record<string, unknown>;
      assert.equal(data["days"], 7);
      assert.match(String(data["message"]), /Polderbank ends in 7 days/);
      assert.equal(event!.subject, "enable-banking");

      await helper.unload();
      await flow();
      const next = (await ask("step-eb", "out", { payload: "" })).payload as typeof result;
      assert.equal((await told()).length, 1);
      assert.equal(next.consents[0]?.days, 7);
      assert.equal("due" in next.consents[0], false, "what was told is told no more");
      // Renewed for as long again: nothing new to tell, and no second consent to be warned of.
      await give("eb", "NL/Polderbank");
      const after = (await ask("step-eb", "out", { payload: "" })).payload as typeof result;
      assert.equal(after.consents.length, 1);
    }),
  );

  it(
    "let an account be read four times a day; the fifth is no failure, and says when it is read again",
    served(async () => {
      await flow();
      await give("eb", "NL/Kaart & Co");
      for (let reading = 0; reading < 4; reading++) await ask("step-eb", "out", { payload: "" });
      // Another bank is read while the first one waits, and a restart forgets nothing.
      await helper.unload();
      await flow();
      await give("eb", "NL/Polderbank");
      const texts = statuses("step-eb");
      const requests = enableBanking.control.requests;
      const { payload, tally } = await ask("step-eb", "out", { payload: "" });
      const { counts, waits } = payload as {
        counts: Record<string, number>;
        waits: { account: string; until: string }[];
      };
      assert.equal(tally?.error, undefined);
      assert.equal(counts["waiting"], 1);
      assert.ok(counts["inserted"]! > 5);
      const card = household.accounts.find(({ key }) => key === "card")!;
      assert.deepEqual(
        waits.map(({ account }) => account),
        [card.name],
      );
      const hours = (Date.parse(waits[0]!.until) - Date.now()) / 3_600_000;
      assert.ok(hours > 23 && hours <= 24, `${hours}`);
      assert.match(texts.at(-1)!.text ?? "", /readAgain · /);
      assert.ok(enableBanking.control.requests > requests);
    }),
  );

  it(
    "are not needed by SimpleFIN: a setup token is claimed once, and what it gives is kept encrypted",
    served(async () => {
      const keys = () => path.join(dir(), "tallyflow/keys");
      const token = simpleFin.control.newToken();
      // Nothing can be kept: the token must not be lost to that.
      mkdirSync(path.join(dir(), "tallyflow"), { recursive: true });
      writeFileSync(keys(), "in the way");
      await flow(token);
      const before = simpleFin.control.requests;
      const caught = arrival("caught");
      node("step-sf").receive({ payload: "" } as never);
      assert.ok((await caught).error);
      assert.equal(simpleFin.control.requests, before);
      await helper.unload();
      rmSync(keys());

      await flow(`${token.slice(0, 20)}\n ${token.slice(20)} `);
      const [one, two] = await Promise.all([post("test/sf", {}), post("test/sf", {})]);
      assert.deepEqual([one.status, two.status], [200, 200], one.text + two.text);
      const { payload } = await ask("step-sf", "out", { payload: "" });
      assert.ok((payload as { counts: Record<string, number> }).counts["inserted"]! > 20);
      const files = readdirSync(keys()).map((file) => readFileSync(path.join(keys(), file), "latin1"));
      assert.equal(files.length, 1);
      const password = new URL(simpleFin.accessUrl).password;
      assert.ok(!files[0]!.includes(password) && !files[0]!.includes("simplefin"));

      await helper.unload();
      await flow(token);
      assert.equal((await post("test/sf", {})).status, 200, "after a restart");
      await helper.unload();
      await flow("bm90IGEgdG9rZW4=");
      const wrong = await post("test/sf", {});
      assert.equal(wrong.status, 400);
      assert.match(String(wrong.body["message"]), /not a setup token/);
      assert.equal((await get("bank/sf/consents")).status, 400, "it has no consents");
    }),
  );
});
