import { addDays, type CalendarDate } from "../values";

/** The days of one account that were read from the store so far: one span, which grows at its ends. */
export class DaysRead {
  /** `from` inclusive, `to` exclusive. */
  #read: { from: CalendarDate; to: CalendarDate } | undefined;

  /**
   * Read the days around these that were not read before.
   * @param dates in any order; nothing is read for none
   * @param margin days before the first and after the last of them
   * @param load reads the days from the first (inclusive) to the second (exclusive)
   */
  async cover(
    dates: readonly CalendarDate[],
    margin: number,
    load: (from: CalendarDate, to: CalendarDate) => Promise<void>,
  ): Promise<void> {
    if (dates.length === 0) return;
    const sorted = [...dates].sort();
    const from = addDays(sorted[0]!, -margin);
    const to = addDays(sorted.at(-1)!, margin + 1);
    const known = this.#read;
    if (!known) await load(from, to);
    else {
      if (from < known.from) await load(from, known.from);
      if (to > known.to) await load(known.to, to);
    }
    this.#read = {
      from: known && known.from < from ? known.from : from,
      to: known && known.to > to ? known.to : to,
    };
  }
}
