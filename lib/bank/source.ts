import { TallyError, sourceOf } from "../values";

/**
 * The name of a bank connection, which every id of what it yields begins with.
 * @throws TallyError CONFIG_INVALID for a name with a colon: ids are taken apart there
 */
export function sourceName(name: string): string {
  if (sourceOf(`${name}:`) === name) return name;
  throw new TallyError("CONFIG_INVALID", `The name of a bank connection may not hold a colon: "${name}".`);
}
