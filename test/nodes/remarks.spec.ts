import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { PACKAGE_ROOT } from "../../cli/user-dir";
import { remarksOf } from "../../nodes/bank-extract/remarks";

const NOW = "2026-06-01T10:00:00Z";

/** As Node-RED would say it. */
const inLanguage = (language: string) => {
  const file = path.join(PACKAGE_ROOT, "dist/nodes/bank-extract/locales", language, "index.json");
  const catalogue: unknown = JSON.parse(readFileSync(file, "utf8"));
  return (key: string, values: Record<string, string> = {}) =>
    Object.entries(values).reduce(
      (text, [name, value]) => text.replace(`__${name}__`, value),
      String(key.split(".").reduce((at, part) => (at as Record<string, unknown>)[part], catalogue)),
    );
};
const consent = (days: number) => ({
  ...{ consentId: "c", institutionName: "Some Bank", days },
  validUntil: new Date(Date.parse(NOW) + days * 86_400_000).toISOString(),
});

describe("the status of bank extract", () => {
  it("says which consent ends first", () => {
    const say = (...days: number[]) =>
      remarksOf({ waits: [], consents: days.map(consent) }, inLanguage("en-US"), NOW);
    assert.deepEqual(say(), []);
    assert.deepEqual(say(7, 12), ["consent ends in 7 days"]);
    assert.deepEqual(say(1), ["consent ends in 1 day"]);
    assert.deepEqual(say(0), ["consent ended"]);
    assert.deepEqual(remarksOf({ waits: [], consents: [consent(7)] }, inLanguage("nl"), NOW), [
      "toestemming eindigt over 7 dagen",
    ]);
  });

  it("says when it reads again, in the account's time and never too early", () => {
    const wait = (until: string, timeZone = "Europe/Amsterdam") => ({ account: "a", until, timeZone });
    const say = (...waits: ReturnType<typeof wait>[]) =>
      remarksOf({ waits, consents: [] }, inLanguage("en-US"), NOW);
    assert.deepEqual(say(wait("2026-06-01T12:00:00Z")), ["read again at 14:00"]);
    assert.deepEqual(say(wait("2026-06-01T12:00:01Z")), ["read again at 14:01"]);
    assert.deepEqual(say(wait("2026-06-01T22:00:00Z")), ["read again at 2026-06-02 00:00"]);
    assert.deepEqual(say(wait("2026-06-01T12:00:00Z", "America/New_York")), ["read again at 08:00"]);
    assert.deepEqual(say(wait("2026-06-01T15:00:00Z"), wait("2026-06-01T12:00:00Z")), [
      "read again at 14:00",
    ]);
    assert.equal(say({ account: "all", until: "2026-06-01T12:00:00Z" } as never).length, 1);
  });
});
