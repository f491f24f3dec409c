import { readFileSync } from "node:fs";
import Ajv, { type ErrorObject, type ValidateFunction } from "ajv";
import Ajv2020 from "ajv/dist/2020";
import addFormats from "ajv-formats";
import { load as loadYaml } from "js-yaml";

/**
 * Judges requests and answers by an official OpenAPI description (3.0 or 3.1, JSON or YAML). Schemas of 3.0 are
 * turned into JSON Schema first (`nullable`, boolean `exclusiveMinimum`, members beside `$ref`), because ajv knows
 * JSON Schema only. Source: OpenAPI Specification 3.0.3 and 3.1.0, "Schema Object" and "Paths Object".
 */

type JsonObject = { [key: string]: unknown };

const METHODS = ["get", "put", "post", "delete", "patch", "head", "options"] as const;

export interface OpenApiOptions {
  /** A member that is null counts as one that is not there: for descriptions that forget to say `nullable`. */
  nullIsAbsent?: boolean;
  /**
   * Members of an object that its schema does not name are faults, so that misspelt names are found. Not for
   * descriptions that compose named schemas with `allOf`.
   */
  closed?: boolean;
}

export interface JudgedRequest {
  method: string;
  /** Path as on the wire, with the base path and without (or with) the query. */
  path: string;
  query?: Record<string, string>;
  headers?: Record<string, string | undefined>;
  /** The parsed JSON body; absent when none was sent. */
  body?: unknown;
}

export interface JudgedResponse {
  method: string;
  path: string;
  status: number;
  /** The parsed JSON body; absent when none was sent. */
  body?: unknown;
}

export interface Operation {
  method: string;
  /** The path template as the description has it. */
  template: string;
  operationId?: string;
  /** Values of the template's parameters. */
  pathParameters: Record<string, string>;
}

interface Route {
  method: string;
  template: string;
  pattern: RegExp;
  names: string[];
  operation: JsonObject;
  parameters: JsonObject[];
}

/** Read an OpenAPI description from a JSON or YAML file. */
export function loadOpenApi(file: string, options: OpenApiOptions = {}): OpenApi {
  const text = readFileSync(file, "utf8");
  const document = (file.endsWith(".json") ? JSON.parse(text) : loadYaml(text)) as JsonObject;
  return new OpenApi(document, options);
}

export class OpenApi {
  readonly #document: JsonObject;
  readonly #options: OpenApiOptions;
  readonly #basePaths: string[];
  readonly #routes: Route[];
  readonly #engines = new Map<string, Ajv>();
  readonly #compiled = new Map<string, ValidateFunction>();

  constructor(document: JsonObject, options: OpenApiOptions = {}) {
    this.#document = document;
    this.#options = options;
    this.#basePaths = basePaths(document);
    this.#routes = this.#readRoutes();
  }

  /** The operation that answers a method and path, a literal path before one with parameters. */
  find(method: string, path: string): Operation | undefined {
    const found = this.#match(method, path);
    if (!found) return undefined;
    const operationId = found.route.operation["operationId"];
    return {
      method: found.route.method,
      template: found.route.template,
      ...(typeof operationId === "string" ? { operationId } : {}),
      pathParameters: found.values,
    };
  }

  /** What is wrong with a request, one line each; empty when it conforms. */
  checkRequest(request: JudgedRequest): string[] {
    const found = this.#match(request.method, request.path);
    if (!found) return [`${request.method} ${request.path}: no such operation`];
    const label = `${found.route.method.toUpperCase()} ${found.route.template}`;
    const faults = this.#checkParameters(found, request);
    const body = this.#resolve(found.route.operation["requestBody"]);
    const content = body && jsonContent(body);
    if (request.body === undefined) {
      if (body?.["required"] === true) faults.push("a body is required and none was sent");
    } else if (!body) {
      if (found.route.method !== "get") faults.push("a body was sent and none is described");
    } else if (content) {
      faults.push(...this.#checkValue("request", content["schema"], request.body, "body"));
    }
    return faults.map((fault) => `${label}: ${fault}`);
  }

  /** What is wrong with an answer, one line each; empty when it conforms. */
  checkResponse(response: JudgedResponse): string[] {
    const found = this.#match(response.method, response.path);
    if (!found) return [`${response.method} ${response.path}: no such operation`];
    const label = `${found.route.method.toUpperCase()} ${found.route.template} -> ${response.status}`;
    const responses = (found.route.operation["responses"] ?? {}) as JsonObject;
    const status = String(response.status);
    const described = this.#resolve(
      responses[status] ?? responses[`${status[0]}XX`] ?? responses["default"] ?? undefined,
    );
    if (!described) return [`${label}: the status is not described`];
    const content = jsonContent(described);
    if (!content) return [];
    if (response.body === undefined) return [`${label}: a body is described and none was sent`];
    const faults = this.#checkValue("response", content["schema"], response.body, "body");
    return faults.map((fault) => `${label}: ${fault}`);
  }

