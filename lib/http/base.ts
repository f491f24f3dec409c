/** The base address of a versioned API as people copy it: without a slash at its end, and with the version. */
export function apiBase(url: string, version: string): string {
  const base = url.trim().replace(/\/+$/, "");
  return URL.canParse(base) && new URL(base).pathname === "/" ? base + version : base;
}
