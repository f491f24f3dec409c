import { z } from "zod";

/**
 * One schema for each node. Its entries carry what people read and where a value may come from; the TypeScript type,
 * the validation, the editor's form and defaults, the labels and the help table are all derived from it.
 */

/** What a field needs beside its zod type. */
export interface FieldInfo {
  label: string;
  /** One or two sentences for the help table and the form's tooltip. */
  description: string;
  /** Text for each value of an enum, in the form's list. */
  options?: Readonly<Record<string, string>>;
  /** Points at a config node of this type; its value is that node's id. */
  config?: "tally-store" | "tally-bank" | "tally-budget";
  /** Kept as a Node-RED credential, never in the flow file. */
  secret?: boolean;
  /** May a message set it? Not for config nodes, connections and secrets. */
  msg?: boolean;
  /** Columns of a list of objects, as the form shows them. */
  columns?: readonly { name: string; label: string }[];
  /** The field counts only when another field has one of these values. */
  when?: { field: string; values: readonly string[] };
  /** Shown in the empty field where the default is not a plain value. */
  placeholder?: string;
}

const infos = z.registry<FieldInfo>();

/** Attach what people read to a zod type. Call it last: methods of zod return new types without it. */
export function field<S extends z.ZodType>(schema: S, info: FieldInfo): S {
  infos.add(schema, info);
  return schema;
}

export type FieldKind = "text" | "number" | "boolean" | "select" | "config" | "secret" | "list" | "json";

/** A field of a node as the editor, the help and the resolver see it. */
export interface Field extends FieldInfo {
  name: string;
  kind: FieldKind;
  schema: z.ZodType;
  /** Undefined when there is none. */
  default: unknown;
  required: boolean;
  /** Environment variable that fills the field when it is left empty; absent for references to config nodes. */
  env?: string;
  /** Path of the message property that overrides the field. */
  msgProperty?: string;
  /** Values of an enum. */
  values: readonly string[];
}

export interface NodeSchema<S extends z.ZodRawShape = z.ZodRawShape> {
  readonly type: `tally-${string}`;
  readonly role: "config" | "step" | "source" | "listener";
  readonly options: z.ZodObject<S>;
  readonly fields: readonly Field[];
  /** How many outputs the node has; more than one where a result comes with messages of its own. */
  readonly outputs: number;
}

/** What `run` is given: the resolved options, by name. */
export type OptionsOf<N> = N extends NodeSchema<infer S> ? z.output<z.ZodObject<S>> : never;

/**
 * The schema of a node.
 * @param type the node's type, `tally-...`
 * @param role a config node, a step of a flow, a source that begins one, or a listener: a source without an input
 * @param shape the fields in the order of the form, each made by {@link field}
 * @param outputs 0 for a config node, else 1, unless it has more
 */
export function nodeSchema<S extends z.ZodRawShape>(
  type: NodeSchema["type"],
  role: NodeSchema["role"],
  shape: S,
  outputs = role === "config" ? 0 : 1,
): NodeSchema<S> {
  const fields = Object.entries(shape).map(([name, schema]) =>
    describe(type, role, name, schema as unknown as z.ZodType),
  );
  return { type, role, options: z.object(shape), fields, outputs };
}

function describe(
  type: NodeSchema["type"],
  role: NodeSchema["role"],
  name: string,
  schema: z.ZodType,
): Field {
  const info = infos.get(schema);
  if (!info) throw new Error(`${type}: the field "${name}" has no label and description.`);
  let inner = schema;
  let fallback: unknown;
  while (inner instanceof z.ZodDefault || inner instanceof z.ZodOptional || inner instanceof z.ZodNullable) {
    if (inner instanceof z.ZodDefault) fallback = inner.def.defaultValue;
    inner = inner.unwrap() as z.ZodType;
  }
  const kind = info.config ? "config" : info.secret ? "secret" : kindOf(inner, info);
  const constant = (text: string) => text.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/-/g, "_");
  const byMessage = role === "step" && kind !== "config" && kind !== "secret" && info.msg !== false;
  return {
    ...info,
    name,
    kind,
    schema,
    default: fallback,
    required: !schema.safeParse(undefined).success,
    values: inner instanceof z.ZodEnum ? inner.options.map(String) : [],
    ...(kind === "config"
      ? {}
      : { env: `TALLYFLOW_${constant(type.slice("tally-".length))}_${constant(name)}`.toUpperCase() }),
    ...(byMessage ? { msgProperty: `tally.options.${name}` } : {}),
  };
}

function kindOf(schema: z.ZodType, info: FieldInfo): FieldKind {
  if (schema instanceof z.ZodNumber) return "number";
  if (schema instanceof z.ZodBoolean) return "boolean";
  if (schema instanceof z.ZodEnum) return "select";
  if (schema instanceof z.ZodArray) return info.columns ? "list" : "json";
  if (schema instanceof z.ZodObject || schema instanceof z.ZodRecord) return "json";
  return "text";
}

/** The credentials of a node as Node-RED's registerType wants them: its secret fields. */
export function credentialsOf(schema: NodeSchema): Record<string, { type: "password" }> {
  const secrets = schema.fields.filter((field) => field.kind === "secret");
  return Object.fromEntries(secrets.map((field) => [field.name, { type: "password" as const }]));
}
