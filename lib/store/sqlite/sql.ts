import type { Condition, RangePlan, Segment } from "../query";
import type { CollectionDef, Doc, Scalar } from "../port";

/** Statements of the SQLite adapter. Names were checked by `checkDefinition`, so they can stand in the text. */

export type Bind = string | number | null;

export interface Statement {
  sql: string;
  binds: Bind[];
}

/** The tables and indexes of a collection; each may be there already. */
export function schemaOf(def: CollectionDef<Doc>): string[] {
  const create = `CREATE TABLE IF NOT EXISTS "${def.name}" (id TEXT PRIMARY KEY NOT NULL, hash TEXT NOT NULL, body TEXT NOT NULL)`;
  const indexes = def.indexes.map((index) => {
    const fields = index.fields.filter((field) => field !== "id");
    const columns = [...fields.map(column), "id"].join(", ");
    // The fields are part of the name: a changed definition gets a new index rather than a wrong one.
    const name = `ix_${def.name}_${index.name}__${fields.join("_")}`;
    return `CREATE INDEX IF NOT EXISTS "${name}" ON "${def.name}" (${columns})`;
  });
  return [create, ...indexes];
}

function column(field: string): string {
  return field === "id" ? "id" : `json_extract(body, '$.${field}')`;
}

/** The body as a column, without some of its fields. */
export function bodyColumn(without: readonly string[]): string {
  if (without.length === 0) return "body";
  return `json_remove(body, ${without.map((field) => `'$.${field}'`).join(", ")}) AS body`;
}

/** The bodies of one segment of a range, in order, at most `limit`. */
export function selectSegment(
  table: string,
  segment: Segment,
  plan: RangePlan,
  limit: number,
  without: readonly string[],
): Statement {
  const where = whereOf(segment, plan.descending);
  const direction = plan.descending ? " DESC" : "";
  const order = plan.sort.map((field) => column(field) + direction).join(", ");
  return {
    sql: `SELECT ${bodyColumn(without)} FROM "${table}"${where.sql}${order === "" ? "" : ` ORDER BY ${order}`} LIMIT ?`,
    binds: [...where.binds, limit],
  };
}

/** The bodies in which a field has a value, by id. */
export function selectWhere(table: string, field: string): string {
  return `SELECT body FROM "${table}" WHERE ${column(field)} = ? ORDER BY id`;
}

/** How many documents a segment holds. */
export function countSegment(table: string, segment: Segment): Statement {
  const where = whereOf(segment, false);
  return { sql: `SELECT count(*) AS n FROM "${table}"${where.sql}`, binds: where.binds };
}

function whereOf(segment: Segment, descending: boolean): Statement {
  const parts = segment.conditions.map(conditionOf);
  if (segment.keyset) parts.push(keysetOf(segment.keyset.fields, segment.keyset.values, descending));
  if (parts.length === 0) return { sql: "", binds: [] };
  return {
    sql: ` WHERE ${parts.map((part) => part.sql).join(" AND ")}`,
    binds: parts.flatMap((part) => part.binds),
  };
}

function conditionOf({ field, op, value }: Condition): Statement {
  const name = column(field);
  if (op === "notNull") return { sql: `${name} IS NOT NULL`, binds: [] };
  if (op === "=") {
    return value === null
      ? { sql: `${name} IS NULL`, binds: [] }
      : { sql: `${name} = ?`, binds: [bind(value)] };
  }
  // SQLite orders numbers before text: a bound takes in values of its own type only, as MongoDB's does.
  const text = typeof value === "string";
  let guard = "";
  if (op === ">=" && !text) guard = ` AND ${name} < ''`;
  if (op !== ">=" && text) guard = ` AND ${name} >= ''`;
  return { sql: `${name} ${op} ?${guard}`, binds: [bind(value)] };
}

/** (a, b, id) after (x, y, z): a > x, or a = x and b > y, or a = x and b = y and id > z; null is the least value. */
function keysetOf(fields: string[], values: Scalar[], descending: boolean): Statement {
  const alternatives: string[] = [];
  const binds: Bind[] = [];
  fields.forEach((field, i) => {
    const value = values[i]!;
    const name = column(field);
    if (descending && value === null) return;
    const parts: string[] = [];
    fields.slice(0, i).forEach((before, j) => {
      parts.push(`${column(before)} IS ?`);
      binds.push(bind(values[j]!));
    });
    if (value === null) {
      parts.push(`${name} IS NOT NULL`);
    } else {
      parts.push(
        descending && field !== "id"
          ? `(${name} < ? OR ${name} IS NULL)`
          : `${name} ${descending ? "<" : ">"} ?`,
      );
      binds.push(bind(value));
    }
    alternatives.push(`(${parts.join(" AND ")})`);
  });
  return { sql: `(${alternatives.join(" OR ")})`, binds };
}

/** JSON's true and false are 1 and 0 to json_extract. */
function bind(value: Scalar): Bind {
  return typeof value === "boolean" ? Number(value) : value;
}
