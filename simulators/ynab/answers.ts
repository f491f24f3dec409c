import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** An answer ready to be sent: a status and pieces of JSON text. */
export interface Answer {
  status: number;
  pieces: Iterable<string>;
}

export function answer(data: unknown, status = 200): Answer {
  return { status, pieces: [JSON.stringify({ data })] };
}

/** `{ data: { <name>: [...], server_knowledge } }` with the items' JSON texts produced as they are sent. */
export function listAnswer(name: string, texts: Iterable<string>, knowledge: number): Answer {
  return { status: 200, pieces: listPieces(name, texts, knowledge) };
}

const PIECE = 256 * 1024;

function* listPieces(name: string, texts: Iterable<string>, knowledge: number): Generator<string> {
  let piece = `{"data":{${JSON.stringify(name)}:[`;
  let first = true;
  for (const text of texts) {
    piece += first ? text : `,${text}`;
    first = false;
    if (piece.length >= PIECE) {
      yield piece;
      piece = "";
    }
  }
  yield `${piece}],"server_knowledge":${knowledge}}}`;
}

/** Send the pieces as the socket takes them. */
export async function send(
  response: ServerResponse,
  { status, pieces }: Answer,
  headers: Record<string, string>,
): Promise<void> {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  await pipeline(Readable.from(pieces), response);
}
