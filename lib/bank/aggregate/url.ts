const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

/** May secrets be sent there? Over TLS, or to a simulator on this computer. */
export function isSafeUrl(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, hostname } = new URL(url);
  return protocol === "https:" || (protocol === "http:" && LOOPBACK.has(hostname));
}
