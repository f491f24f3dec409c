import type { Example } from "../learning";
import { isCalendarDate, isIban, normaliseIban, runInTurns, type CalendarDate } from "../values";
import { INPUTS, OUTPUTS, quoted, Refusal, TOP, type TensorMetadata } from "./protocol";

/** An output that was asked for. */
export interface RequestedOutput extends TensorMetadata {
  /** Categories in the outputs `top` and `top_confidence`. */
  k: number;
}

export interface InferRequest {
  id: string | undefined;
  rows: number;
  /** The payment of a row, made when it is its turn: thousands at once would be work for the collection of garbage. */
  exampleAt(row: number): Example;
  outputs: RequestedOutput[];
}

/** A bank's texts have some hundred characters. */
const LONGEST_TEXT = 2_000;
const LONGEST_ID = 200;
/** Rows that are read before others may have their turn. */
const PAUSE_ROWS = 500;

type Column = readonly (string | number)[];

/**
 * The payments of an inference request and the outputs that it wants.
 * @param body the parsed JSON of the request, which is taken for nothing but data
 * @param today the date of rows that have none
 * @throws Refusal 400 for what is no request or does not fit the model's inputs, 413 for more rows than `maxRows`
 */
export function readInferRequest(
  body: unknown,
  { maxRows, today }: { maxRows: number; today: CalendarDate },
): Promise<InferRequest> {
  return runInTurns(reading(body, maxRows, today));
}

function* reading(body: unknown, maxRows: number, today: CalendarDate): Generator<void, InferRequest> {
  if (!isObject(body))
    throw new Refusal(400, "The body must be an inference request: a JSON object with inputs.");
  const { id, inputs } = body;
  if (id !== undefined && (typeof id !== "string" || id.length > LONGEST_ID))
    throw new Refusal(400, `id must be a text of at most ${LONGEST_ID} characters.`);
  parametersOf(body, "The request");
  if (!Array.isArray(inputs) || inputs.length === 0)
    throw new Refusal(400, "inputs must be a list of at least one tensor.");
  const outputs = requestedOutputs(body["outputs"]);
  const columns = new Map<string, Column>();
  let rows: number | undefined;
  for (const input of inputs as unknown[]) {
    const { name, column } = yield* columnOf(input, maxRows);
    if (columns.has(name)) throw new Refusal(400, `The input ${name} is there twice.`);
    if (rows !== undefined && rows !== column.length)
      throw new Refusal(400, `The input ${name} has ${column.length} rows where others have ${rows}.`);
    rows = column.length;
    columns.set(name, column);
  }
  if (!columns.has("text") && !columns.has("description"))
    throw new Refusal(400, "One of the inputs text and description is needed.");
  return { id, rows: rows!, exampleAt: (row) => exampleAt(columns, row, today), outputs };
}

/** One column: its name, and its elements once they are found to be what the metadata says. */
function* columnOf(input: unknown, maxRows: number): Generator<void, { name: string; column: Column }> {
  if (!isObject(input))
    throw new Refusal(400, "An input must be an object with name, shape, datatype and data.");
  const expected = INPUTS.find(({ name }) => name === input["name"]);
  if (!expected)
    throw new Refusal(400, `There is no input ${quoted(input["name"])}. There are ${namesOf(INPUTS)}.`);
  const { name, datatype } = expected;
  if (input["datatype"] !== datatype)
    throw new Refusal(
      400,
      `The input ${name} must be of the datatype ${datatype}, not ${quoted(input["datatype"])}.`,
    );
  const parameters = parametersOf(input, `The input ${name}`);
  if (Object.hasOwn(parameters, "binary_data_size"))
    throw new Refusal(400, `The input ${name} is sent as binary data. Send it as JSON.`);
  const contentType = Object.hasOwn(parameters, "content_type") ? parameters["content_type"] : undefined;
  if (contentType === "base64")
    throw new Refusal(400, `The input ${name} is sent in base64. Send it as plain texts.`);
  const { rows, nested } = rowsOf(name, input["shape"], maxRows);
  const { data } = input;
  if (!Array.isArray(data)) throw new Refusal(400, `The input ${name} has no data.`);
  if (data.length !== rows)
    throw new Refusal(400, `The input ${name} has ${data.length} elements, its shape says ${rows}.`);
  const column = data as (string | number)[];
  for (let row = 0; row < rows; row++) {
    if (row % PAUSE_ROWS === 0) yield;
    let element: unknown = column[row];
    if (nested && Array.isArray(element) && element.length === 1) element = element[0];
    column[row] = datatype === "INT64" ? wholeNumber(name, row, element) : shortText(name, row, element);
  }
  return { name, column };
}

