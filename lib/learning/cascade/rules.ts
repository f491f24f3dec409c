import { normaliseIban, type Id } from "../../values";
import type { Example } from "../types";

/** A rule that a person made: when all of its conditions hold, this category. The first that fits wins. */
export interface UserRule {
  id: string;
  categoryId: Id;
  /** For people; shown as the reason. */
  name?: string;
  /** The counterparty's name or the description contains this, whatever the case. */
  contains?: string;
  counterpartyAccount?: string;
  account?: Id;
  direction?: "in" | "out";
  /** Bounds on the size of the amount in minor units, both inclusive. */
  atLeast?: number;
  atMost?: number;
}

/** The first rule that fits; a rule without any condition never does. */
export function matchRule(rules: readonly UserRule[], example: Example): UserRule | undefined {
  return rules.find((rule) => fits(rule, example));
}

function fits(rule: UserRule, example: Example): boolean {
  const size = Math.abs(example.amount);
  const checks: boolean[] = [];
  if (rule.contains !== undefined && rule.contains !== "") {
    const wanted = rule.contains.toLowerCase();
    checks.push(`${example.text}\n${example.description}`.toLowerCase().includes(wanted));
  }
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
