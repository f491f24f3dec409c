import {
  FEATURE_VERSION,
  modelName,
  promote,
  saveVersion,
  trainModel,
  type TrainedModel,
} from "../../lib/learning";
import { ModelRepository, ModelServer, type ServingAnswer, type ServingOptions } from "../../lib/serving";
import { categories, type Store } from "../../lib/store";
import { openStore } from "../../lib/store/open";
import { household } from "../learning/support";

export const BUDGET = "ynab:b";
export const NAME = modelName(BUDGET);
export const TOKEN = "a-token-of-at-least-24-letters";
export const AT = "2024-06-01T00:00:00.000Z";

let trained: TrainedModel | undefined;

/** A model of a small household, trained once for all specs. */
export function householdModel(): TrainedModel {
  return (trained ??= trainModel(household(600), { targetPrecision: 0.8 }).model);
}

export async function saveModel(store: Store, version: string, name = NAME): Promise<void> {
  const { info, threshold } = householdModel();
  await saveVersion(
    store,
    {
      model: name,
      version,
      createdAt: AT,
      estimator: info.estimator,
      parameters: {},
      featureVersion: FEATURE_VERSION,
      dataHash: info.dataHash,
      codeVersion: info.codeVersion,
      trainedOn: info.trainedOn,
      metrics: {},
      threshold,
    },
    householdModel().encode(),
  );
}

/** A store with the household's categories and, as version 1, its model in production. */
export async function servedStore(): Promise<Store> {
  const store = await openStore({ kind: "sqlite", path: ":memory:" });
  await fillStore(store, BUDGET);
  return store;
}

export async function fillStore(store: Store, budgetId: string): Promise<void> {
  const labels = [...new Set(household(600).map(({ label }) => label))];
  await store
    .collection(categories)
    .upsertMany(
      labels.map((id) => ({ id, budgetId, name: id.toUpperCase(), hidden: false, deleted: false })),
    );
  await saveModel(store, "1", modelName(budgetId));
  await promote(store, modelName(budgetId), "1", AT, "first");
}

export function serverOf(store: Store | undefined, options: Partial<ServingOptions> = {}): ModelServer {
  const server = new ModelServer({ token: TOKEN, maxRows: 10_000, maxBodyBytes: 8e6, ...options });
  if (store) server.repository = new ModelRepository(store, BUDGET);
  return server;
}

export interface Asked {
  method?: string;
  body?: unknown;
  token?: string | undefined;
  authorization?: string;
  /** Instead of the length of the body. */
  contentLength?: number | undefined;
  contentEncoding?: string;
  isGone?(): boolean;
}

/** A request as the web framework would hand it over: a body is sent as JSON, texts and bytes as they are. */
export async function ask(
  server: ModelServer,
  path: string,
  asked: Asked = {},
): Promise<{ status: number; body: never; headers: ServingAnswer["headers"] }> {
  const { body } = asked;
  const bytes =
    body === undefined
      ? Buffer.alloc(0)
      : typeof body === "string" || Buffer.isBuffer(body)
        ? Buffer.from(body)
        : Buffer.from(JSON.stringify(body));
  const token = "token" in asked ? asked.token : TOKEN;
  const answer = await server.answer({
    method: asked.method ?? (body === undefined ? "GET" : "POST"),
    path,
    authorization: asked.authorization ?? (token === undefined ? undefined : `Bearer ${token}`),
    contentLength: "contentLength" in asked ? asked.contentLength : bytes.length,
    contentEncoding: asked.contentEncoding,
    body: pieces(bytes),
    isGone: asked.isGone ?? (() => false),
  });
  const text = Buffer.concat(answer.body).toString("utf8");
  return { status: answer.status, body: JSON.parse(text) as never, headers: answer.headers };
}

async function* pieces(bytes: Buffer): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 64 * 1024)
    yield await Promise.resolve(bytes.subarray(at, at + 64 * 1024));
}

export interface Output {
  name: string;
  datatype: string;
  shape: number[];
  data: unknown[];
}

/** The outputs of an inference by their names. */
export function outputsOf(body: { outputs: Output[] }): Record<string, unknown[]> {
  return Object.fromEntries(body.outputs.map(({ name, data }) => [name, data]));
}

/** Payments as the columns of a request. */
export function columnsOf(rows: ReturnType<typeof household>): object[] {
  const n = rows.length;
  return [
    { name: "text", datatype: "BYTES", shape: [n], data: rows.map(({ text }) => text) },
    {
      name: "description",
      datatype: "BYTES",
      shape: [n, 1],
      data: rows.map(({ description }) => description),
    },
    { name: "amount", datatype: "INT64", shape: [n, 1], data: rows.map(({ amount }) => [amount]) },
    { name: "currency", datatype: "BYTES", shape: [n], data: rows.map(({ currency }) => currency) },
    { name: "date", datatype: "BYTES", shape: [n], data: rows.map(({ date }) => date) },
    { name: "account", datatype: "BYTES", shape: [n], data: rows.map(({ account }) => account) },
    { name: "type", datatype: "BYTES", shape: [n], data: rows.map(({ type }) => type ?? "") },
  ];
}
