/**
 * The markup of OFX 1.x (SGML with end tags left out) and 2.x (XML), read by one scanner. It knows the aggregates that
 * a statement is made of; every other tag is a leaf with a value, closed or not. A known aggregate ends where its end
 * tag stands or where one begins that cannot lie within it, so that missing end tags cost nothing.
 */

export interface Aggregate {
  tag: string;
  /** 1-based line of the start tag. */
  line: number;
  /** Leaf tag -> first value that is not blank (or blank when there is none other). */
  leaves: Map<string, string>;
  /** Leaf tags that stand in it more than once. */
  repeated: Set<string>;
  children: Aggregate[];
  /** False when the text ended before the aggregate did. */
  closed: boolean;
}

/** Nesting of the aggregates: one can lie only within one of a smaller rank. */
const RANKS: Readonly<Record<string, number>> = {
  OFX: 0,
  SIGNONMSGSRSV1: 1,
  SIGNUPMSGSRSV1: 1,
  BANKMSGSRSV1: 1,
  CREDITCARDMSGSRSV1: 1,
  INVSTMTMSGSRSV1: 1,
  SECLISTMSGSRSV1: 1,
  PROFMSGSRSV1: 1,
  LOANMSGSRSV1: 1,
  SONRS: 2,
  STMTTRNRS: 2,
  CCSTMTTRNRS: 2,
  INVSTMTTRNRS: 2,
  LOANSTMTTRNRS: 2,
  ACCTINFOTRNRS: 2,
  SECLIST: 2,
  STATUS: 3,
  FI: 3,
  STMTRS: 3,
  CCSTMTRS: 3,
  INVSTMTRS: 3,
  LOANSTMTRS: 3,
  ACCTINFORS: 3,
  BANKACCTFROM: 4,
  CCACCTFROM: 4,
  INVACCTFROM: 4,
  LOANACCTFROM: 4,
  BANKTRANLIST: 4,
  BANKTRANLISTP: 4,
  INVTRANLIST: 4,
  LOANTRANLIST: 4,
  LEDGERBAL: 4,
  AVAILBAL: 4,
  CASHADVBALAMT: 4,
  BALLIST: 4,
  INVBAL: 4,
  INVPOSLIST: 4,
  INVOOLIST: 4,
  INV401KBAL: 4,
  INV401K: 4,
  REWARDINFO: 4,
  STMTTRN: 6,
  STMTTRNP: 6,
  PAYEE: 7,
  CURRENCY: 7,
  ORIGCURRENCY: 7,
  BANKACCTTO: 7,
  CCACCTTO: 7,
  EXTDPAYEE: 7,
  IMAGEDATA: 7,
  SECID: 7,
};

/** Security transactions of an investment statement (OFX 2.2, 13.9.2.4.3), reported but never read as payments. */
export const SECURITY_TRANSACTIONS: ReadonlySet<string> = new Set(
  (
    "BUYDEBT BUYMF BUYOPT BUYOTHER BUYSTOCK CLOSUREOPT INCOME INVEXPENSE JRNLFUND JRNLSEC MARGININTEREST REINVEST " +
    "RETOFCAP SELLDEBT SELLMF SELLOPT SELLOTHER SELLSTOCK SPLIT TRANSFER"
  ).split(" "),
);

function rankOf(tag: string, within: string): number | undefined {
  // Elsewhere it is a damaged <FITID>, which must not end the statement.
  if (tag === "FI" && within !== "SONRS") return within === "FI" ? RANKS[tag] : undefined;
  const rank = RANKS[tag];
  if (rank !== undefined) return rank;
  if (within === "INVTRANLIST" && (SECURITY_TRANSACTIONS.has(tag) || tag === "INVBANKTRAN")) return 5;
  return undefined;
}

const TAG =
  /<(?:!\[CDATA\[([\s\S]*?)(?:\]\]>|$)|!--[\s\S]*?(?:-->|$)|[?!][^>]*>|\s{0,8}(\/?)\s{0,8}([A-Za-z][\w.]*)(?:\s[^<>]*)?\/?>)/g;

