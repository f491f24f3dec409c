import type { Collection, CollectionDef, Doc, Store } from "../../lib/store";

/** Thrown in the place of a kill -9: whatever runs above it stops there, as a process would. */
export class Killed extends Error {
  constructor() {
    super("killed");
  }
}

/**
 * A store that dies at its n-th write: before it, or after it was stored. Every later call dies too, as after a kill.
 * The data stays in the store below.
 */
export function crashingStore(
  store: Store,
  dieAt: number,
  when: "before" | "after",
): Store & { writes: number } {
  const WRITES = new Set(["upsertMany", "insertMissing", "updateMany", "deleteMany"]);
  const state = { writes: 0, dead: false };
  const wrap = <T extends Doc>(collection: Collection<T>): Collection<T> =>
    new Proxy(collection, {
      get(target, name: keyof Collection<T>) {
        const member = target[name];
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => {
          if (state.dead) throw new Killed();
          const call = () => (member as (...all: unknown[]) => unknown).apply(target, args);
          if (!WRITES.has(name)) return call();
          return (async () => {
            const fatal = ++state.writes === dieAt;
            if (fatal) state.dead = true;
            if (fatal && when === "before") throw new Killed();
            const result = await call();
            if (fatal) throw new Killed();
            return result;
          })();
        };
      },
    });
  return {
    kind: store.kind,
    collection: <T extends Doc>(def: CollectionDef<T>) => wrap(store.collection(def)),
    schemaVersion: () => store.schemaVersion(),
    ping: () => store.ping(),
    close: async () => {},
    get writes() {
      return state.writes;
    },
  };
}
