import type { HouseholdCategory } from "./types";

/** What the household spends on and where. Names are chains that everybody in the Netherlands knows, or made up. */

/** Categories; when they are renamed or deleted is set for the years of the household. */
export function categoriesOf(renamedAt: string, deletedAt: string): HouseholdCategory[] {
  const plain = (key: string, group: string, name: string): HouseholdCategory => ({ key, group, name });
  return [
    plain("salary", "Income", "Salary"),
    plain("income", "Income", "Other income"),
    plain("rent", "Home", "Rent"),
    plain("energy", "Home", "Energy"),
    plain("water", "Home", "Water"),
    plain("telecom", "Home", "Internet and phone"),
    plain("insurance", "Home", "Insurance"),
    plain("taxes", "Home", "Taxes"),
    plain("bank", "Home", "Bank costs"),
    plain("groceries", "Daily", "Groceries"),
    {
      ...plain("eating-out", "Daily", "Eating out"),
      renamed: { at: renamedAt, to: "Restaurants & cafés" },
    },
    { ...plain("coffee", "Daily", "Coffee to go"), deletedAt },
    plain("household", "Daily", "Household goods"),
    plain("clothing", "Daily", "Clothing"),
    plain("health", "Daily", "Health"),
    plain("cash", "Daily", "Cash"),
    plain("fuel", "Travel", "Fuel"),
    plain("transport", "Travel", "Public transport and parking"),
    plain("holiday", "Travel", "Holidays"),
    plain("subscriptions", "Fun", "Subscriptions"),
    plain("hobbies", "Fun", "Hobbies and sport"),
    plain("shopping", "Fun", "Shopping"),
    plain("gifts", "Fun", "Gifts"),
  ];
}

/** Where payments of the deleted category go once it is gone. */
export const HEIR_OF_DELETED = { coffee: "eating-out" } as const;

export interface Merchant {
  /** The name a person would use. */
  name: string;
  category: string;
  /** How the bank shows it: `{n}` is a shop's number, `{c}` a town. Several entries: several spellings. */
  spellings: string[];
  /** In proportion to the others. */
  weight: number;
  /** Cents. */
  amount: readonly [number, number];
  kind: "card" | "ideal" | "debit";
  /** Another category that it is also used for: always above or below an amount, or by chance. */
  also?: { category: string; above?: number; below?: number; share?: number };
  /** Share paid with the credit card. */
  credit?: number;
}

const shop = (
  name: string,
  category: string,
  weight: number,
  amount: readonly [number, number],
  spellings?: string[],
  more: Partial<Merchant> = {},
): Merchant => ({
  name,
  category,
  weight,
  amount,
  spellings: spellings ?? [`${name} {c}`],
  kind: "card",
  ...more,
});

const web = (
  name: string,
  category: string,
  weight: number,
  amount: readonly [number, number],
  spellings?: string[],
  more: Partial<Merchant> = {},
): Merchant => shop(name, category, weight, amount, spellings ?? [name], { kind: "ideal", ...more });

