import type { LabelledExample } from "../../lib/learning";
import { addDays } from "../../lib/values";
import { seededRandom } from "../../lib/learning/random";

/** Shops of a small household: a name as tills print it, a category, sizes of amounts in cents. */
const SHOPS = [
  ["ALBERT HEIJN", "groceries", 1500, 9000],
  ["JUMBO", "groceries", 1200, 8000],
  ["SHELL STATION", "transport", 3000, 7000],
  ["NS GROEP IZ NS REIZIGERS", "transport", 300, 3000],
  ["NETFLIX INTERNATIONAL", "fun", 1399, 1399],
  ["PATHE BIOSCOPEN", "fun", 900, 3000],
  ["VATTENFALL KLANTENSERVICE", "energy", 14500, 14500],
  ["APOTHEEK DE LINDE", "health", 500, 4000],
  ["BOL.COM", "things", 800, 12000],
  ["AMAZON MARKETPLACE", "things", 800, 12000],
] as const;

/** Payments of a household in the order of time; the same seed gives the same ones. */
export function household(count: number, seed = 7): LabelledExample[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const [name, label, low, high] = SHOPS[Math.floor(random() * SHOPS.length)]!;
    const terminal = 1000 + Math.floor(random() * 9000);
    return {
      id: `test:${i}`,
      text: `${name} ${terminal}`,
      description: `${name} ${terminal} UTRECHT`,
      account: random() < 0.7 ? "test:current" : "test:card",
      amount: -Math.round(low + random() * (high - low)),
      currency: "EUR",
      date: addDays("2023-01-01", Math.floor(i / 3)),
      type: "card",
      label,
    };
  });
}

export const example = (more: Partial<LabelledExample> = {}): LabelledExample => ({
  ...household(1)[0]!,
  ...more,
});
