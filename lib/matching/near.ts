/** The stretch of rows within so many days of a day that only grows. */
export class Near {
  from = 0;
  to = 0;

  constructor(
    private readonly rows: Int32Array,
    private readonly days: Int32Array,
  ) {}

  move(day: number, window: number): void {
    while (this.to < this.rows.length && this.days[this.rows[this.to]!]! <= day + window) this.to++;
    while (this.from < this.to && this.days[this.rows[this.from]!]! < day - window) this.from++;
  }

  get count(): number {
    return this.to - this.from;
  }
}