/** Everyday merchants. About a third of them appear under several spellings. */
export const MERCHANTS: readonly Merchant[] = [
  shop(
    "Albert Heijn",
    "groceries",
    150,
    [280, 9500],
    ["Albert Heijn {n}", "AH to go {n}", "ALBERT HEIJN {n}"],
  ),
  shop("Jumbo", "groceries", 95, [350, 11000], ["Jumbo {c}", "JUMBO SUPERM {n}", "Jumbo City {c}"]),
  shop("Lidl", "groceries", 70, [420, 8200], ["Lidl {n} {c}", "LIDL NEDERLAND {n}"]),
  shop("Aldi", "groceries", 30, [300, 6000]),
  shop("Dirk", "groceries", 28, [300, 7500], ["Dirk vdBroek Fil{n}", "DIRK VAN DEN BROEK"]),
  shop("Ekoplaza", "groceries", 14, [450, 5200]),
  shop("Turkse Bakker Yıldız", "groceries", 16, [150, 1200], ["CCV*Yıldız Bakkerij"]),
  shop("Kaashandel Van Veen", "groceries", 9, [400, 2800], ["ZETTLE_*Van Veen Kaas", "Kaashandel van Veen"]),
  shop("Marktkraam Vis", "groceries", 8, [500, 2400], ["SumUp *De Zeeuwse Vis"]),
  web("Picnic", "groceries", 26, [3500, 11500], ["Picnic by Buckaroo", "PICNIC BV"]),
  shop("Café de Zwaan", "eating-out", 22, [350, 4200], ["Cafe de Zwaan", "CCV*CAFE DE ZWAAN"]),
  shop("La Perla Pizza", "eating-out", 13, [1400, 5200], ["La Perla Pizzeria", "Zettle_*La Perla"]),
  shop("Wagamama", "eating-out", 8, [1600, 6800]),
  shop("McDonald's", "eating-out", 16, [380, 2600], ["McDonald's {c} {n}", "McDonalds {n}"]),
  web("Thuisbezorgd", "eating-out", 26, [1500, 5400], ["Thuisbezorgd.nl via Adyen", "Takeaway.com"]),
  shop("Kroeg 't Hoekje", "eating-out", 12, [320, 5500], ["'t Hoekje {c}"]),
  shop("Starbucks", "coffee", 18, [325, 1150], ["Starbucks {c} CS", "STARBUCKS {n}"]),
  shop("Coffeecompany", "coffee", 24, [290, 980], ["CCV*Coffeecompany", "Coffeecompany {c}"]),
  shop("Kiosk", "coffee", 14, [230, 850], ["Kiosk Station {c}"], {
    also: { category: "transport", share: 0.12 },
  }),
  shop("Action", "household", 24, [180, 4200], ["Action {n} {c}", "ACTION {n}"], {
    also: { category: "gifts", share: 0.15 },
  }),
  shop("HEMA", "household", 26, [250, 6500], ["HEMA EV{n} {c}", "Hema {c}"], {
    also: { category: "clothing", above: 3000 },
  }),
  shop("IKEA", "household", 9, [900, 42000], ["IKEA {c}"]),
  shop("Gamma", "household", 12, [350, 15500], ["Gamma {c}", "GAMMA BOUWMARKT {n}"]),
  shop("Blokker", "household", 10, [300, 4800]),
  web("bol.com", "shopping", 40, [850, 21500], ["bol.com", "Bol.com b.v. via Mollie", "bol com"], {
    also: { category: "household", below: 2600 },
    credit: 0.3,
  }),
  web("Coolblue", "shopping", 9, [1900, 89900], ["Coolblue B.V."], { credit: 0.2 }),
  web("Amazon", "shopping", 26, [600, 14500], ["AMZN Mktp DE*{n}", "Amazon.nl", "AMAZON EU SARL"], {
    also: { category: "hobbies", share: 0.3 },
    credit: 0.7,
  }),
  web("Marktplaats", "shopping", 8, [500, 16000], ["Marktplaats BV via OPP"]),
  shop("Zara", "clothing", 9, [1500, 12000]),
  shop("H&M", "clothing", 12, [900, 9800], ["H&M {n} {c}", "H & M Hennes"]),
  web("Zalando", "clothing", 15, [2000, 18500], ["Zalando Payments GmbH"], { credit: 0.3 }),
  shop("Schoenen Torfs", "clothing", 5, [3900, 15900]),
  shop("Kruidvat", "health", 26, [199, 4800], ["Kruidvat {n}", "KRUIDVAT {c}"], {
    also: { category: "household", share: 0.22 },
  }),
  shop("Etos", "health", 15, [220, 4200], ["Etos {n} {c}"]),
  shop("Apotheek De Linde", "health", 9, [350, 6500]),
  shop("Huisartsenpraktijk Noord", "health", 4, [1500, 9800]),
  shop("Tandarts Smit", "health", 4, [2500, 31500], ["Infomedics inz Tandarts Smit"], { kind: "ideal" }),
  shop("Shell", "fuel", 30, [320, 9800], ["Shell {n} {c}", "SHELL {c}"], {
    also: { category: "eating-out", below: 1500 },
  }),
  shop("Tango", "fuel", 17, [3500, 8800], ["Tango {c}", "TANGO {n}"]),
  shop("Esso", "fuel", 11, [3000, 9000], ["Esso {c}"], { credit: 0.4 }),
  shop("NS", "transport", 50, [240, 3900], ["NS GROEP {c}", "NS-Automaat {n}", "NS Reizigers"]),
  shop("GVB", "transport", 32, [115, 950], ["GVB", "GVB Amsterdam NLOV{n}"]),
  shop("Q-Park", "transport", 13, [250, 3200], ["Q-Park {c}"]),
  web("ParkMobile", "transport", 12, [180, 2400], ["ParkMobile", "PARKMOBILE *{n}"], { credit: 0.5 }),
  shop("Swapfiets", "transport", 5, [1990, 2390], ["Swapfiets NL"]),
  web("Booking.com", "holiday", 7, [6500, 68000], ["BOOKING.COM", "Hotel at Booking.com"], { credit: 0.9 }),
  web("KLM", "holiday", 4, [8900, 79000], ["KLM {n}"], { credit: 0.9 }),
  web("Airbnb", "holiday", 4, [9500, 61000], ["AIRBNB * HM{n}"], { credit: 0.9 }),
  web("Eventim", "hobbies", 6, [3500, 15500], ["CTS EVENTIM NL"], { credit: 0.4 }),
  shop("Pathé", "hobbies", 12, [950, 4300], ["Pathe {c}", "PATHE THEATERS"]),
  shop("Decathlon", "hobbies", 11, [700, 14500], ["Decathlon {n} {c}"], {
    also: { category: "clothing", share: 0.35 },
  }),
  shop("Boekhandel Scheltema", "hobbies", 9, [900, 5800], ["Scheltema {c}"], {
    also: { category: "gifts", share: 0.4 },
  }),
  web("Steam", "hobbies", 9, [399, 6999], ["STEAMGAMES.COM {n}", "PAYPAL *STEAM GAMES"], { credit: 0.8 }),
  shop("Intertoys", "gifts", 7, [800, 7900]),
  web("Fleurop", "gifts", 5, [2450, 5900], ["Fleurop Interflora"]),
  shop("Primera", "gifts", 9, [250, 5200], ["Primera {c}"], { also: { category: "hobbies", share: 0.3 } }),
];

