/**
 * Actual sets no limits to texts; these keep its lists readable and the change log small. A bulk of this size stays
 * well below the 20 MB that the server takes in one sync.
 */
export const LIMITS = { payeeName: 250, memo: 2000, bulk: 1000, futureDates: true } as const;

/** Trimmed, well-formed and at most `limit` characters (code points); what was cut ends in an ellipsis. */
export function cutText(text: string, limit: number): string {
  const clean = text.replace(/\p{Surrogate}/gu, "\ufffd").trim();
  if (clean.length <= limit) return clean;
  const characters = [...clean];
  return characters.length <= limit ? clean : `${characters.slice(0, limit - 1).join("")}…`;
}
