import { calendarDate, isCalendarDate, type CalendarDate, type Instant } from "../../../values";

/**
 * Dates as banks write them. A text is taken apart without knowing whether the day or the month comes first; the order
 * is decided over all dates of the file. The calendar date is always the one written, whatever zone stands behind it.
 */

export interface DateText {
  /** Year, month and day where the text itself is clear. */
  date?: CalendarDate;
  /** Two numbers whose order the text does not tell, and the year. */
  pair?: { first: number; second: number; year: number };
  /** The mark between the numbers, where there is one. */
  separator?: string;
  /** Time of day as written, `hh:mm:ss`. */
  time?: string;
  /** Set when the text names a zone. */
  instant?: Instant;
}

const MONTHS: Readonly<Record<string, number>> = (() => {
  // The languages of Europe's banks, Russian, Ukrainian, Turkish, Afrikaans and Indonesian; without accents.
  const names = [
    "jan january januari januar janv janvier ene enero gen gennaio janeiro tammikuu tammi styczen stycznia sty leden ledna led jaenner jänner januarie ianuarie ian ocak oca sausio sausis jaanuar janvaris ιαν ιανουαριος янв января январь січ січня",
    "feb february februari februar fevr fev fevrier febrero febbraio fevereiro helmikuu helmi luty lutego lut unor unora uno februarie subat sub vasario vasaris veebruar veebr februaris φεβ φεβρουαριος фев февр февраля февраль лют лютого",
    "mar march maart mrt maerz mars marzo marco maaliskuu maalis marzec marca brezen brezna bre mrz mär marcius marc martie mart kovo kovas märts marts maret μαρ μαρτιος мар марта март бер березня",
    "apr april avr avril abr abril aprile huhtikuu huhti kwiecien kwietnia kwi duben dubna dub aprilis aprilie nisan nis balandzio balandis aprill απρ απριλιος апр апреля апрель кві квітня",
    "may mei mai mayo maj maggio mag maio toukokuu touko maja kveten kvetna kve majus mayis geguzes geguze maijs μαι μαιος мая май тра травня",
    "jun june juni juin junio giugno giu junho kesakuu kesa czerwiec czerwca cze cerven cervna junius iunie iun junie haziran haz birzelio birzelis juuni junijs ιουν ιουνιος июн июня июнь чер червня",
    "jul july juli juil juillet julio luglio lug julho heinakuu heina lipiec lipca lip cervenec cervence julius iulie iul julie temmuz tem liepos liepa juuli julijs ιουλ ιουλιος июл июля июль лип липня",
    "aug august augustus aout aou ago agosto augusti elokuu elo sierpien sierpnia sie srpen srpna srp augusztus agustos rugpjucio rugpjutis agustus agu αυγ αυγουστος авг августа август сер серпня",
    "sep sept september septembre septiembre set settembre setembro syyskuu syys wrzesien wrzesnia wrz zari zar szeptember szept septembrie eylul eyl rugsejo rugsejis σεπ σεπτεμβριος сен сент сентября сентябрь вер вересня",
    "oct october oktober okt octobre octubre ottobre ott outubro out lokakuu loka pazdziernik pazdziernika paz rijen rijna rij oktober octombrie ekim eki spalio spalis oktoober oktobris οκτ οκτωβριος окт октября октябрь жов жовтня",
    "nov november novembre noviembre novembro marraskuu marras listopad listopada lis noiembrie noi kasim kas lapkricio lapkritis novembris νοε νοεμβριος ноя нояб ноября ноябрь лис листопада",
    "dec december dez dezember decembre dic diciembre dicembre dezembro des desember joulukuu joulu grudzien grudnia gru prosinec prosince pro decembrie aralik ara gruodzio gruodis detsember dets decembris δεκ δεκεμβριος дек декабря декабрь гру грудня",
  ];
  const map: Record<string, number> = {};
  names.forEach((list, index) => list.split(" ").forEach((name) => (map[plain(name)] ??= index + 1)));
  return map;
})();

function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

const TIME =
  "(?:(?:[T ,]+|-(?=\\d{1,2}[:.]\\d{2}[:.]))(\\d{1,2})[:.h](\\d{2})(?:[:.](\\d{2})(?:[.,]\\d+)?)?\\s*([AaPp][Mm])?\\s*(Z|UTC|GMT|[+-]\\d{2}:?\\d{2})?)?";
