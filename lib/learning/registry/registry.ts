import { createHash } from "node:crypto";
import {
  artifactChunks,
  models,
  modelVersions,
  type ArtifactChunk,
  type Model,
  type ModelMove,
  type ModelVersion,
  type Store,
} from "../../store";
import { TallyError, type Id, type Instant } from "../../values";
import { versionsReferredTo } from "./references";

/**
 * Models and their versions in the store. Order of writes: chunks, then the version, then an alias, so that a crash
 * leaves at worst chunks that nothing names, which the next retention removes.
 */

export type Alias = keyof Model["aliases"];

/** Bytes of one chunk before base64: a chunk is below 1 MB as text. */
const CHUNK_BYTES = 720 * 1024;
/** How often a move of aliases is tried again when another worker moved them first. */
const TRIES = 5;

/** Name of the model of a budget's categories. */
export function modelName(budgetId: Id): string {
  return `categories:${budgetId}`;
}

/** The budget whose categories a model is of, or undefined for another kind of model. */
export function budgetOf(model: string): Id | undefined {
  return model.startsWith("categories:") ? model.slice("categories:".length) : undefined;
}

/** A version that is to be stored; its id, artifact summary and model document are made here. */
export type VersionDraft = Omit<ModelVersion, "id" | "artifact">;

/** Store a version with its artifact in chunks. The same version again changes nothing. */
export async function saveVersion(
  store: Store,
  draft: VersionDraft,
  bytes: Uint8Array,
): Promise<ModelVersion> {
  const id = versionId(draft.model, draft.version);
  const chunks = store.collection(artifactChunks);
  const count = Math.ceil(bytes.length / CHUNK_BYTES);
  const hash = createHash("sha256");
  for (let i = 0; i < count; i++) {
    const part = bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
    const data = Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString("base64");
    // One at a time, so that neither the event loop nor the store meets all of it at once.
    await chunks.upsertMany([{ id: chunkId(id, i), model: draft.model, data }]);
    hash.update(part);
  }
  const version: ModelVersion = {
    ...draft,
    id,
    artifact: { chunks: count, bytes: bytes.length, sha256: hash.digest("hex") },
  };
  await store.collection(modelVersions).upsertMany([version]);
  await store.collection(models).insertMissing([{ id: draft.model, aliases: {}, moves: [] }]);
  return version;
}

/**
 * The artifact of a version.
 * @throws TallyError MODEL_MISSING when the version or a chunk is gone, or the bytes are not what was stored
 */
export async function loadArtifact(
  store: Store,
  model: string,
  version: string,
): Promise<{ version: ModelVersion; bytes: Uint8Array }> {
  const id = versionId(model, version);
  const found = await store.collection(modelVersions).get(id);
  if (!found)
    throw new TallyError("MODEL_MISSING", `Version ${version} of the model is not stored. Train again.`, {
      details: { model },
    });
  const bytes = new Uint8Array(found.artifact.bytes);
  const hash = createHash("sha256");
  let at = 0;
  for (let i = 0; i < found.artifact.chunks; i++) {
    const chunk = await store.collection(artifactChunks).get(chunkId(id, i));
    if (!chunk) break;
    const part = Buffer.from(chunk.data, "base64");
    if (at + part.length > bytes.length) break;
    bytes.set(part, at);
    hash.update(part);
    at += part.length;
  }
  if (at !== bytes.length || hash.digest("hex") !== found.artifact.sha256) {
    throw new TallyError(
      "MODEL_MISSING",
      `Version ${version} of the model is damaged. Roll back or train again.`,
      { details: { model } },
    );
  }
  return { version: found, bytes };
}

const moveCounts = new WeakMap<Store, number>();

/**
 * How often aliases were moved in this store by this process. Who keeps for a moment what an alias points at looks here
 * whether it still does; moves of other processes are seen by reading alone.
 */
export function aliasMoves(store: Store): number {
  return moveCounts.get(store) ?? 0;
}

/** The version an alias points at, or undefined. */
export async function resolveAlias(store: Store, model: string, alias: Alias): Promise<string | undefined> {
  return (await store.collection(models).get(model))?.aliases[alias];
}

/** All versions of a model, oldest first. */
export async function listVersions(store: Store, model: string): Promise<ModelVersion[]> {
  const versions: ModelVersion[] = [];
  for await (const version of store.collection(modelVersions).scan({ index: "byModel", equals: [model] }))
    versions.push(version);
  return versions;
}

/** Make a version the candidate. @throws TallyError MODEL_MISSING for an unknown version; STORE_CONFLICT */
export async function setCandidate(
  store: Store,
  model: string,
  version: string,
  at: Instant,
  reason: string,
): Promise<Model> {
  return move(store, model, at, reason, (aliases) => ({ ...aliases, candidate: version }));
}

/**
 * Put a version into production; what was there becomes `previous`. Nothing happens when it is there already.
 * @throws TallyError MODEL_MISSING for an unknown version; STORE_CONFLICT
 */