/** How many rows a shape of [n] or [n, 1] has. */
function rowsOf(name: string, shape: unknown, maxRows: number): { rows: number; nested: boolean } {
  const [rows, width = 1] = Array.isArray(shape) ? (shape as unknown[]) : [];
  const isShape = Array.isArray(shape) && shape.length <= 2 && width === 1;
  if (!isShape || typeof rows !== "number" || !Number.isSafeInteger(rows) || rows < 0)
    throw new Refusal(400, `The shape of the input ${name} must be [n] or [n, 1].`);
  if (rows > maxRows)
    throw new Refusal(
      413,
      `The input ${name} has ${rows} rows; at most ${maxRows} are taken in one request.`,
    );
  return { rows, nested: shape.length === 2 };
}

function wholeNumber(name: string, row: number, element: unknown): number {
  if (typeof element === "number" && Number.isSafeInteger(element)) return element;
  throw new Refusal(400, `Row ${row} of the input ${name} must be a whole number, not ${quoted(element)}.`);
}

function shortText(name: string, row: number, element: unknown): string {
  if (typeof element !== "string")
    throw new Refusal(400, `Row ${row} of the input ${name} must be a text, not ${quoted(element)}.`);
  if (element.length > LONGEST_TEXT)
    throw new Refusal(400, `Row ${row} of the input ${name} is longer than ${LONGEST_TEXT} characters.`);
  if (name === "date" && element !== "" && !isCalendarDate(element))
    throw new Refusal(
      400,
      `Row ${row} of the input date must be a date as YYYY-MM-DD, not ${quoted(element)}.`,
    );
  return element;
}

/** A payment as the classify step would see it: what is empty counts as not there. */
function exampleAt(columns: ReadonlyMap<string, Column>, row: number, today: CalendarDate): Example {
  const text = (name: string) => (columns.get(name)?.[row] ?? "") as string;
  const party = text("counterparty_account");
  const type = text("type");
  return {
    id: "",
    text: text("text"),
    description: text("description"),
    ...(party && { counterpartyAccount: isIban(party) ? normaliseIban(party) : party }),
    account: text("account"),
    amount: (columns.get("amount")?.[row] ?? 0) as number,
    currency: text("currency"),
    date: text("date") || today,
    ...(type && { type }),
  };
}

function requestedOutputs(outputs: unknown): RequestedOutput[] {
  if (outputs === undefined) return OUTPUTS.map((output) => ({ ...output, k: TOP }));
  if (!Array.isArray(outputs) || outputs.length > OUTPUTS.length)
    throw new Refusal(400, "outputs must be a list in which each output is named once.");
  if (outputs.length === 0) return requestedOutputs(undefined);
  const requested = outputs.map((output: unknown): RequestedOutput => {
    const name = isObject(output) ? output["name"] : undefined;
    const found = OUTPUTS.find((one) => one.name === name);
    if (!found) throw new Refusal(400, `There is no output ${quoted(name)}. There are ${namesOf(OUTPUTS)}.`);
    const parameters = parametersOf(output as Record<string, unknown>, `The output ${found.name}`);
    const own = (key: string) => (Object.hasOwn(parameters, key) ? parameters[key] : undefined);
    if (own("binary_data") === true)
      throw new Refusal(400, `The output ${found.name} is wanted as binary data. Ask for JSON.`);
    const k = own("k") ?? TOP;
    if (typeof k !== "number" || !Number.isInteger(k) || k < 1 || k > TOP)
      throw new Refusal(
        400,
        `The parameter k of the output ${found.name} must be a whole number from 1 to ${TOP}.`,
      );
    return { ...found, k };
  });
  if (new Set(requested.map(({ name }) => name)).size < requested.length)
    throw new Refusal(400, "outputs must be a list in which each output is named once.");
  return requested;
}

function parametersOf(of: Record<string, unknown>, who: string): Record<string, unknown> {
  const { parameters } = of;
  if (parameters === undefined) return {};
  if (!isObject(parameters)) throw new Refusal(400, `${who} has parameters that are no object.`);
  return parameters;
}

function namesOf(tensors: readonly TensorMetadata[]): string {
  return tensors.map(({ name }) => name).join(", ");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
