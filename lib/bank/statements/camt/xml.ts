import sax from "sax";
import { TallyError } from "../../../values";

/** An element of a statement with everything in it; names are without their namespace prefix. */
export interface XmlNode {
  name: string;
  attributes: Record<string, string>;
  text: string;
  children: XmlNode[];
  /** 1-based. */
  line: number;
}

export interface XmlHandlers {
  /** A statement (`Stmt`, `Rpt`, `Ntfctn`) begins; `message` is the element around it. */
  begin(message: string, line: number): void;
  /** A complete child of the open statement: `Acct`, `Bal`, `Ntry`, ... */
  part(node: XmlNode): void;
  end(): void;
  /** Something is wrong with the file here; reading goes on where it can. */
  problem(line: number, reason: string): void;
}

const STATEMENTS = new Set(["Stmt", "Rpt", "Ntfctn"]);
const MAX_DEPTH = 100;
const CHUNK = 1 << 16;
/** A file with more is damaged on purpose, or is none of ours. */
const MAX_BROKEN = 1000;

/** Without `strictEntities`, which the type lacks, the entities of HTML would be known. */
const SAX: sax.SAXOptions & { strictEntities: boolean } = {
  trim: false,
  normalize: false,
  position: true,
  strictEntities: true,
};

/** Leaves the parser from inside a handler; `at` is where to look for the next usable element. */
class Resync extends Error {
  constructor(
    readonly at: number,
    readonly line: number,
    readonly reason: string | undefined,
  ) {
    super(reason);
  }
}

/**
 * Read a CAMT file as a stream of statement parts: one entry is in memory at a time, whatever the size. XML that is
 * broken in one place costs the entry it is in: reading goes on at the next entry or statement. No document type
 * is allowed, so there are no entities but the five of XML and the numeric ones.
 * @throws TallyError STATEMENT_UNREADABLE for a document type declaration
 */
export function readXml(text: string, handlers: XmlHandlers): void {
  let at = text.indexOf("<");
  let line = 1 + newlines(text, 0, Math.max(at, 0));
  let open: string[] = [];
  let broken = 0;
  while (at >= 0 && at < text.length) {
    const pass = new Pass(text, at, line, open, handlers);
    const stop = pass.run();
    if (!stop) return;
    if (stop.reason !== undefined) {
      handlers.problem(stop.line, stop.reason);
      broken += 1;
      if (broken === MAX_BROKEN) {
        handlers.problem(
          stop.line,
          `The XML is broken in ${MAX_BROKEN} places; the rest was not read. Download it again.`,
        );
        if (pass.inStatement) handlers.end();
        return;
      }
    }
    const next = nextElement(text, stop.at, pass.stack);
    if (!next) {
      if (pass.inStatement) handlers.end();
      return;
    }
    if (next.leavesStatement && pass.inStatement) handlers.end();
    open = next.open;
    line += newlines(text, at, next.at);
    at = next.at;
  }
}

/** Where reading can begin again after `from`, and which elements are open there. */
function nextElement(
  text: string,
  from: number,
  stack: readonly string[],
): { at: number; open: string[]; leavesStatement: boolean } | undefined {
  const finder = /<(?:[\w.-]+:)?(Ntry|Stmt|Rpt|Ntfctn|Document)[\s>]|<\?xml\s/g;
  finder.lastIndex = from;
  const depth = stack.findIndex((name) => STATEMENTS.has(name));
  for (let found = finder.exec(text); found; found = finder.exec(text)) {
    const name = found[1];
    if (name === "Ntry") {
      if (depth >= 0) return { at: found.index, open: stack.slice(0, depth + 1), leavesStatement: false };
    } else if (name === undefined || name === "Document") {
      return { at: found.index, open: [], leavesStatement: true };
    } else {
      const message = stack
        .slice(0, depth < 0 ? stack.length : depth)
        .filter((item) => item.startsWith("BkToCstmr"));
      return { at: found.index, open: message.length ? message : [messageOf(name)], leavesStatement: true };
    }
  }
  return undefined;
}

function messageOf(statement: string): string {
  if (statement === "Rpt") return "BkToCstmrAcctRpt";
  return statement === "Ntfctn" ? "BkToCstmrDbtCdtNtfctn" : "BkToCstmrStmt";
}

class Pass {
  readonly stack: string[];
  inStatement: boolean;
  private readonly capture: XmlNode[] = [];
  private reported = false;

  constructor(
    private readonly text: string,
    private readonly from: number,
    private readonly firstLine: number,
    private readonly replay: readonly string[],
    private readonly handlers: XmlHandlers,
  ) {
    this.stack = [...replay];
    this.inStatement = replay.some((name) => STATEMENTS.has(name));
  }

