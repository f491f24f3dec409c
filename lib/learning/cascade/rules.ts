import type { RuleConditions } from "../../store";
import { cleanPayee, normaliseIban, type Id } from "../../values";
import type { Example } from "../types";

/** A rule that a person made: when all of its conditions hold, this category. The first that fits wins. */
export interface UserRule extends RuleConditions {
  id: string;
  categoryId: Id;
  /** For people; shown as the reason. */
  name?: string;
}

/** The first rule that fits; a rule without any condition never does. */
export function matchRule(rules: readonly UserRule[], example: Example): UserRule | undefined {
  const texts = new Texts(example);
  return rules.find((rule) => fits(rule, example, texts));
}

/** Texts that were cleaned, since the same come again and again and cleaning one takes tens of microseconds. */
const cleaned = new Map<string, string>();
const CLEANED = 20_000;

/**
 * The name by which payments count as of one counterparty: that of the party, else the description, without what changes
 * from visit to visit, in lower case.
 */
export function counterpartyName({ text, description }: Pick<Example, "text" | "description">): string {
  const raw = (text.trim() || description).slice(0, 300);
  let name = cleaned.get(raw);
  if (name === undefined) {
    if (cleaned.size >= CLEANED) cleaned.clear();
    cleaned.set(raw, (name = fold(cleanPayee(raw))));
  }
  return name;
}

function fits(rule: RuleConditions, example: Example, texts: Texts): boolean {
  const size = Math.abs(example.amount);
  const checks: boolean[] = [];
  if (rule.contains !== undefined && rule.contains !== "") checks.push(texts.contain(rule.contains));
  if (rule.counterparty !== undefined && rule.counterparty !== "")
    checks.push(texts.counterparty === rule.counterparty);
  if (rule.counterpartyAccount !== undefined) {
    const own = normaliseIban(example.counterpartyAccount ?? "");
    checks.push(own !== "" && own === normaliseIban(rule.counterpartyAccount));
  }
  if (rule.account !== undefined) checks.push(rule.account === example.account);
  if (rule.direction !== undefined) checks.push((rule.direction === "out") === example.amount < 0);
  if (rule.atLeast !== undefined) checks.push(size >= rule.atLeast);
  if (rule.atMost !== undefined) checks.push(size <= rule.atMost);
  return checks.length > 0 && checks.every(Boolean);
}

/** The texts of one payment as rules look at them, each made once and only when a rule asks for it. */
class Texts {
  private raw: string | undefined;
  private plain: string | undefined;
  private name: string | undefined;

  constructor(private readonly example: Example) {}

  get counterparty(): string {
    return (this.name ??= counterpartyName(this.example));
  }

  contain(wanted: string): boolean {
    const { text, description } = this.example;
    this.raw ??= `${text}\n${description}`.toLowerCase();
    if (this.raw.includes(wanted.toLowerCase())) return true;
    const folded = fold(wanted);
    this.plain ??= `${fold(text)}\n${fold(description)}`;
    return folded !== "" && this.plain.includes(folded);
  }
}

/** Lower case, without accents, one blank for whatever is no letter or digit. */
function fold(text: string): string {
  return text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}+/gu, "")
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}
