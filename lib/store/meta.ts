import type { CollectionDef, Doc } from "./port";

/** Facts about the store itself; `schema` carries the version of its data. */
export interface Meta extends Doc {
  version: number;
}

export const META: CollectionDef<Meta> = { name: "store_meta", shardKey: "id", indexes: [] };
