import assert from "node:assert/strict";
import fc from "fast-check";
import { addressRanges, callerAddress } from "../../lib/http";
import { TallyError } from "../../lib/values";

describe("callers", () => {
  it("tells addresses of a range from others, IPv4 and IPv6", () => {
    const isBunq = addressRanges(["185.40.108.0/22", "2001:db8::/32", "10.0.0.7"]);
    for (const inside of [
      "185.40.108.0",
      "185.40.111.255",
      "::ffff:185.40.109.1",
      "2001:db8:1::1",
      "10.0.0.7",
    ])
      assert.ok(isBunq(inside), inside);
    for (const outside of [
      "185.40.107.255",
      "185.40.112.0",
      "2001:db9::1",
      "10.0.0.8",
      "",
      "bunq.com",
      undefined,
    ])
      assert.ok(!isBunq(outside), String(outside));
    assert.equal(addressRanges([])("127.0.0.1"), false, "no range lets nobody in");
    assert.ok(addressRanges(["0.0.0.0/0"])("8.8.8.8"));
  });

  it("agrees with arithmetic on every IPv4 range", () => {
    const numeric = (address: string) =>
      address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 }), (net, address, bits) => {
        const size = 2 ** (32 - bits);
        const same = Math.floor(numeric(net) / size) === Math.floor(numeric(address) / size);
        assert.equal(addressRanges([`${net}/${bits}`])(address), same);
      }),
    );
  });

  it("refuses what is no range, and names it", () => {
    for (const bad of [
      "185.40.108.0/33",
      "bunq.com",
      "1.2.3",
      "1.2.3.4/",
      "1.2.3.4/8/8",
      "::1/129",
      "1.2.3.4/-1",
    ])
      assert.throws(
        () => addressRanges([bad]),
        (error: unknown) =>
          error instanceof TallyError && error.code === "CONFIG_INVALID" && error.message.includes(bad),
        bad,
      );
  });

  it("believes a forwarded address only where a proxy of ours says so", () => {
    const ours = addressRanges(["10.0.0.0/8"]);
    const none = addressRanges([]);
    assert.equal(callerAddress("203.0.113.5", "185.40.108.1", none), "203.0.113.5");
    assert.equal(callerAddress("203.0.113.5", "185.40.108.1", ours), "203.0.113.5", "a stranger's header");
    assert.equal(callerAddress("::ffff:10.0.0.2", "185.40.108.1", ours), "185.40.108.1");
    assert.equal(callerAddress("10.0.0.2", "185.40.108.1, 203.0.113.5, 10.0.0.3", ours), "203.0.113.5");
    assert.equal(callerAddress("10.0.0.2", "185.40.108.1:443", ours), "185.40.108.1");
    assert.equal(callerAddress("10.0.0.2", "[2001:db8::1]:443", ours), "2001:db8::1");
    assert.equal(callerAddress("10.0.0.2", "nonsense", ours), undefined);
    assert.equal(callerAddress("10.0.0.2", undefined, ours), "10.0.0.2");
    assert.equal(callerAddress(undefined, "185.40.108.1", ours), undefined);
  });
});
