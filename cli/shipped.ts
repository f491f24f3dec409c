/** The shipped job that commands start: its tally-schedule node in `flows/` and its name in the run ledger. */
export const FIRST_JOB = { schedule: "tally-job-bank-to-budget", job: "bank-to-budget" } as const;