const YMD = new RegExp(`^(\\d{4})([-/. :])\\s?(\\d{1,2})\\2\\s?(\\d{1,2})\\.?${TIME}$`);
const EAST_ASIAN = new RegExp(`^(令和)?\\s?(\\d{1,4})[年년]\\s?(\\d{1,2})[月월]\\s?(\\d{1,2})[日일]${TIME}$`);
const STAMP = /^(\d{8})(\d{2})(\d{2})(\d{2})$/;
const PAIR = new RegExp(
  `^(\\d{1,2})\\s?([-/. ])\\s?(\\d{1,2})\\s?(?:\\2\\s?|['’]\\s?)(\\d{4}|\\d{2})\\.?${TIME}$`,
);
const DIGITS = new RegExp(`^(\\d{8})${TIME}$`);
const DAY_NAME = new RegExp(
  `^(?:\\p{L}{2,10}\\.?,?\\s+)?(\\d{1,2})(?:st|nd|rd|th)?\\.?[-/ .]*(?:de\\s+)?(\\p{L}{3,12})\\.?,?[-/ .]*(?:de\\s+)?['’]?(\\d{4}|\\d{2})${TIME}$`,
  "u",
);
const NAME_DAY = new RegExp(
  `^(\\p{L}{3,12})\\.?[- ]+(\\d{1,2})(?:st|nd|rd|th)?,?[- ]+(\\d{4}|\\d{2})${TIME}$`,
  "u",
);
const YEAR_NAME = new RegExp(`^(\\d{4})\\.?[- ](\\p{L}{3,12})\\.?[- ](\\d{1,2})\\.?${TIME}$`, "u");

/** Take a text apart as a date; undefined when it is none. */
export function lexDate(text: string): DateText | undefined {
  if (text.length > 60) return undefined;
  const tidy = text
    .replace(/[\u00a0\u202f]/g, " ")
    .trim()
    // Schwab: the day of booking, and the one that it counts for.
    .replace(/ as of \S+$/, "");
  if (tidy.length < 6 || tidy.length > 40 || !/\d/.test(tidy)) return undefined;
  let match = YMD.exec(tidy);
  if (match) return known(Number(match[1]), Number(match[3]), Number(match[4]), match, 5, match[2]);
  match = PAIR.exec(tidy);
  if (match) {
    const pair = { first: Number(match[1]), second: Number(match[3]), year: fullYear(match[4]!) };
    if (pair.first < 1 || pair.second < 1 || (pair.first > 12 && pair.second > 12)) return undefined;
    if (pair.first > 31 || pair.second > 31) return undefined;
    return { pair, separator: match[2]!, ...timeOf(match, 5) };
  }
  match = DIGITS.exec(tidy);
  if (match) {
    const digits = match[1]!;
    const ymd = [digits.slice(0, 4), digits.slice(4, 6), digits.slice(6)].map(Number) as [
      number,
      number,
      number,
    ];
    if (ymd[0] >= 1970 && ymd[0] < 2100) return known(...ymd, match, 2);
    const year = Number(digits.slice(4));
    if (year < 1970 || year >= 2100) return undefined;
    const pair = { first: Number(digits.slice(0, 2)), second: Number(digits.slice(2, 4)), year };
    return validPair(pair) ? { pair, separator: "", ...timeOf(match, 2) } : undefined;
  }
  match = EAST_ASIAN.exec(tidy);
  if (match) {
    const year = Number(match[2]) + (match[1] ? 2018 : 0);
    return known(year < 100 ? year + 2000 : year, Number(match[3]), Number(match[4]), match, 5, " ");
  }
  match = STAMP.exec(tidy);
  if (match) return lexDate(`${match[1]} ${match[2]}:${match[3]}:${match[4]}`);
  match = DAY_NAME.exec(tidy);
  if (match) return named(match[2]!, Number(match[1]), fullYear(match[3]!), match, 4);
  match = NAME_DAY.exec(tidy);
  if (match) return named(match[1]!, Number(match[2]), fullYear(match[3]!), match, 4);
  match = YEAR_NAME.exec(tidy);
  if (match) return named(match[2]!, Number(match[3]), Number(match[1]), match, 4);
  return undefined;
}

function validPair(pair: { first: number; second: number }): boolean {
  const { first, second } = pair;
  return first >= 1 && second >= 1 && first <= 31 && second <= 31 && (first <= 12 || second <= 12);
}

function named(
  name: string,
  day: number,
  year: number,
  match: RegExpExecArray,
  at: number,
): DateText | undefined {
  const month = MONTHS[plain(name)];
  return month ? known(year, month, day, match, at, " ") : undefined;
}

function known(
  year: number,
  month: number,
  day: number,
  match: RegExpExecArray,
  timeAt: number,
  separator = "",
): DateText | undefined {
  const date = dateOrUndefined(year, month, day);
  if (!date) return undefined;
  return withInstant({ date, separator, ...timeOf(match, timeAt) });
}

/** Two-digit years: 70 to 99 are of the last century. */
function fullYear(text: string): number {
  const year = Number(text);
  return text.length === 4 ? gregorian(year) : year + (year < 70 ? 2000 : 1900);
}

/** Banks of Thailand count the years from 543 BC. */
function gregorian(year: number): number {
  return year > 2400 && year < 2700 ? year - 543 : year;
}