/** What never-seen merchants are made of: a word that tells what they sell, more or less, and a name. */
export const STRANGERS: readonly {
  category: string;
  words: readonly string[];
  amount: readonly [number, number];
}[] = [
  {
    category: "eating-out",
    words: ["Restaurant", "Eetcafe", "Brasserie", "Pizzeria", "Sushi", "Bistro"],
    amount: [900, 7800],
  },
  { category: "groceries", words: ["Bakkerij", "Slagerij", "Toko", "Groenteman"], amount: [250, 3800] },
  { category: "health", words: ["Apotheek", "Fysio", "Drogist", "Kapsalon"], amount: [500, 8900] },
  { category: "clothing", words: ["Boutique", "Schoenen", "Mode", "Jeans"], amount: [1900, 16900] },
  { category: "hobbies", words: ["Museum", "Theater", "Zwembad", "Sportcentrum"], amount: [500, 5200] },
  { category: "transport", words: ["Parking", "Taxi", "Fietsenstalling"], amount: [200, 3800] },
  { category: "household", words: ["Bouwmarkt", "Tuincentrum", "Wonen"], amount: [600, 12900] },
  { category: "holiday", words: ["Hotel", "Camping", "Hostel"], amount: [4500, 41000] },
  // These tell nothing: nobody could know the category from the name.
  { category: "shopping", words: ["BV", "Handelsonderneming", "SumUp *"], amount: [500, 9900] },
  { category: "gifts", words: ["SumUp *", "CCV*", "Zettle_*"], amount: [500, 5500] },
];

export const SURNAMES = [
  ..."Jansen,De Boer,Visser,Bakker,Mulder,Bos,Vos,Peters,Hendriks,Dekker,Brouwer,Smit,Kok,Jacobs".split(","),
  ..."Vermeulen,Van Dijk,Postma,Kuiper,Willems,Huisman,Prins,Blom,Verhoeven,Koster,Scholten".split(","),
];

export const PLACES =
  "Amsterdam,Utrecht,Haarlem,Leiden,Zaandam,Hilversum,Amstelveen,Almere,Den Haag,Rotterdam".split(",");

/** Names as strangers may write them. Nothing of this may ever be run, parsed or break a table. */
export const HOSTILE_NAMES: readonly string[] = [
  "<script>alert('tally')</script> Verhuur",
  'O\'Brien "Bob" & Söhne <b>',
  "'; DROP TABLE payments;--",
  '=HYPERLINK("http://evil.invalid","klik")',
  "مطعم السلام",
  "\u202egnihtemos si siht\u202c Ltd",
  "Łukasz 🎸 Żółć 👩‍👩‍👧",
  "Cafe\u0301 Decomposed",
  "${process.env.HOME} {{constructor}} %s %n",
  "-- \\N \\\\ \t tab / back\\slash",
  "株式会社東京",
  "A".repeat(120),
];

/** Persons, and what a payment to or from them may be for: the text says it, the name does not. */
export const FRIENDS =
  "Sanne Bakker,Daan Visser,Fatima El Amrani,Lotte de Wit,Jeroen Kok,Mei-Ling Chen,Ahmed Yılmaz,Opa Henk".split(
    ",",
  );
export const FRIEND_PURPOSES: readonly { text: string; category: string; weight: number }[] = [
  { text: "etentje vrijdag", category: "eating-out", weight: 5 },
  { text: "Tikkie pizza 🍕", category: "eating-out", weight: 4 },
  { text: "cadeau verjaardag", category: "gifts", weight: 5 },
  { text: "voor je verjaardag xx", category: "gifts", weight: 2 },
  { text: "boodschappen weekend", category: "groceries", weight: 2 },
  { text: "concertkaartjes", category: "hobbies", weight: 2 },
  { text: "huisje Texel", category: "holiday", weight: 2 },
  { text: "bedankt!", category: "gifts", weight: 1 },
];
