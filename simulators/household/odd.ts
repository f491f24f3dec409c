import { addDays, daysBetween } from "../../lib/values";
import { FRIENDS, FRIEND_PURPOSES, HOSTILE_NAMES, PLACES } from "./catalogue";
import { monthsOf } from "./fixed";
import { dutchIban, type Ledger } from "./ledger";
import type { Random } from "./random";
import type { HouseholdOptions } from "./types";

/** Payments between persons: the text says what for, the name does not. */
export function addFriends(ledger: Ledger, options: HouseholdOptions, random: Random): void {
  const friends = FRIENDS.map((name) => ({ name, iban: dutchIban("INGB", random.digits(10)) }));
  for (const first of monthsOf(options)) {
    for (let left = random.poisson(3.2); left > 0; left--) {
      const date = addDays(first, random.int(0, 27));
      if (!ledger.covers(date)) continue;
      const friend = random.pick(friends);
      const purpose = random.weighted(FRIEND_PURPOSES, ({ weight }) => weight);
      const amount = random.cents(500, 7500);
      ledger.add({
        account: "current",
        date,
        minute: random.int(480, 1439),
        amount: random.chance(0.25) ? amount : -amount,
        name: friend.name,
        iban: friend.iban,
        description: purpose.text,
        type: "transfer",
        category: purpose.category,
        cleanName: friend.name,
      });
    }
  }
}

/** Cash machines, at home and away. */
export function addCash(ledger: Ledger, options: HouseholdOptions, random: Random): void {
  for (const first of monthsOf(options)) {
    for (let left = random.poisson(1.3); left > 0; left--) {
      const date = addDays(first, random.int(0, 27));
      if (!ledger.covers(date)) continue;
      const place = random.pick(PLACES);
      const name = random.pick([
        `Geldmaat ${place}`,
        "GELDMAAT NR:" + random.digits(5),
        `ATM ${place} Centrum`,
      ]);
      ledger.add({
        account: "current",
        date,
        minute: random.int(500, 1380),
        amount: -random.pick([2000, 5000, 5000, 10000, 20000]),
        name,
        description: `GEA, Betaalpas ${name} ${random.digits(6)}`,
        type: "cash",
        category: "cash",
        cleanName: "Cash machine",
      });
    }
  }
}

/** What happens seldom and breaks programs: every household has each of these, whatever its seed and size. */
export function addOddities(ledger: Ledger, options: HouseholdOptions, random: Random): void {
  const days = daysBetween(options.from, options.until);
  const someDay = () => addDays(options.from, random.int(0, days));
  const add = (name: string, amount: number, category: string, description: string, date = someDay()) =>
    ledger.add({
      account: "current",
      date,
      minute: random.int(480, 1300),
      amount,
      name,
      iban: dutchIban("KNAB", random.digits(10)),
      description,
      type: "transfer",
      category,
      cleanName: name.slice(0, 60),
    });

  for (const name of HOSTILE_NAMES) {
    const categories = ["shopping", "eating-out", "hobbies"] as const;
    add(name, -random.int(500, 4000), random.pick(categories), `Factuur ${name}`);
  }
  add("Verificatie Rekening", -1, "bank", "iDEAL verificatie 0,01");
  add("Verificatie Rekening", 1, "bank", "Terugbetaling verificatie");
  // The inheritance comes first, so that the car does not sink the account.
  const inherited = addDays(options.from, Math.floor(days * 0.3));
  add("Notariskantoor Zuid Derdengelden", 18500000, "income", "Nalatenschap dossier 2291", inherited);
  const bought = addDays(options.from, Math.floor(days * 0.5));
  add("Autobedrijf Van Egmond", -1249900, "fuel", "Aanbetaling en restant occasion", bought);
  add("Naamloos", -1234, "shopping", "");

  // Equal in everything but the bank's own id: two tickets from one machine.
  const day = someDay();
  for (const second of [0, 0, 40]) {
    ledger.add({
      account: "current",
      date: day,
      minute: 610,
      second,
      amount: -460,
      name: "NS-Automaat Centraal",
      description: "NS-AUTOMAAT CENTRAAL 2E KLAS RETOUR",
      type: "card",
      category: "transport",
      cleanName: "NS",
    });
  }

  // Half past midnight: still the day before in UTC.
  for (const first of monthsOf(options)) {
    const date = addDays(first, random.int(1, 26));
    if (!ledger.covers(date)) continue;
    ledger.add({
      account: "current",
      date,
      minute: 30,
      second: random.int(0, 59),
      amount: -random.cents(400, 3800),
      name: "Cafe de Zwaan",
      description: `CCV*CAFE DE ZWAAN AMSTERDAM ${random.digits(6)}`,
      type: "card",
      category: "eating-out",
      cleanName: "Café de Zwaan",
    });
  }

  // Not booked yet when the household's years end.
  for (const back of [0, 1]) {
    ledger.add({
      account: "card",
      date: addDays(options.until, -back),
      minute: random.int(600, 1200),
      amount: -random.int(1000, 9000),
      name: "BOOKING.COM",
      description: `BOOKING.COM reservation ${random.digits(9)}`,
      type: "card",
      category: "holiday",
      cleanName: "Booking.com",
      status: "pending",
    });
  }
}
