import { cleanPayee, TallyError } from "../values";

/**
 * A person's own names for payees. A line says which texts it is for and which name they get; the first that fits wins.
 *
 * - `shell`: the name or the description contains this, whatever the case.
 * - `/^shell \d+/`: a regular expression of JavaScript between slashes, whatever the case. `$1` in the name stands for
 *   its first group.
 */
export interface PayeeRule {
  match: string;
  name: string;
}

export type PayeeNamer = (name: string, description: string) => string | undefined;

/** Longest pattern, and longest text that it is tried on: a careless pattern may take very long on a long text. */
const PATTERN = 200;
const TEXT = 200;

/**
 * The rules made ready.
 * @throws TallyError CONFIG_INVALID for a line without a name or with a pattern that is no regular expression
 */
export function payeeNamer(rules: readonly PayeeRule[]): PayeeNamer {
  const ready = rules.map(({ match, name }): ((text: string) => string | undefined) => {
    if (!match.trim() || !name.trim())
      throw new TallyError(
        "CONFIG_INVALID",
        "A line of the payee names is empty. Fill in both sides or remove it.",
      );
    const pattern = /^\/(.+)\/$/su.exec(match.trim())?.[1];
    if (pattern === undefined) {
      const wanted = match.trim().toLowerCase();
      return (text) => (text.toLowerCase().includes(wanted) ? name.trim() : undefined);
    }
    const expression = compiled(pattern);
    return (text) => {
      const found = expression.exec(text);
      return found
        ? name.replace(/\$(\d)/g, (_all, group: string) => found[Number(group)] ?? "").trim()
        : undefined;
    };
  });
  return (name, description) => {
    for (const rule of ready)
      for (const text of [name, description]) {
        const found = text ? rule(text.slice(0, TEXT)) : undefined;
        if (found) return cleanPayee(found) === "" ? undefined : found;
      }
    return undefined;
  };
}

function compiled(pattern: string): RegExp {
  if (pattern.length > PATTERN)
    throw new TallyError(
      "CONFIG_INVALID",
      `A pattern of the payee names is longer than ${PATTERN} characters.`,
    );
  try {
    return new RegExp(pattern, "iu");
  } catch (cause) {
    throw new TallyError(
      "CONFIG_INVALID",
      `"${pattern}" is no regular expression: ${cause instanceof Error ? cause.message : String(cause)}.`,
      { cause },
    );
  }
}
