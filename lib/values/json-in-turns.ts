import { randomUUID } from "node:crypto";
import { runInTurns } from "./turns";

/** Characters of JSON that are read before the event loop may have its turn: about a millisecond of work. */
const PIECE = 48 * 1024;
/** Texts up to this length are read at once. */
const SMALL = 2 * PIECE;

/** Lists within elements of lists are cut too, down to this level. */
const LEVELS = 8;

/** A long list somewhere below nothing but objects: where it stands in the text and where it may be cut. */
interface List {
  /** Behind the opening bracket. */
  from: number;
  /** At the closing bracket. */
  to: number;
  /** Commas between its elements, a piece apart. An element that is longer than a piece stands between two of them. */
  cuts: number[];
}

/** What a stranger may send, so that no part of the work takes long. */
export interface JsonLimits {
  /** Lists and objects within each other. */
  depth: number;
  /** Characters outside of long lists, which are parsed at once. */
  rest: number;
}

/**
 * `JSON.parse` of a long text with the event loop free in between. Answers of APIs are long because of a list in
 * them, so the lists are cut between their elements and the pieces are parsed one by one; the rest is parsed as usual.
 * @throws SyntaxError where JSON.parse throws
 * @throws RangeError for a long text beyond the limits, where there are some
 */
export async function parseInTurns(text: string, limits?: JsonLimits): Promise<unknown> {
  return runInTurns(parsingJson(text, limits));
}

/** As {@link parseInTurns}, as work that pauses by `yield`. */
export function* parsingJson(text: string, limits?: JsonLimits, level = 0): Generator<void, unknown, void> {
  if (text.length <= SMALL || (level >= LEVELS && !limits)) return JSON.parse(text);
  const lists = (yield* longLists(text, limits?.depth ?? Infinity)).filter(
    ({ from, to }) => to - from > PIECE,
  );
  const rest = lists.reduce((left, { from, to }) => left - (to - from), text.length);
  if (limits && rest > limits.rest)
    throw new RangeError(`More than ${limits.rest} characters stand outside of lists.`);
  if (lists.length === 0) return JSON.parse(text);
  // In place of each list stands a list with a text that nobody else can have written.
  const mark = randomUUID();
  let skeleton = "";
  let end = 0;
  lists.forEach(({ from, to }, index) => {
    skeleton += `${text.slice(end, from)}"${mark}:${index}"`;
    end = to;
  });
  const whole: unknown = JSON.parse(skeleton + text.slice(end));
  const places = new Map([...marked(whole, mark)].map(([found, index]) => [index, found]));
  for (const [index, { from, to, cuts }] of lists.entries()) {
    // Without a place where an object has its name twice and the other one counts; JSON it has to be all the same.
    const found = places.get(index) ?? [];
    found.length = 0;
    const edges = [from - 1, ...cuts, to];
    for (let at = 1; at < edges.length; at++) {
      const part = text.slice(edges[at - 1]! + 1, edges[at]);
      const piece = (
        part.length > SMALL ? [yield* parsingJson(part, limits, level + 1)] : JSON.parse(`[${part}]`)
      ) as unknown[];
      if (piece.length === 0) throw new SyntaxError("An element is missing between two commas.");
      for (const element of piece) found.push(element);
      yield;
    }
  }
  return whole;
}

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125];

/** Finds the lists. Whether the text is JSON at all shows when its pieces are parsed. */
function* longLists(text: string, deepest: number): Generator<void, List[], void> {
  const lists: List[] = [];
  let list: (List & { depth: number }) | undefined;
  let depth = 0;
  let cut = 0;
  let comma = 0;
  let paused = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfText(text, at);
      if (at < 0) return [];
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      if (++depth > deepest)
        throw new RangeError(`More than ${deepest} lists and objects stand within each other.`);
      if (code === OPEN_LIST && !list) {
        cut = comma = at;
        list = { depth, from: at + 1, to: at, cuts: [] };
      }
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      if (list?.depth === depth) {
        if (at - comma >= PIECE && comma > cut) list.cuts.push(comma);
        lists.push({ ...list, to: at });
        list = undefined;
      }
      depth--;
    } else if (code === COMMA && list?.depth === depth) {
      if (at - comma >= PIECE && comma > cut) list.cuts.push(comma);
      if (at - cut >= PIECE) {
        list.cuts.push(at);
        cut = at;
      }
      comma = at;
    }
    if (at - paused >= PIECE) {
      paused = at;
      yield;
    }
  }
  return lists;
}

/** Where the quoted text that begins here ends; -1 when it does not. */
function endOfText(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  while (at > 0) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
    at = text.indexOf('"', at + 1);
  }
  return -1;
}

/** The lists that bear the mark, with its number. */
function* marked(value: unknown, mark: string): Generator<[unknown[], number]> {
  if (value === null || typeof value !== "object") return;
  if (Array.isArray(value)) {
    const [first] = value as unknown[];
    if (typeof first === "string" && first.startsWith(`${mark}:`))
      yield [value as unknown[], Number(first.slice(mark.length + 1))];
    return;
  }
  for (const child of Object.values(value)) yield* marked(child, mark);
}
