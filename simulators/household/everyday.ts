import { addDays, daysBetween, type CalendarDate } from "../../lib/values";
import { HEIR_OF_DELETED, MERCHANTS, PLACES, STRANGERS, SURNAMES, type Merchant } from "./catalogue";
import { dutchIban, type Draft, type Ledger } from "./ledger";
import type { Random } from "./random";
import type { HouseholdOptions } from "./types";

/** Everyday payments by card, iDEAL and cash machine: about two a day at scale 1. */

const PER_DAY = 1.8;
/** Days of the month on which the household goes somewhere new, whatever else it does. */
const NEW_PLACES = ["06", "15", "24"];
/** Share of the other everyday payments that go to the latest of these, or to yet another one. */
const STRANGE = 0.018;

interface Shop {
  merchant: Merchant;
  /** The branches that the household goes to: a handful, with one or two favourites. */
  branches: string[];
  iban: string;
}

export function addEverydayPayments(
  ledger: Ledger,
  options: HouseholdOptions,
  deletedOn: CalendarDate,
  random: Random,
): void {
  const shops = MERCHANTS.map((merchant): Shop => {
    const count = merchant.spellings.length > 1 ? 5 : 2;
    const branches = Array.from({ length: count }, (_, at) =>
      fill(merchant.spellings[at % merchant.spellings.length]!, random),
    );
    return { merchant, branches, iban: dutchIban("ADYB", random.digits(10)) };
  });
  let stranger: Shop | undefined;
  const days = daysBetween(options.from, options.until);
  for (let day = 0; day <= days; day++) {
    const date = addDays(options.from, day);
    const novelties = NEW_PLACES.includes(date.slice(8)) ? Math.max(1, Math.round(options.scale ?? 1)) : 0;
    for (let left = novelties; left > 0; left--) {
      stranger = makeStranger(random);
      buy(ledger, stranger, date, deletedOn, random);
    }
    for (let left = random.poisson(PER_DAY * (options.scale ?? 1)); left > 0; left--) {
      let shop: Shop;
      if (random.chance(STRANGE)) {
        if (!stranger || random.chance(0.5)) stranger = makeStranger(random);
        shop = stranger;
      } else {
        shop = random.weighted(shops, ({ merchant }) => merchant.weight);
      }
      buy(ledger, shop, date, deletedOn, random);
    }
  }
}

function buy(ledger: Ledger, shop: Shop, date: CalendarDate, deletedOn: CalendarDate, random: Random): void {
  const { merchant } = shop;
  const amount = random.cents(...merchant.amount);
  const minute = Math.min(
    1439,
    Math.max(1, Math.round(540 + 900 * (random.next() * 0.55 + random.next() * 0.45))),
  );
  const onCard = random.chance(merchant.credit ?? 0.05);
  // A branch number that is not a usual one turns up now and then: away from home.
  const name = random.chance(0.06)
    ? fill(random.pick(merchant.spellings), random)
    : random.weighted(shop.branches, (branch) => 1 / (1 + shop.branches.indexOf(branch)) ** 1.3);
  const type = onCard ? "card" : merchant.kind === "debit" ? "direct-debit" : merchant.kind;
  const booked = {
    account: onCard ? ("card" as const) : ("current" as const),
    date,
    minute,
    second: random.int(0, 59),
    amount: -amount,
    name,
    ...(type === "ideal" ? { iban: shop.iban } : {}),
    description: describe(merchant, name, type, date, minute, random),
    type,
    category: categoryAt(merchant, amount, date, deletedOn, random),
    cleanName: merchant.name,
  };
  const isCard = type === "card";
  if (isCard && random.chance(0.02) && ledger.covers(addDays(date, 2))) {
    // Reserved first, booked a day or two later under another id, for a few with another amount.
    const reserved =
      merchant.category === "fuel" ? 15000 : random.chance(0.3) ? Math.round(amount * 0.9) : amount;
    const pending = ledger.add({ ...booked, amount: -reserved, status: "pending" });
    pending.bookedAs = ledger.add({
      ...booked,
      date: addDays(date, random.int(1, 2)),
      minute: random.int(30, 400),
    });
  } else {
    const paid = ledger.add(booked);
    if (random.chance(0.012)) refund(ledger, paid, random);
    if (isCard && amount < 1500 && random.chance(0.02))
      ledger.add({ ...booked, second: (booked.second + 20) % 60 });
  }
}

function refund(ledger: Ledger, paid: Draft, random: Random): void {
  const date = addDays(paid.date, random.int(3, 20));
  if (!ledger.covers(date)) return;
  const whole = random.chance(0.6);
  const { millis: _, ...rest } = paid;
  ledger.add({
    ...rest,
    date,
    minute: random.int(300, 1200),
    amount: whole ? -paid.amount : Math.max(1, Math.round(-paid.amount * 0.4)),
    description: `Retour ${rest.description}`,
    refundOf: paid,
  });
}

/** The category of a payment: the merchant's own, unless it is one that is used for two things. */
function categoryAt(
  merchant: Merchant,
  amount: number,
  date: CalendarDate,
  deletedOn: CalendarDate,
  random: Random,
): string {
  const { also } = merchant;
  const other =
    also !== undefined &&
    ((also.above !== undefined && amount > also.above) ||
      (also.below !== undefined && amount < also.below) ||
      (also.share !== undefined && random.chance(also.share)));
  const category = other ? also.category : merchant.category;
  return category === "coffee" && date >= deletedOn ? HEIR_OF_DELETED.coffee : category;
}

function fill(spelling: string, random: Random): string {
  return spelling.replace("{n}", () => random.digits(4)).replace("{c}", () => random.pick(PLACES));
}

function makeStranger(random: Random): Shop {
  const kind = random.pick(STRANGERS);
  const word = random.pick(kind.words);
  const surname = random.pick(SURNAMES);
  const name = /[*]$/.test(word)
    ? `${word}${surname} ${random.pick(PLACES)}`
    : `${word} ${surname} ${random.pick(PLACES)}`;
  const merchant: Merchant = {
    name: name.replace(/^(SumUp \*|CCV\*|Zettle_\*)/, ""),
    category: kind.category,
    spellings: [name],
    weight: 0,
    amount: kind.amount,
    kind: "card",
    credit: 0.15,
  };
  return { merchant, branches: [name], iban: "" };
}

/** The bank's text of a payment, with what real ones are full of: terminals, times, towns, references. */
function describe(
  merchant: Merchant,
  name: string,
  type: string,
  date: CalendarDate,
  minute: number,
  random: Random,
): string {
  const [year, month, day] = date.split("-") as [string, string, string];
  const clock = `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  if (type === "ideal") {
    return random.pick([
      `${random.digits(10)} ${random.digits(16)} Bestelling ${random.digits(7)} ${merchant.name}`,
      `Order ${random.digits(9)} ${name}`,
      `${merchant.name} ${random.digits(8)}-${month}`,
    ]);
  }
  const upper = name.toUpperCase();
  const place = random.pick(PLACES);
  return random.pick([
    `${upper}      ${place.toUpperCase()}, NL`,
    `BEA, Betaalpas ${name},PAS${random.int(1, 2)}2${random.int(0, 9)} NR:${random.digits(6)}, ${day}.${month}.${year.slice(2)}/${clock} ${place}`,
    `${upper} >${place.toUpperCase()} ${day}.${month}.${year} ${clock.replace(":", "U")} KV005 ${random.digits(6)} Contactloze betaling`,
    `${name} ${place} ${random.digits(8)}`,
  ]);
}