  /** Undefined at the end of the file, else where to go on. */
  run(): Resync | undefined {
    const parser = sax.parser(true, SAX);
    // The elements that are open here are opened for the parser too; handlers are set afterwards.
    // A damaged name may be none without its namespace prefix.
    const prefix = this.replay.map((name) => `<${/^[A-Za-z_][\w.-]*$/.test(name) ? name : "x"}>`).join("");
    if (prefix) parser.write(prefix);
    const position = () => this.from + parser.position - prefix.length;
    const line = () => this.firstLine + parser.line;

    parser.onerror = (error) => {
      const reason = error.message.split("\n")[0] ?? error.message;
      if (/entity/i.test(reason)) {
        // A bare `&` or an unknown `&name;` stays in the text as it is; the structure is whole.
        if (!this.reported)
          this.handlers.problem(line(), `An "&" is not written as XML wants it; it was kept as it is.`);
        this.reported = true;
        parser.error = null as unknown as Error;
        return;
      }
      throw new Resync(position(), line(), this.broken(reason));
    };
    parser.ondoctype = () => {
      throw new TallyError(
        "STATEMENT_UNREADABLE",
        "The XML file has a document type declaration, which statements never have and which can be used to attack. " +
          "Download the statement from the bank again.",
      );
    };
    parser.onopentag = (tag) =>
      this.openTag(tag as sax.Tag, this.from + parser.startTagPosition - 1 - prefix.length, line());
    parser.ontext = (value) => this.addText(value);
    parser.oncdata = (value) => this.addText(value);
    parser.onclosetag = () => this.closeTag(position(), line());
    try {
      for (let at = this.from; at < this.text.length; at += CHUNK) {
        parser.write(this.text.slice(at, at + CHUNK));
      }
    } catch (stop) {
      if (stop instanceof Resync) return stop;
      throw stop;
    }
    if (this.stack.length > 0) {
      const inside = this.capture[0];
      this.handlers.problem(
        line(),
        inside
          ? `The file ends in the middle of a <${inside.name}> that began on line ${inside.line}: it was cut off. What came before was read. Download it again.`
          : `The file ends before </${this.stack[this.stack.length - 1]!}>: it was cut off. What came before was read. Download it again.`,
      );
      if (this.inStatement) this.handlers.end();
    }
    return undefined;
  }

  private broken(reason: string): string {
    const inside = this.capture[0];
    const what = inside ? `<${inside.name}> that begins on line ${inside.line}` : "part of the file here";
    return `The XML is broken (${reason.toLowerCase().slice(0, 80)}); the ${what} was left out.`;
  }

  private openTag(tag: sax.Tag, at: number, line: number): void {
    const name = local(tag.name);
    if (name === "Ntry" && this.capture.length > 0) {
      throw new Resync(at, line, this.broken("an entry begins inside another element"));
    }
    if (this.stack.length >= MAX_DEPTH)
      throw new Resync(at + 1, line, this.broken("elements are nested too deep"));
    if (
      this.capture.length > 0 ||
      (this.inStatement && STATEMENTS.has(this.stack[this.stack.length - 1] ?? ""))
    ) {
      const node: XmlNode = { name, attributes: tag.attributes, text: "", children: [], line };
      this.capture[this.capture.length - 1]?.children.push(node);
      this.capture.push(node);
    } else if (STATEMENTS.has(name) && !this.inStatement) {
      this.inStatement = true;
      this.handlers.begin(
        this.stack.findLast((item) => item.startsWith("BkToCstmr")) ?? messageOf(name),
        line,
      );
    }
    this.stack.push(name);
  }

  private addText(value: string): void {
    const node = this.capture[this.capture.length - 1];
    if (node) node.text += value;
  }

  private closeTag(at: number, line: number): void {
    const name = this.stack.pop();
    const node = this.capture.pop();
    if (node && this.capture.length === 0) this.handlers.part(node);
    if (!node && name !== undefined && STATEMENTS.has(name) && this.inStatement) {
      this.inStatement = false;
      this.handlers.end();
    }
    // Some banks put several documents into one file: begin afresh after each.
    if (this.stack.length === 0) throw new Resync(at, line, undefined);
  }
}

function local(name: string): string {
  return name.slice(name.indexOf(":") + 1);
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  // Not by indexOf, which would search a file without line ends to its end each time.
  for (let at = from; at < to; at += 1) if (text.charCodeAt(at) === 10) count += 1;
  return count;
}

/** The first element along the path, or undefined. */
export function find(node: XmlNode | undefined, ...path: string[]): XmlNode | undefined {
  let at = node;
  for (const name of path) at = at?.children.find((child) => child.name === name);
  return at;
}

/** All children of that name. */
export function all(node: XmlNode | undefined, name: string): XmlNode[] {
  return node ? node.children.filter((child) => child.name === name) : [];
}

/** Text along the path without blanks around it; undefined where it is absent or blank. */
export function textAt(node: XmlNode | undefined, ...path: string[]): string | undefined {
  const found = find(node, ...path)?.text.trim();
  return found === undefined || found === "" ? undefined : found;
}
