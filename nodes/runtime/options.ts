import { TallyError } from "../../lib/values";
import type { Field, NodeSchema, OptionsOf } from "./schema";

/** Where the values of a node's options may come from. */
export interface OptionSources {
  /** The node's properties as the editor saved them. */
  config: Readonly<Record<string, unknown>>;
  credentials?: Readonly<Record<string, unknown>> | undefined;
  /** The incoming message. */
  msg?: Readonly<Record<string, unknown>>;
  env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The options of a node: for each field the message's property, else the editor's value, else the environment
 * variable, else the default. An empty value counts as none. Texts become numbers, booleans and lists where the
 * field is one.
 * @throws TallyError CONFIG_INVALID naming each field that is wrong and where its value came from; the values
 *   themselves are not repeated, since they may be secrets
 */
export function resolveOptions<N extends NodeSchema>(schema: N, sources: OptionSources): OptionsOf<N> {
  const values: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  for (const field of schema.fields) {
    const found = candidates(field, sources).find(({ value }) => !isBlank(value));
    if (!found) continue;
    values[field.name] = coerce(field, found.value);
    origins.set(field.name, found.origin);
  }
  const parsed = schema.options.safeParse(values);
  if (parsed.success) return parsed.data as OptionsOf<N>;
  const problems = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0] ?? "");
    const field = schema.fields.find((one) => one.name === name);
    const label = field?.label ?? name;
    const place = issue.path.length > 1 ? ` at ${issue.path.slice(1).map(String).join(".")}` : "";
    const origin = origins.get(name);
    if (field && !origin) return `${label} is empty: ${howToSet(field)}`;
    return `${label}${place}: ${issue.message} (from ${origin ?? "its default"})`;
  });
  throw new TallyError("CONFIG_INVALID", `${schema.type}: ${problems.join("; ")}.`, {
    details: {
      type: schema.type,
      fields: [...new Set(parsed.error.issues.map((issue) => String(issue.path[0] ?? "")))],
      problems,
    },
  });
}

function candidates(field: Field, sources: OptionSources): { origin: string; value: unknown }[] {
  const found: { origin: string; value: unknown }[] = [];
  if (field.msgProperty)
    found.push({ origin: `msg.${field.msgProperty}`, value: at(sources.msg, field.msgProperty) });
  const own = field.kind === "secret" ? sources.credentials : sources.config;
  found.push({ origin: "the editor", value: own?.[field.name] });
  if (field.env) found.push({ origin: field.env, value: (sources.env ?? process.env)[field.env] });
  return found;
}

function howToSet(field: Field): string {
  if (field.kind === "config") return `choose a ${field.config} node`;
  const message = field.msgProperty ? ` or msg.${field.msgProperty}` : "";
  return `set it in the editor, or set ${field.env}${message}`;
}

function at(msg: OptionSources["msg"], path: string): unknown {
  let value: unknown = msg;
  for (const part of path.split(".")) {
    if (value === null || typeof value !== "object") return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function isBlank(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    (typeof value === "string" && value.trim() === "") ||
    (Array.isArray(value) && value.length === 0)
  );
}

/** Texts from the form and the environment as what the field is; what cannot be read stays for zod to refuse. */
function coerce(field: Field, value: unknown): unknown {
  if (typeof value !== "string") return value;
  const text = value.trim();
  switch (field.kind) {
    case "number":
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : value;
    case "boolean":
      return /^(true|yes|1)$/i.test(text) ? true : /^(false|no|0)$/i.test(text) ? false : value;
    case "list":
    case "json":
      try {
        return JSON.parse(text) as unknown;
      } catch (cause) {
        throw new TallyError("CONFIG_INVALID", `${field.label} is not valid JSON.`, {
          details: { fields: [field.name] },
          cause,
        });
      }
    case "secret":
      return value;
    default:
      return text;
  }
}
