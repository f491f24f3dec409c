import assert from "node:assert/strict";
import { FaultList, type FaultKind, type FaultTarget } from "../../simulators/twin-server";
import { TwinHttp } from "../../simulators/twin-http";
import type { Fault, YnabTwin } from "../../simulators/ynab";
import { startTwin } from "../support/ynab";

const get = { method: "GET", path: "/things?page=1" };

describe("faults of the twins", () => {
  const hits = (fault: FaultKind & FaultTarget, requests: number): boolean[] => {
    const list = new FaultList<FaultKind & FaultTarget>();
    list.add(fault);
    return Array.from({ length: requests }, () => list.take(get) !== undefined);
  };

  it("hit as many requests as they say, after those they let pass", () => {
    assert.deepEqual(hits({ kind: "reset" }, 3), [true, false, false]);
    assert.deepEqual(hits({ kind: "reset", times: 2, skip: 1 }, 4), [false, true, true, false]);
  });

  it("hit the method and the path they name only", () => {
    const list = new FaultList<FaultKind & FaultTarget>();
    list.add({ kind: "reset", method: "POST" });
    list.add({ kind: "malformed", path: "/other" });
    list.add({ kind: "slow", ms: 1, pattern: "/things\\?page=[2-9]$" });
    assert.equal(list.take(get), undefined);
    assert.equal(list.take({ method: "GET", path: "/things?page=2" })?.kind, "slow");
    assert.equal(list.take({ method: "GET", path: "/other/1" })?.kind, "malformed");
    assert.equal(list.take({ method: "POST", path: "/x" })?.kind, "reset");
    list.add({ kind: "reset" });
    list.clear();
    assert.equal(list.take(get), undefined);
  });

  it("hit by chance as often as their probability says, and alike for the same seed", () => {
    const one = hits({ kind: "reset", probability: 0.3, seed: 7 }, 2000);
    const share = one.filter(Boolean).length / one.length;
    assert.ok(share > 0.26 && share < 0.34, String(share));
    assert.deepEqual(one, hits({ kind: "reset", probability: 0.3, seed: 7 }, 2000));
    assert.notDeepEqual(one, hits({ kind: "reset", probability: 0.3, seed: 8 }, 2000));
    const few = hits({ kind: "reset", probability: 0.5, times: 3 }, 100);
    assert.equal(few.filter(Boolean).length, 3);
    assert.equal(hits({ kind: "reset", probability: 0 }, 50).filter(Boolean).length, 0);
  });
});

/** What a client sees of an answer: its status and whether its body is whole JSON; or why there is none. */
async function seen(send: () => Promise<Response>): Promise<string> {
  try {
    const response = await send();
    const text = await response.text();
    const retryAfter = response.headers.get("retry-after");
    const whole = isJson(text) ? "" : " cut";
    return `${response.status}${retryAfter ? ` after ${retryAfter}` : ""}${whole}`;
  } catch (error) {
    return error instanceof DOMException && error.name === "TimeoutError" ? "timed out" : "no answer";
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** Fault, what the client sees, and whether the request was carried out. */
const KINDS: readonly [FaultKind, string, boolean][] = [
  [{ kind: "status", status: 409 }, "409", false],
  [{ kind: "status", status: 429 }, "429", false],
  [{ kind: "status", status: 429, retryAfter: 30 }, "429 after 30", false],
  [{ kind: "status", status: 500 }, "500", false],
  [{ kind: "status", status: 503 }, "503", false],
  [{ kind: "malformed" }, "2xx cut", true],
  [{ kind: "reset" }, "no answer", false],
  [{ kind: "timeout-after-commit" }, "timed out", true],
  [{ kind: "drop-after-commit" }, "no answer", true],
  [{ kind: "fail-after-commit", status: 502 }, "502", true],
];

describe("faults of the twin of YNAB", () => {
  let twin: YnabTwin;
  let counter = 0;
  beforeEach(async () => {
    twin = await startTwin();
  });
  afterEach(() => twin.stop());

  const post = (importId: string) =>
    fetch(`${twin.url}/plans/${twin.planId}/transactions`, {
      method: "POST",
      headers: { authorization: `Bearer ${twin.token}` },
      signal: AbortSignal.timeout(150),
      body: JSON.stringify({
        transactions: [
          { account_id: twin.accountIds["current"], date: "2025-07-10", amount: -1000, import_id: importId },
        ],
      }),
    });
  const stands = (importId: string) => twin.control.all().some((row) => row.importId === importId);

  for (const [fault, expected, committed] of KINDS) {
    it(`${JSON.stringify(fault)}: the client sees ${expected}, and it is ${committed ? "" : "not "}written`, async () => {
      twin.control.setFault({ ...fault, method: "POST" } as Fault);
      const importId = `F:${++counter}`;
      assert.equal((await seen(() => post(importId))).replace(/^20[0-9]/, "2xx"), expected);
      assert.equal(stands(importId), committed);
      assert.equal(await seen(() => post(`${importId}-next`)), "201");
    });
  }

  it("slow: the client sees the answer later, or gives up while it is written", async () => {
    twin.control.setFault({ kind: "slow", ms: 20 });
    assert.equal(await seen(() => post("F:slow")), "201");
    twin.control.setFault({ kind: "slow", ms: 400 });
    assert.equal(await seen(() => post("F:slower")), "timed out");
    while (!stands("F:slower")) await new Promise((resolve) => setTimeout(resolve, 20));
  });

  it("strikes by seed, and the same requests each time", async () => {
    const run = async (): Promise<string[]> => {
      twin.control.clearFaults();
      twin.control.setFault({ kind: "status", status: 500, probability: 0.4, seed: 3 });
      const statuses: string[] = [];
      for (let n = 0; n < 12; n++) statuses.push(await seen(() => post(`F:seed-${++counter}`)));
      return statuses;
    };
    const first = await run();
    assert.deepEqual(new Set(first), new Set(["201", "500"]));
    assert.deepEqual(await run(), first);
  });
});

describe("faults of the twins of other JSON APIs", () => {
  for (const [fault, expected, committed] of KINDS) {
    it(`${JSON.stringify(fault)}: the client sees ${expected}`, async () => {
      let carriedOut = 0;
      const http = new TwinHttp(() => ({ status: 200, body: { things: ++carriedOut } }), undefined);
      const url = await http.listen(0);
      http.faults.add({ ...fault } as Parameters<typeof http.faults.add>[0]);
      const ask = () => fetch(url, { signal: AbortSignal.timeout(150) });
      assert.equal((await seen(ask)).replace(/^20[0-9]/, "2xx"), expected);
      assert.equal(carriedOut, committed ? 1 : 0);
      assert.equal(await seen(ask), "200");
      await http.close();
    });
  }
});