  /** What is wrong with a value by the schema of a name in `components.schemas`. */
  checkSchema(name: string, value: unknown, direction: "request" | "response" = "response"): string[] {
    return this.#checkValue(direction, { $ref: `#/components/schemas/${escapePointer(name)}` }, value, name);
  }

  #checkParameters(
    found: { route: Route; values: Record<string, string> },
    request: JudgedRequest,
  ): string[] {
    const query = { ...queryOf(request.path), ...request.query };
    const headers = Object.fromEntries(
      Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const faults: string[] = [];
    for (const parameter of found.route.parameters) {
      const name = String(parameter["name"]);
      const place = String(parameter["in"]);
      const text =
        place === "path"
          ? found.values[name]
          : place === "query"
            ? query[name]
            : place === "header"
              ? headers[name.toLowerCase()]
              : undefined;
      if (text === undefined) {
        if (parameter["required"] === true && place !== "cookie") {
          faults.push(`${place} parameter ${name} is required`);
        }
      } else if (parameter["schema"]) {
        const value = coerce(text, this.#resolve(parameter["schema"]) ?? {});
        faults.push(...this.#checkValue("request", parameter["schema"], value, `${place} parameter ${name}`));
      }
    }
    return faults;
  }

  #checkValue(direction: "request" | "response", schema: unknown, value: unknown, what: string): string[] {
    if (schema === undefined) return [];
    const key = `${direction}${JSON.stringify(schema)}`;
    let validate = this.#compiled.get(key);
    if (!validate) {
      const converted = convert(schema, this.#conversion(direction)) as JsonObject;
      validate = this.#engine(direction).compile(absoluteRefs(converted) as JsonObject);
      this.#compiled.set(key, validate);
    }
    if (validate(this.#options.nullIsAbsent ? withoutNulls(value) : value)) return [];
    return (validate.errors ?? []).map((error) => describe(what, error));
  }

  #conversion(direction: "request" | "response"): Conversion {
    const legacy = String(this.#document["openapi"]).startsWith("3.0");
    return { direction, legacy, closed: this.#options.closed ?? false };
  }

  #engine(direction: "request" | "response"): Ajv {
    let engine = this.#engines.get(direction);
    if (!engine) {
      const settings = { strict: false, allErrors: true, validateFormats: true, logger: false as const };
      const conversion = this.#conversion(direction);
      engine = conversion.legacy ? new Ajv(settings) : (new Ajv2020(settings) as unknown as Ajv);
      addFormats(engine);
      const schemas = ((this.#document["components"] ?? {}) as JsonObject)["schemas"] as
        JsonObject | undefined;
      const converted = Object.fromEntries(
        Object.entries(schemas ?? {}).map(([name, schema]) => [name, convert(schema, conversion)]),
      );
      engine.addSchema({ $id: DOCUMENT, components: { schemas: converted } } as JsonObject);
      this.#engines.set(direction, engine);
    }
    return engine;
  }

  #resolve(value: unknown): JsonObject | undefined {
    let current = value as JsonObject | undefined;
    for (let depth = 0; current && typeof current["$ref"] === "string" && depth < 20; depth++) {
      const steps = current["$ref"].slice(2).split("/").map(unescapePointer);
      current = steps.reduce<unknown>(
        (at, step) => (at as JsonObject | undefined)?.[step],
        this.#document,
      ) as JsonObject | undefined;
    }
    return current;
  }

  #readRoutes(): Route[] {
    const routes: Route[] = [];
    for (const [template, item] of Object.entries((this.#document["paths"] ?? {}) as JsonObject)) {
      const names: string[] = [];
      const source = template
        .split(/(\{[^}]+\})/)
        .map((part) => {
          if (!part.startsWith("{")) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
          names.push(part.slice(1, -1));
          return "([^/]+)";
        })
        .join("");
      const pattern = new RegExp(`^${source}$`);
      for (const method of METHODS) {
        const operation = (item as JsonObject)[method] as JsonObject | undefined;
        if (!operation) continue;
        const own = [...(((item as JsonObject)["parameters"] as unknown[] | undefined) ?? [])];
        const all = [...own, ...((operation["parameters"] as unknown[] | undefined) ?? [])];
        const parameters = all.map((parameter) => this.#resolve(parameter)!).filter(Boolean);
        routes.push({ method, template, pattern, names, operation, parameters });
      }
    }
    return routes.sort((a, b) => a.names.length - b.names.length);
  }

  #match(method: string, path: string): { route: Route; values: Record<string, string> } | undefined {
    const plain = path.split("?")[0]!;
    for (const base of this.#basePaths) {
      if (base !== "" && plain !== base && !plain.startsWith(`${base}/`)) continue;
      const below = plain.slice(base.length);
      for (const route of this.#routes) {
        const hit = route.method === method.toLowerCase() ? route.pattern.exec(below) : null;
        if (hit) {
          const values = route.names.map((name, at) => [name, decodeURIComponent(hit[at + 1]!)]);
          return { route, values: Object.fromEntries(values) as Record<string, string> };
        }
      }
    }
    return undefined;
  }
}

const DOCUMENT = "https://spec.invalid/document";

interface Conversion {
  direction: "request" | "response";
  legacy: boolean;
  closed: boolean;
}

/** Keywords whose value is a map of names to schemas: their keys are names, not keywords. */
const MAPS = new Set(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"]);

function convert(schema: unknown, how: Conversion, open = false): unknown {
  if (Array.isArray(schema)) return schema.map((item) => convert(item, how, open));
  if (schema === null || typeof schema !== "object") return schema;
  const source = schema as JsonObject;
  if (how.legacy && typeof source["$ref"] === "string") return { $ref: source["$ref"] };
  const result: JsonObject = {};
  const composed = ["allOf", "anyOf", "oneOf"].some((key) => source[key] !== undefined);
  for (const [key, value] of Object.entries(source)) {
    // Not a keyword of 3.1 any more, though descriptions still carry it.
    if (key === "nullable" && !how.legacy) continue;
    if (["example", "examples", "default", "enum", "const", "required"].includes(key)) result[key] = value;
    else if (MAPS.has(key)) {
      const members = Object.entries(value as JsonObject);
      result[key] = Object.fromEntries(members.map(([name, member]) => [name, convert(member, how)]));
    } else result[key] = convert(value, how, composed || open);
  }
  dropOtherDirection(source, result, how.direction);
  if (how.legacy) fromLegacy(source, result);
  if (
    how.closed &&
    !composed &&
    !open &&
    source["properties"] !== undefined &&
    source["additionalProperties"] === undefined
  ) {
    result["additionalProperties"] = false;
  }
  return result;
}

/** `required` does not hold for a read-only member of a request, nor for a write-only one of an answer. */
function dropOtherDirection(source: JsonObject, result: JsonObject, direction: "request" | "response"): void {
  const required = source["required"];
  if (!Array.isArray(required)) return;
  const mark = direction === "request" ? "readOnly" : "writeOnly";
  const members = (source["properties"] ?? {}) as Record<string, JsonObject | undefined>;
  result["required"] = required.filter((name: string) => members[name]?.[mark] !== true);
}

function fromLegacy(source: JsonObject, result: JsonObject): void {
  for (const [bound, exclusive] of [
    ["minimum", "exclusiveMinimum"],
    ["maximum", "exclusiveMaximum"],
  ] as const) {
    if (typeof source[exclusive] !== "boolean") continue;
    delete result[exclusive];
    if (source[exclusive]) {
      result[exclusive] = source[bound];
      delete result[bound];
    }
  }
  if (source["nullable"] === true) {
    delete result["nullable"];
    if (typeof source["type"] === "string") result["type"] = [source["type"], "null"];
    if (Array.isArray(source["enum"]) && !source["enum"].includes(null)) {
      result["enum"] = [...(source["enum"] as unknown[]), null];
    }
  }
}

function absoluteRefs(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(absoluteRefs);
  if (schema === null || typeof schema !== "object") return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) =>
      key === "$ref" && typeof value === "string" && value.startsWith("#")
        ? [key, DOCUMENT + value]
        : [key, absoluteRefs(value)],
    ),
  );
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutNulls(member)]));
}

