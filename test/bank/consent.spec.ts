import assert from "node:assert/strict";
import { consentEvents, type Consent } from "../../lib/bank";

const END = "2026-03-31T10:00:00Z";
const consent = (more: Partial<Consent> = {}): Consent => ({
  id: "c1",
  institution: "SOMEBANK",
  institutionName: "Some Bank",
  state: "valid",
  createdAt: "2026-01-01T10:00:00Z",
  validUntil: END,
  accounts: ["a"],
  ...more,
});
const at = (days: number) => new Date(Date.parse(END) - days * 86_400_000).toISOString();

describe("the end of a consent", () => {
  it("is told at 14, 7 and 1 days and when it is over, each once", () => {
    const told = new Set<string>();
    const heard: [number, number][] = [];
    for (let left = 20; left >= -3; left -= 0.25) {
      for (const event of consentEvents([consent()], at(left), told)) {
        told.add(event.key);
        heard.push([left, event.days]);
      }
    }
    assert.deepEqual(heard, [
      [14, 14],
      [7, 7],
      [1, 1],
      [0, 0],
    ]);
  });

  it("is told once to those who were away, with what to do", () => {
    const [event, ...more] = consentEvents([consent()], at(0.5), new Set());
    assert.deepEqual(more, []);
    assert.equal(event?.days, 1);
    assert.match(event.message, /Some Bank ends in 1 day, on 2026-03-31\. Open the bank connection/);
    assert.match(consentEvents([consent()], at(-1), new Set())[0]!.message, /has ended/);
  });

  it("is told anew once it was renewed, and not of what is not valid or never ends", () => {
    const told = new Set(consentEvents([consent()], at(3), new Set()).map(({ key }) => key));
    assert.deepEqual(consentEvents([consent()], at(3), told), []);
    const renewed = consent({ validUntil: "2026-09-27T10:00:00Z" });
    assert.deepEqual(consentEvents([renewed], at(3), told), []);
    assert.equal(consentEvents([renewed], "2026-09-22T10:00:00Z", told)[0]?.days, 7);
    const { validUntil: _, ...endless } = consent();
    for (const one of [endless, consent({ state: "pending" }), consent({ state: "ended" })])
      assert.deepEqual(consentEvents([one], at(0), new Set()), []);
  });
});
