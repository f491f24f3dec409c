import { compact, present } from "../text";
import { numberOf, party, type Details } from "./parts";

/**
 * The `:NS:` field of German and Hungarian banks: each line begins with two digits. 01 to 14 purpose, 15 and 16 name
 * of the other party, 17 posting text, 33 its bank, 34 its account.
 */
export function readNonSwift(lines: readonly string[]): Details {
  const raw: Record<string, string> = {};
  const values = new Map<number, string>();
  let last: number | undefined;
  for (const line of lines) {
    const match = /^(\d{2})(.*)$/.exec(line);
    if (match) {
      last = Number(match[1]);
      values.set(last, match[2]!.trim());
      raw[`NS${match[1]}`] = match[2]!.trim();
    } else if (last !== undefined && line.trim() !== "") {
      values.set(last, `${values.get(last) ?? ""} ${line.trim()}`);
    }
  }
  const range = (from: number, to: number) =>
    [...values.entries()].filter(([code]) => code >= from && code <= to).map(([, value]) => value);
  // Sberbank has a payment code there instead of words.
  const words = values.get(17);
  const postingText = words && !/\d{5}/.test(words) ? present(words) : undefined;
  return compact<Details>({
    description: present(range(1, 14).join(" ")) ?? postingText ?? "",
    counterparty: party({ name: range(15, 16).join(" "), ...numberOf(values.get(34)) }),
    postingText,
    raw,
  });
}