/** The tree of known aggregates from `<OFX>` on; undefined when there is no `<OFX>`. */
export function parseMarkup(text: string): Aggregate | undefined {
  const start = /<\s*OFX\s*>/i.exec(text);
  if (!start) return undefined;
  const root: Aggregate = {
    tag: "OFX",
    line: 1,
    leaves: new Map(),
    repeated: new Set(),
    children: [],
    closed: false,
  };
  const stack: Aggregate[] = [root];
  let leaf: { tag: string; value: string } | undefined;
  let line = countLines(text, 0, start.index) + 1;
  let lineAt = start.index;
  let at = start.index + start[0].length;

  const endLeaf = () => {
    if (!leaf) return;
    const { leaves, repeated } = stack[stack.length - 1]!;
    if (leaves.has(leaf.tag)) repeated.add(leaf.tag);
    const value = decodeEntities(leaf.value).replace(/\s+/g, " ").trim();
    if (!leaves.get(leaf.tag)) leaves.set(leaf.tag, value);
    leaf = undefined;
  };
  const popTo = (depth: number) => {
    while (stack.length > depth) stack.pop()!.closed = true;
  };

  TAG.lastIndex = at;
  for (let match = TAG.exec(text); match; match = TAG.exec(text)) {
    if (leaf) leaf.value += text.slice(at, match.index);
    at = TAG.lastIndex;
    if (match[1] !== undefined) {
      // A CDATA section holds no entities: protect its ampersands from being decoded.
      if (leaf) leaf.value += match[1].replaceAll("&", "&amp;");
      continue;
    }
    const tag = match[3]?.toUpperCase();
    if (tag === undefined) continue;
    endLeaf();
    if (match[2] === "/") {
      const depth = stack.findLastIndex((open) => open.tag === tag);
      if (depth >= 0) popTo(depth);
      if (stack.length === 0) return root;
      continue;
    }
    const top = () => stack[stack.length - 1]!;
    let rank = rankOf(tag, top().tag);
    if (rank === undefined && SECURITY_TRANSACTIONS.has(tag)) {
      // A trade after one whose end tag is missing.
      const list = stack.findLastIndex((open) => open.tag === "INVTRANLIST");
      if (list >= 0 && list === stack.length - 2 && SECURITY_TRANSACTIONS.has(top().tag)) rank = 5;
    }
    if (rank === undefined) {
      leaf = { tag, value: "" };
      continue;
    }
    while (stack.length > 1 && (rankOf(top().tag, top().tag === "FI" ? "FI" : "INVTRANLIST") ?? 9) >= rank)
      stack.pop()!.closed = true;
    line += countLines(text, lineAt, match.index);
    lineAt = match.index;
    const opened: Aggregate = {
      tag,
      line,
      leaves: new Map(),
      repeated: new Set(),
      children: [],
      closed: false,
    };
    top().children.push(opened);
    stack.push(opened);
  }
  if (leaf) leaf.value += text.slice(at);
  endLeaf();
  return root;
}

function countLines(text: string, from: number, to: number): number {
  let lines = 0;
  // Not by indexOf, which would search a file without line ends to its end for every tag.
  for (let at = from; at < to; at++) if (text.charCodeAt(at) === 10) lines++;
  return lines;
}

/** All aggregates of a tag below (and at) a node, in the order of the file. */
export function findAll(node: Aggregate, tags: ReadonlySet<string>, found: Aggregate[] = []): Aggregate[] {
  if (tags.has(node.tag)) found.push(node);
  for (const child of node.children) findAll(child, tags, found);
  return found;
}

export function childOf(node: Aggregate, ...tags: string[]): Aggregate | undefined {
  return node.children.find((child) => tags.includes(child.tag));
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
};

/** Decode the entities of SGML and XML once; an ampersand that begins none stays. */
export function decodeEntities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));/gi, (whole, dec, hex, name) => {
    if (name) return ENTITIES[(name as string).toLowerCase()] ?? whole;
    const code = dec ? Number(dec) : parseInt(hex as string, 16);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
      ? String.fromCodePoint(code)
      : whole;
  });
}