export async function promote(
  store: Store,
  model: string,
  version: string,
  at: Instant,
  reason: string,
): Promise<Model> {
  return move(store, model, at, reason, (aliases) => {
    if (aliases.production === version) return aliases;
    const { candidate, production } = aliases;
    return {
      production: version,
      ...(candidate && candidate !== version && { candidate }),
      ...(production && { previous: production }),
    };
  });
}

/**
 * Back to the version before: `production` and `previous` change places, so that a rollback can be rolled back.
 * @throws TallyError MODEL_MISSING when there is no version before; STORE_CONFLICT
 */
export async function rollback(store: Store, model: string, at: Instant, reason: string): Promise<Model> {
  const back = (aliases: Model["aliases"]) => {
    if (!aliases.previous)
      throw new TallyError("MODEL_MISSING", "There is no previous version to go back to.", {
        details: { model },
      });
    return {
      ...aliases,
      production: aliases.previous,
      ...(aliases.production && { previous: aliases.production }),
    };
  };
  return move(store, model, at, reason, back, { rolledBack: true });
}

/** Did somebody go back from this version, and was it not put into production since? */
export function wasRolledBack(model: Model | undefined, version: string): boolean {
  const last = model?.moves.findLast((one) => one.version === version && one.alias !== "candidate");
  return last?.alias === "previous" && last.rolledBack === true;
}

/**
 * Remove old versions beyond the newest `keep`; never one that an alias points at, nor one that payments in review,
 * reviews or shadow outcomes of the last 90 days name.
 * @returns the versions removed
 */
export async function retain(
  store: Store,
  model: string,
  keep: number,
  now: Instant = new Date().toISOString(),
): Promise<string[]> {
  const versions = await listVersions(store, model);
  const old = versions.slice(0, Math.max(0, versions.length - keep));
  const budgetId = budgetOf(model);
  const named =
    old.length > 0 && budgetId !== undefined
      ? await versionsReferredTo(store, budgetId, now)
      : new Set<string>();
  // Read last: an alias may have been moved meanwhile.
  const aliases = new Set(Object.values((await store.collection(models).get(model))?.aliases ?? {}));
  const doomed = old.filter(({ version }) => !aliases.has(version) && !named.has(version));
  // The version goes first: what it named can then no longer be loaded in part.
  await store.collection(modelVersions).deleteMany(doomed.map(({ id }) => id));
  const known = new Set((await listVersions(store, model)).map(({ id }) => id));
  const orphans: string[] = [];
  for await (const id of chunkIds(store, model))
    if (!known.has(id.slice(0, id.lastIndexOf("#")))) orphans.push(id);
  await store.collection(artifactChunks).deleteMany(orphans);
  return doomed.map(({ version }) => version);
}

async function* chunkIds(store: Store, model: string): AsyncIterable<string> {
  let after: string | undefined;
  do {
    const page = await store.collection<ArtifactChunk>(artifactChunks).find({
      index: "byModel",
      equals: [model],
      limit: 4,
      ...(after !== undefined && { after }),
    });
    for (const chunk of page.items) yield chunk.id;
    after = page.next;
  } while (after !== undefined);
}

async function move(
  store: Store,
  model: string,
  at: Instant,
  reason: string,
  change: (aliases: Model["aliases"]) => Model["aliases"],
  more: Partial<ModelMove> = {},
): Promise<Model> {
  const collection = store.collection(models);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const present = await collection.get(model);
    if (!present)
      throw new TallyError("MODEL_MISSING", "No model of this name is stored yet.", { details: { model } });
    const aliases = change(present.aliases);
    const moved = (["production", "candidate", "previous"] as const).filter(
      (alias) => aliases[alias] !== undefined && aliases[alias] !== present.aliases[alias],
    );
    if (moved.length === 0 && Object.keys(aliases).length === Object.keys(present.aliases).length)
      return present;
    for (const alias of moved) await known(store, model, aliases[alias]!);
    const moves = [
      ...present.moves,
      ...moved.map((alias) => ({ alias, version: aliases[alias]!, at, reason, ...more })),
    ];
    const result = await collection.updateMany([
      { id: model, expected: { aliases: present.aliases, moves: present.moves }, set: { aliases, moves } },
    ]);
    if (result.updatedIds.length === 1) {
      moveCounts.set(store, aliasMoves(store) + 1);
      return { ...present, aliases, moves };
    }
  }
  throw new TallyError("STORE_CONFLICT", "Another worker keeps moving the model's aliases. Try again.", {
    retryable: true,
    details: { model },
  });
}

async function known(store: Store, model: string, version: string): Promise<void> {
  if (await store.collection(modelVersions).get(versionId(model, version))) return;
  throw new TallyError("MODEL_MISSING", `Version ${version} of the model is not stored.`, {
    details: { model },
  });
}

function versionId(model: string, version: string): Id {
  return `${model}@${version}`;
}

function chunkId(version: Id, i: number): Id {
  return `${version}#${String(i).padStart(6, "0")}`;
}
