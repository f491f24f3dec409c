/** The records of a QIF file: lines of one letter and a value, ended by `^`, in sections begun by `!`. */

export interface QifAccount {
  name: string;
  type?: string;
}

export interface QifRecord {
  /** Section, lower case: `bank`, `ccard`, `invst`, `cat`, ... */
  type: string;
  account?: QifAccount;
  /** 1-based line of the first field. */
  line: number;
  /** Letter -> its values in the order of the file. */
  fields: Map<string, string[]>;
  /** The record before it has no end: a second date or amount stood where none can be. */
  runsOn?: boolean;
  /** The file ended inside the record, possibly inside its last line. */
  cut: boolean;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  "credit card": "ccard",
  creditcard: "ccard",
  "oth s": "oth a",
};

/** All records of the file but account descriptions, each with its section and account. */
export function splitRecords(text: string): QifRecord[] {
  const lines = text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/);
  const endsWhole = /[\r\n]$/.test(text);
  const records: QifRecord[] = [];
  let type = "";
  let account: QifAccount | undefined;
  let current: QifRecord | undefined;

  const finish = (cut: boolean) => {
    if (!current) return;
    current.cut = cut;
    if (current.type === "account") {
      // Also within the list that AutoSwitch sets off: the last one before a !Type is the one that counts.
      const name = current.fields.get("N")?.[0] ?? "";
      const kind = current.fields.get("T")?.[0];
      if (name && !cut) account = kind ? { name, type: kind } : { name };
    } else {
      records.push(current);
    }
    current = undefined;
  };

  lines.forEach((whole, index) => {
    // A mark before anything else is damage: it must not change the kind of all records behind it.
    const line = whole.trimEnd().replace(/^(\s*)!(?!\s*(?:type|account|option|clear))/i, "$1");
    if (line.trim() === "") return;
    const letter = line.trimStart()[0]!;
    if (letter === "!") {
      finish(false);
      const directive = line.trim().slice(1).toLowerCase();
      if (/^(?:option|clear)\b/.test(directive)) return;
      if (directive === "account") type = "account";
      else {
        const word = directive
          .replace(/^type\s*:?\s*/, "")
          .replace(/\s+/g, " ")
          .trim();
        type = TYPE_WORDS[word] ?? word;
      }
      return;
    }
    if (letter === "^") {
      finish(false);
      return;
    }
    const tag = letter.toUpperCase() === letter ? letter : letter.toUpperCase();
    const runsOn = /[DT]/.test(tag) && type !== "account" && current?.fields.has(tag) === true;
    if (runsOn) finish(false);
    current ??= { type, line: index + 1, fields: new Map(), cut: false, ...(account ? { account } : {}) };
    if (runsOn) current.runsOn = true;
    const value = line.trimStart().slice(1).trim();
    const values = current.fields.get(tag);
    if (values) values.push(value);
    else current.fields.set(tag, [value]);
  });
  finish(!endsWhole);
  return records;
}