function coerce(text: string, schema: JsonObject): unknown {
  const types = [schema["type"]].flat();
  if ((types.includes("integer") || types.includes("number")) && /^-?\d+(\.\d+)?$/.test(text))
    return Number(text);
  if (types.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  return text;
}

function jsonContent(described: JsonObject): JsonObject | undefined {
  const content = (described["content"] ?? {}) as Record<string, JsonObject>;
  return content["application/json"] ?? Object.entries(content).find(([type]) => /\bjson\b/.test(type))?.[1];
}

function basePaths(document: JsonObject): string[] {
  const named = (document["servers"] as JsonObject[] | undefined) ?? [];
  // An empty list counts as none.
  const servers: JsonObject[] = named.length > 0 ? named : [{ url: "/" }];
  const paths = servers.map((server) => {
    const variables = (server["variables"] ?? {}) as Record<string, JsonObject>;
    const url = String(server["url"]).replace(/\{([^}]+)\}/g, (_, name: string) =>
      String(variables[name]?.["default"] ?? ""),
    );
    return new URL(url, "http://host.invalid").pathname.replace(/\/+$/, "");
  });
  return [...new Set(paths)];
}

function queryOf(path: string): Record<string, string> {
  const at = path.indexOf("?");
  return at < 0 ? {} : Object.fromEntries(new URLSearchParams(path.slice(at + 1)));
}

function describe(what: string, error: ErrorObject): string {
  const extra = error.params["additionalProperty"] as string | undefined;
  return `${what}${error.instancePath} ${error.message ?? error.keyword}${extra ? ` (${extra})` : ""}`;
}

const escapePointer = (text: string) => encodeURIComponent(text.replace(/~/g, "~0").replace(/\//g, "~1"));
const unescapePointer = (text: string) => decodeURIComponent(text).replace(/~1/g, "/").replace(/~0/g, "~");
