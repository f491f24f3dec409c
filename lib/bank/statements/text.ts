/** Small helpers that the readers share. */

/** Blanks and line ends collapsed to one space, none at the ends. */
export function squash(text: string): string {
  return text.replace(/[\s\u00a0]+/g, " ").trim();
}

/** The text squashed, or undefined where nothing is left. */
export function present(text: string | undefined): string | undefined {
  const found = text === undefined ? "" : squash(text);
  return found === "" ? undefined : found;
}

/** Words that banks put where there is no reference. */
const NO_REFERENCE =
  /^(?:not ?provided|notprovided|nonref|non ?ref|none|noref|kref\+?|eref\+?|n\/?a|nicht angegeben|unknown|[0\-.\s/x]*)$/i;

/** A reference that says something, or undefined. */
export function reference(text: string | undefined): string | undefined {
  const found = present(text);
  return found === undefined || NO_REFERENCE.test(found) ? undefined : found;
}

/** An object without its undefined members, so that absent fields are absent. */
export function compact<T extends object>(value: T): T {
  for (const key of Object.keys(value) as (keyof T)[]) if (value[key] === undefined) delete value[key];
  return value;
}

/** As {@link compact}, but undefined where nothing is left. */
export function compactOrNone<T extends object>(value: T): T | undefined {
  return Object.keys(compact(value)).length === 0 ? undefined : value;
}
