import { isUtf8 } from "node:buffer";
import { parseInTurns, runInTurns } from "../values";
import { Refusal, stopped, type InferResponse } from "./protocol";

/** How long a body may take to arrive. */
const ARRIVAL_MS = 30_000;
/** An inference request: an object, its inputs, a tensor, its data, and one element of a column. */
const DEPTH = 8;
/** Whatever is no tensor's data is short. */
const REST = 64 * 1024;
/** Elements of a tensor that are written at once: well under a millisecond of work. */
const ELEMENTS = 500;

/**
 * The bytes of a body.
 * @param onStop is told how to give up waiting, and answers how to withdraw that
 * @throws Refusal 413 beyond `limit` bytes, 408 when they do not arrive in time, 400 when they are cut off, 503 when
 *   stopped
 */
export async function readBody(
  stream: AsyncIterable<Uint8Array>,
  limit: number,
  onStop: (giveUp: () => void) => () => void,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  let settle = () => {};
  const givenUp = new Promise<never>((_resolve, reject) => {
    const late = new Refusal(408, `The body did not arrive within ${ARRIVAL_MS / 1000} seconds.`);
    const timer = setTimeout(() => reject(late), ARRIVAL_MS);
    const withdraw = onStop(() => reject(stopped()));
    settle = () => {
      clearTimeout(timer);
      withdraw();
    };
  });
  const read = async () => {
    try {
      for await (const chunk of stream) {
        size += chunk.length;
        if (size > limit) throw tooLarge(limit);
        chunks.push(chunk);
      }
    } catch (thrown) {
      if (thrown instanceof Refusal) throw thrown;
      throw new Refusal(400, "The body was cut off.");
    }
    return chunks.length === 1 ? Buffer.from(chunks[0]!) : Buffer.concat(chunks);
  };
  const reading = read();
  try {
    return await Promise.race([reading, givenUp]);
  } finally {
    settle();
    // When it was given up, nobody waits for the rest any more.
    reading.catch(() => undefined);
  }
}

export function tooLarge(limit: number): Refusal {
  return new Refusal(413, `The body is larger than ${limit} bytes. Send fewer rows in one request.`);
}

/**
 * A body as JSON, in turns. No body is an empty object.
 * @throws Refusal 400
 */
export async function parseBody(bytes: Buffer): Promise<unknown> {
  if (bytes.length === 0) return {};
  if (!isUtf8(bytes)) throw new Refusal(400, "The body is not UTF-8.");
  try {
    return await parseInTurns(bytes.toString("utf8"), { depth: DEPTH, rest: REST });
  } catch (thrown) {
    if (thrown instanceof RangeError)
      throw new Refusal(400, `The body is no inference request: ${thrown.message}`);
    if (thrown instanceof SyntaxError) throw new Refusal(400, "The body is not JSON.");
    throw thrown;
  }
}

/** The answer of an inference as the bytes of its JSON, in turns. */
export function writeInferResponse(response: InferResponse): Promise<Buffer[]> {
  return runInTurns(writing(response));
}

function* writing({ outputs, ...head }: InferResponse): Generator<void, Buffer[]> {
  const parts: Buffer[] = [];
  let text = `${JSON.stringify(head).slice(0, -1)},"outputs":[`;
  for (const [at, { data, ...tensor }] of outputs.entries()) {
    text += `${at > 0 ? "," : ""}${JSON.stringify(tensor).slice(0, -1)},"data":[`;
    for (let from = 0; from < data.length; from += ELEMENTS) {
      text += `${from > 0 ? "," : ""}${JSON.stringify(data.slice(from, from + ELEMENTS)).slice(1, -1)}`;
      if (from + ELEMENTS >= data.length) break;
      parts.push(Buffer.from(text));
      text = "";
      yield;
    }
    text += "]}";
  }
  parts.push(Buffer.from(`${text}]}`));
  return parts;
}
