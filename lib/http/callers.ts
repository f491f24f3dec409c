import { BlockList, isIP } from "node:net";
import { TallyError } from "../values";

/** Who calls: addresses and ranges of those who send us something. */

/**
 * A test whether an address lies in one of the ranges.
 * @param ranges addresses and CIDRs (RFC 4632), IPv4 and IPv6: `185.40.108.0/22`, `::1`
 * @throws TallyError CONFIG_INVALID naming the range that is none
 */
export function addressRanges(ranges: readonly string[]): (address: string | undefined) => boolean {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", prefix, ...more] = range.trim().split("/");
    const version = isIP(address);
    const longest = version === 4 ? 32 : 128;
    const length = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
    if (version === 0 || length < 0 || length > longest || more.length > 0) {
      throw new TallyError(
        "CONFIG_INVALID",
        `"${range.slice(0, 60)}" is neither an IP address nor a range like 185.40.108.0/22.`,
      );
    }
    list.addSubnet(address, length, version === 4 ? "ipv4" : "ipv6");
  }
  return (given) => {
    const address = plainAddress(given);
    const version = address === undefined ? 0 : isIP(address);
    return version !== 0 && list.check(address!, version === 4 ? "ipv4" : "ipv6");
  };
}

/**
 * The address that a request came from: that of the socket, or, where that is a proxy of ours, the last one in
 * `X-Forwarded-For` that is not. What a stranger wrote into the header stands left of that and is not looked at.
 * Undefined when a proxy of ours passed on something that is no address.
 */
export function callerAddress(
  remote: string | undefined,
  forwardedFor: string | undefined,
  isTrusted: (address: string | undefined) => boolean,
): string | undefined {
  let caller = plainAddress(remote);
  const hops = (forwardedFor ?? "")
    .split(",")
    .map((hop) => hop.trim())
    .filter(Boolean);
  while (isTrusted(caller) && hops.length > 0) caller = plainAddress(withoutPort(hops.pop()!));
  return caller;
}

/** An address without zone; an IPv4 address that is written as an IPv6 one (RFC 4291, 2.5.5.2) as IPv4. */
function plainAddress(text: string | undefined): string | undefined {
  const address = text?.replace(/%.*$/, "").replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
  return address !== undefined && isIP(address) !== 0 ? address : undefined;
}

function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop);
  return bracketed?.[1] ?? hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
