import cron from "node-cron";

/** What is wrong with a cron expression, in words; undefined when nothing is. */
export function cronProblem(expression: string): string | undefined {
  const { valid, errors } = cron.validateDetailed(expression);
  if (valid) return undefined;
  const first = errors[0];
  return `"${expression.slice(0, 60)}" is not a cron expression${first ? ` (${first.field}: ${first.message})` : ""}`;
}

/** The next instants at which the expression fires in the time zone, soonest first. */
export function nextRuns(expression: string, timeZone: string, count: number): Date[] {
  const task = cron.createTask(expression, () => undefined, { timezone: timeZone });
  try {
    return task.getNextRuns(count);
  } finally {
    void task.destroy();
  }
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/**
 * A cron expression in English: "at minute 0 of every hour", "at 06:30 on Monday". Fields that are neither fixed,
 * nor every, nor a step are listed value by value.
 */
export function describeCron(expression: string): string {
  const parts = expression.trim().split(/\s+/);
  const texts = parts.length === 6 ? parts : ["0", ...parts];
  const parsed = cron.parse(expression);
  const [, minuteText = "*", hourText = "*", dayText = "*", monthText = "*", weekdayText = "*"] = texts;
  const sentence = [
    timeOf(minuteText, hourText, parsed.minute, parsed.hour),
    ...(dayText === "*" || dayText === "?"
      ? []
      : [`on day ${list(parsed.dayOfMonth.map(String))} of the month`]),
    ...(weekdayText === "*" || weekdayText === "?"
      ? []
      : [`on ${list([...new Set(parsed.dayOfWeek.map((day) => DAYS[Number(day) % 7] ?? String(day)))])}`]),
    ...(monthText === "*"
      ? []
      : [`in ${list(parsed.month.map((month) => MONTHS[month - 1] ?? String(month)))}`]),
  ];
  if (parts.length === 6 && texts[0] !== "0") sentence.push(`at second ${texts[0]}`);
  return sentence.join(" ");
}

function timeOf(minuteText: string, hourText: string, minutes: number[], hours: number[]): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const everyHour = hourText === "*";
  if (minuteText === "*" && everyHour) return "every minute";
  const step = /^\*\/(\d+)$/.exec(minuteText);
  if (step && everyHour) return `every ${step[1]} minutes`;
  const hourStep = /^\*\/(\d+)$/.exec(hourText);
  if (hourStep && minutes.length === 1) return `at minute ${minutes[0]} of every ${hourStep[1]} hours`;
  if (everyHour) return `at minute ${list(minutes.map(String))} of every hour`;
  if (minutes.length * hours.length <= 6)
    return `at ${list(hours.flatMap((hour) => minutes.map((minute) => `${two(hour)}:${two(minute)}`)))}`;
  const when =
    minuteText === "*"
      ? "every minute"
      : step
        ? `every ${step[1]} minutes`
        : `at minute ${list(minutes.map(String))}`;
  return `${when} past hour ${list(hours.map(String))}`;
}

function list(values: readonly string[]): string {
  if (values.length < 2) return values.join("");
  return `${values.slice(0, -1).join(", ")} and ${values.at(-1)}`;
}
