import assert from "node:assert/strict";
import fc from "fast-check";
import { dateByFormat } from "../../lib/bank/statements/csv/date-format";
import { lexDate, resolveDate } from "../../lib/bank/statements/fields/dates";
import {
  addDays,
  calendarDate,
  dateOfDayNumber,
  dayNumber,
  daysBetween,
  isCalendarDate,
  localDate,
  weekday,
} from "../../lib/values";
import { outcome, property, strangeText } from "./support";

const DAY = 86_400_000;
const pad = (value: number, length = 2) => String(value).padStart(length, "0");

/** Days since 1970 by counting years and months, unlike the formula of the library. */
function counted(year: number, month: number, day: number): number {
  const leap = (y: number) => (y % 4 === 0 && y % 100 !== 0) || y % 400 === 0;
  const leapsBefore = (y: number) =>
    Math.floor((y - 1) / 4) - Math.floor((y - 1) / 100) + Math.floor((y - 1) / 400);
  const months = [31, leap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  const before = (year - 1970) * 365 + leapsBefore(year) - leapsBefore(1970);
  return before + months.slice(0, month - 1).reduce((a, b) => a + b, 0) + day - 1;
}

/** Is there such a day, by the Date of JavaScript? */
function there(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

const FIRST = counted(1900, 1, 1);
const LAST = counted(2199, 12, 31);
const day = fc.integer({ min: FIRST, max: LAST });

describe("properties: dates", () => {
  it("every day from 1900 to 2199 is counted and written, there and back", function () {
    this.timeout(0);
    let next = FIRST;
    for (let year = 1900; year <= 2199; year++) {
      for (let month = 1; month <= 12; month++) {
        for (let at = 1; at <= 31; at++) {
          const text = `${year}-${pad(month)}-${pad(at)}`;
          const exists = there(year, month, at);
          assert.equal(isCalendarDate(text), exists, text);
          if (!exists) continue;
          assert.equal(calendarDate(year, month, at), text);
          assert.equal(dayNumber(text), next, text);
          assert.equal(counted(year, month, at), next, text);
          assert.equal(dateOfDayNumber(next), text);
          assert.equal(weekday(text), (new Date(next * DAY).getUTCDay() + 6) % 7, text);
          next++;
        }
      }
    }
    assert.equal(next, LAST + 1);
  });

  property(
    "days are added and subtracted as on a number line",
    80_000,
    fc.tuple(day, fc.integer({ min: -40_000, max: 40_000 }), fc.integer({ min: -400, max: 400 })),
    ([start, far, near]) => {
      const date = new Date(start * DAY).toISOString().slice(0, 10);
      const later = addDays(date, far);
      assert.equal(later, new Date((start + far) * DAY).toISOString().slice(0, 10));
      assert.equal(daysBetween(date, later), far);
      assert.equal(daysBetween(later, date), far === 0 ? 0 : -far);
      assert.equal(addDays(later, -far), date);
      assert.equal(addDays(addDays(date, far), near), addDays(date, far + near));
      assert.equal(date < later, far > 0, "dates sort as texts");
    },
  );

  property(
    "only days that exist are made",
    30_000,
    fc.tuple(
      fc.oneof(
        fc.integer({ min: -10, max: 10_010 }),
        fc.double(),
        fc.constantFrom(1900, 2000, 2024, 9999, 1, 0),
      ),
      fc.oneof(fc.integer({ min: -1, max: 14 }), fc.double({ min: 0, max: 13 })),
      fc.oneof(fc.integer({ min: -1, max: 33 }), fc.double({ min: 0, max: 32 })),
    ),
    ([year, month, at]) => {
      const found = outcome(() => calendarDate(year, month, at), "DATE_INVALID");
      const whole = [year, month, at].every(Number.isInteger);
      if (whole && year >= 1 && year <= 9999 && there(year, month, at)) {
        assert.deepEqual(found, { value: `${pad(year, 4)}-${pad(month)}-${pad(at)}` });
      } else assert.deepEqual(found, { code: "DATE_INVALID" });
    },
  );

  property(
    "day numbers outside of the years 1 to 9999 are refused",
    10_000,
    fc.tuple(
      day,
      fc.oneof(
        fc.double(),
        fc.integer({ min: -5_000_000, max: 5_000_000 }),
        fc.constantFrom(NaN, Infinity, -719_163, -719_162, 2_932_896, 2_932_897),
      ),
    ),
    ([start, by]) => {
      const date = dateOfDayNumber(start);
      for (const [found, target] of [
        [outcome(() => addDays(date, by), "DATE_INVALID"), start + by],
        [outcome(() => dateOfDayNumber(by), "DATE_INVALID"), by],
      ] as const) {
        const fits = Number.isInteger(target) && target >= -719_162 && target <= 2_932_896;
        const wanted = fits
          ? { value: new Date(target * DAY).toISOString().slice(0, 10) }
          : { code: "DATE_INVALID" };
        assert.deepEqual(found, wanted);
      }
    },
  );

  const nearlyDate = fc
    .array(
      fc.constantFrom(
        ..."0 1 2 3 9 19 20 2024 02 29 30 31 13 - - - / . : T Z 00 10 +02:00 12:30:00 May am".split(" "),
        " ",
      ),
      { maxLength: 10 },
    )
    .map((parts) => parts.join(""));
  property(
    "a text that is no date is refused, whatever it is",
    30_000,
    fc.oneof(
      { weight: 3, arbitrary: nearlyDate },
      { weight: 1, arbitrary: strangeText },
      {
        weight: 3,
        arbitrary: fc
          .tuple(fc.nat(9999), fc.nat(13), fc.nat(32))
          .map(([y, m, d]) => `${pad(y, 4)}-${pad(m)}-${pad(d)}`),
      },
    ),
    (text) => {
      const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
      const [year = 0, month = 0, at = 0] = match?.slice(1).map(Number) ?? [];
      const exists = match !== null && year > 0 && there(year, month, at);
      assert.equal(isCalendarDate(text), exists);
      for (const call of [
        () => dayNumber(text),
        () => weekday(text),
        () => addDays(text, 0),
        () => daysBetween(text, "2024-02-13"),
        () => daysBetween("2024-02-13", text),
      ]) {
        assert.equal("value" in outcome<unknown>(call, "DATE_INVALID"), exists, text);
      }
    },
  );

  property(
    "a text that is no instant with a zone is refused, and every other is of the day that it names",
    40_000,
    fc.oneof(
      { weight: 2, arbitrary: nearlyDate },
      { weight: 1, arbitrary: strangeText },
      {
        weight: 4,
        arbitrary: fc
          .tuple(
            fc.integer({ min: 1900, max: 2199 }),
            fc.integer({ min: 1, max: 12 }),
            fc.integer({ min: 1, max: 31 }),
            fc.nat(24),
            fc.nat(59),
            fc.constantFrom("", ":00", ":59", ":59.999", ":07.123456", ":60"),
            fc.constantFrom("Z", "+00:00", "-00:00", "+01:00", "-05:30", "+14:00", "+0200", "", " UTC"),
          )
          .map(([y, m, d, h, min, s, z]) => `${y}-${pad(m)}-${pad(d)}T${pad(h)}:${pad(min)}${s}${z}`),
      },
    ),
    (text) => {
      const found = outcome(() => localDate(text, "UTC"), "DATE_INVALID");
      if ("code" in found) return;
      const match = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:?\d\d)$/.exec(text);
      assert.ok(match, `"${text}" was read as ${found.value}`);
      const [year, month, at, hour, minute] = match.slice(1).map(Number) as [
        number,
        number,
        number,
        number,
        number,
      ];
      assert.ok(there(year, month, at), `"${text}" was read as ${found.value}`);
      const zone = match[6]!;
      const offset =
        zone === "Z" ? 0 : Number(`${zone[0]}1`) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)));
      const minutes = hour * 60 + minute - offset;
      assert.equal(found.value, dateOfDayNumber(counted(year, month, at) + Math.floor(minutes / 1440)));
    },
  );

  const ZONES = Intl.supportedValuesOf("timeZone");
  const offsets = new Map<string, Intl.DateTimeFormat>();
  /** Seconds east of UTC: another face of Intl than the parts of a date. */
  function offsetOf(ms: number, zone: string): number {
    let format = offsets.get(zone);
    if (!format)
      offsets.set(
        zone,
        (format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" })),
      );
    const match = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(format.format(ms))!;
    const [, sign, h = "0", m = "0", s = "0"] = match;
    return (sign === "-" ? -1 : 1) * (Number(h) * 3600 + Number(m) * 60 + Number(s));
  }
  const onWall = (ms: number, zone: string) =>
    new Date(Math.floor(ms / 1000) * 1000 + offsetOf(ms, zone) * 1000).toISOString().slice(0, 10);

  property(
    "an instant is of the day that the clocks of its zone show, in all zones of the world",
    30_000,
    fc.tuple(fc.integer({ min: FIRST * DAY, max: LAST * DAY }), fc.constantFrom(...ZONES), fc.boolean()),
    ([ms, zone, text]) => {
      const wanted = onWall(ms, zone);
      assert.equal(localDate(text ? new Date(ms).toISOString() : ms, zone), wanted);
    },
  );

  /** Instants at which the clocks of zones are changed, from 1980 to 2037, found by halving. */
  const changes: [ms: number, zone: string][] = [];
  before(function () {
    this.timeout(0);
    const zones =
      "Europe/Amsterdam Europe/London Europe/Lisbon Europe/Istanbul America/New_York America/Sao_Paulo America/Santiago America/Havana Africa/Cairo Africa/Casablanca Asia/Tehran Asia/Beirut Asia/Gaza Australia/Lord_Howe Pacific/Apia Pacific/Kiritimati Asia/Pyongyang America/St_Johns Antarctica/Troll Asia/Kathmandu";
    const step = 60 * DAY;
    for (const zone of zones.split(" ")) {
      for (let from = Date.UTC(1980, 0, 1); from < Date.UTC(2037, 0, 1); from += step) {
        let [low, high] = [from, from + step];
        if (offsetOf(low, zone) === offsetOf(high, zone)) continue;
        while (high - low > 1) {
          const middle = Math.floor((low + high) / 2);
          if (offsetOf(middle, zone) === offsetOf(low, zone)) low = middle;
          else high = middle;
        }
        changes.push([high, zone]);
      }
    }
    assert.ok(changes.length > 1500, `${changes.length} changes of clocks`);
  });
  property(
    "the day is right around every change of clocks",
    30_000,
    fc.tuple(fc.nat(), fc.oneof(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -DAY, max: DAY }))),
    ([which, near]) => {
      const [ms, zone] = changes[which % changes.length]!;
      assert.equal(localDate(ms + near, zone), onWall(ms + near, zone));
    },
  );

  property(
    "moments that are no moments are refused",
    10_000,
    fc.tuple(
      fc.oneof(fc.double(), fc.constantFrom(8.64e15, 8.64e15 + 1, -8.64e15, NaN, -62_135_596_800_001)),
      fc.constantFrom("UTC", "Asia/Tokyo"),
    ),
    ([ms, zone]) => {
      const found = outcome(() => localDate(ms, zone), "DATE_INVALID");
      if ("value" in found) assert.ok(isCalendarDate(found.value), `${ms} became ${found.value}`);
      else assert.ok(!(ms > -62_135_000_000_000 && ms < 253_402_200_000_000));
    },
  );

  const FORMS: readonly [
    form: string,
    dayFirst: boolean,
    write: (y: number, m: number, d: number) => string,
  ][] = [
    ["YYYY-MM-DD", true, (y, m, d) => `${y}-${pad(m)}-${pad(d)}`],
    ["YYYYMMDD", true, (y, m, d) => `${y}${pad(m)}${pad(d)}`],
    ["DD-MM-YYYY", true, (y, m, d) => `${pad(d)}-${pad(m)}-${y}`],
    ["DD.MM.YYYY", true, (y, m, d) => `${pad(d)}.${pad(m)}.${y}`],
    ["MM/DD/YYYY", false, (y, m, d) => `${pad(m)}/${pad(d)}/${y}`],
    ["DD/MM/YY", true, (y, m, d) => `${pad(d)}/${pad(m)}/${pad(y % 100)}`],
  ];
  property(
    "dates in the forms of banks are read as written",
    40_000,
    fc.tuple(
      fc.integer({ min: counted(1990, 1, 1), max: counted(2060, 12, 31) }),
      fc.constantFrom(...FORMS),
      fc.constantFrom("", " 10:11", " 23:59:59"),
    ),
    ([days, [form, dayFirst, write], time]) => {
      const date = dateOfDayNumber(days);
      const [year, month, at] = date.split("-").map(Number) as [number, number, number];
      const text = write(year, month, at);
      assert.equal(dateByFormat(text, form), date);
      const lexed = lexDate(text + time);
      assert.deepEqual(lexed && resolveDate(lexed, dayFirst), { date });
    },
  );

  property(
    "cells that are no dates make none that does not exist",
    20_000,
    fc.tuple(fc.oneof(nearlyDate, strangeText), fc.boolean()),
    ([text, dayFirst]) => {
      const lexed = lexDate(text);
      const found = lexed && resolveDate(lexed, dayFirst);
      if (!found) return;
      assert.ok(isCalendarDate(found.date), `${JSON.stringify(text)} became ${found.date}`);
      if (found.instant) assert.ok(!Number.isNaN(Date.parse(found.instant)));
    },
  );
});