function timeOf(match: RegExpExecArray, at: number): { time?: string; zone?: string } {
  if (match[at] === undefined) return {};
  let hour = Number(match[at]);
  const half = match[at + 3]?.toLowerCase();
  if (half === "pm" && hour < 12) hour += 12;
  if (half === "am" && hour === 12) hour = 0;
  if (hour > 23) return {};
  const time = `${String(hour).padStart(2, "0")}:${match[at + 1]}:${match[at + 2] ?? "00"}`;
  const zone = match[at + 4];
  return zone ? { time, zone } : { time };
}

function withInstant(text: DateText & { zone?: string }): DateText {
  const { zone, ...rest } = text;
  if (!rest.date || !rest.time || !zone) return rest;
  const offset = /^[+-]/.test(zone) ? zone.replace(/^([+-]\d{2}):?(\d{2})$/, "$1:$2") : "Z";
  const ms = Date.parse(`${rest.date}T${rest.time}${offset}`);
  return Number.isNaN(ms) ? rest : { ...rest, instant: new Date(ms).toISOString() };
}

function dateOrUndefined(year: number, month: number, day: number): CalendarDate | undefined {
  const text = `${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}`;
  return isCalendarDate(text) ? calendarDate(year, month, day) : undefined;
}

/** A taken-apart date in full, once the order of day and month is known; undefined when there is no such day. */
export function resolveDate(
  text: DateText,
  dayFirst: boolean,
): { date: CalendarDate; instant?: Instant } | undefined {
  if (text.date) return text.instant ? { date: text.date, instant: text.instant } : { date: text.date };
  if (!text.pair) return undefined;
  const { first, second, year } = text.pair;
  const date = dateOrUndefined(year, dayFirst ? second : first, dayFirst ? first : second);
  if (!date) return undefined;
  const full = withInstant({ ...text, date });
  return full.instant ? { date, instant: full.instant } : { date };
}

/** A day and a month without a year, as in `6 décembre`, `Dec 6`, `06/12`, `24.12.`; undefined for anything else. */
export function lexDayMonth(text: string): DayMonth | undefined {
  const tidy = text.replace(/[\u00a0\u202f]/g, " ").trim();
  if (tidy.length < 3 || tidy.length > 20) return undefined;
  let match = /^(\d{1,2})\.?[-/ ]?(\p{L}{3,12})\.?$/u.exec(tidy);
  if (match) return ofName(Number(match[1]), match[2]!);
  match = /^(\p{L}{3,12})\.?[-/ ]?(\d{1,2})$/u.exec(tidy);
  if (match) return ofName(Number(match[2]), match[1]!);
  match = /^(\d{1,2})[-/](\d{1,2})$/.exec(tidy) ?? /^(\d{1,2})\.\s?(\d{1,2})\.$/.exec(tidy);
  if (!match) return undefined;
  const pair = { first: Number(match[1]), second: Number(match[2]) };
  return validPair(pair) ? pair : undefined;
}

/** Day and month, or two numbers whose order the text does not tell. */
export type DayMonth = { day: number; month: number } | { first: number; second: number };

function ofName(day: number, name: string): DayMonth | undefined {
  const month = MONTHS[plain(name)];
  return month && day >= 1 && day <= 31 ? { day, month } : undefined;
}

/**
 * A count of seconds or milliseconds since 1970 between 2000 and 2100; undefined for anything else. Only a column that
 * is named a time can be read so.
 */
export function lexUnixTime(text: string): { date: CalendarDate; instant: Instant } | undefined {
  const match = /^(\d{9,10})(\d{3})?(?:\.\d{1,6})?$/.exec(text.trim());
  if (!match) return undefined;
  const seconds = Number(match[1]);
  if (seconds < 946_684_800 || seconds >= 4_102_444_800) return undefined;
  const instant = new Date(seconds * 1000 + Number(match[2] ?? 0)).toISOString();
  return { date: instant.slice(0, 10), instant };
}

export interface OrderDecision {
  /** Absent when no date decides. */
  dayFirst?: boolean;
  /** Some dates can be read both ways and nothing decides. */
  unclear: boolean;
  /** Dates that prove the other order than the one decided on. */
  against: number;
}

/** Decide the order of day and month over all dates: a number above 12 proves it; dots are never month-first. */
export function decideOrder(dates: Iterable<DateText>): OrderDecision {
  let dayFirst = 0;
  let monthFirst = 0;
  let unclear = 0;
  let dots = 0;
  for (const { pair, separator } of dates) {
    if (!pair) continue;
    if (pair.first > 12) dayFirst++;
    else if (pair.second > 12) monthFirst++;
    else if (separator === ".") dots++;
    else if (pair.first !== pair.second) unclear++;
  }
  if (dayFirst > monthFirst) return { dayFirst: true, unclear: false, against: monthFirst };
  if (monthFirst > dayFirst) return { dayFirst: false, unclear: false, against: dayFirst };
  if (dayFirst > 0) return { unclear: true, against: 0 };
  if (unclear > 0) return { unclear: true, against: 0 };
  return dots > 0 ? { dayFirst: true, unclear: false, against: 0 } : { unclear: false, against: 0 };
}
