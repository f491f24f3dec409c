import {
  budgetsWithModels,
  shadowText,
  versionRows,
  versionScores,
  type ShadowReport,
  type VersionRow,
} from "../learning";
import { budgets, type Store } from "../store";
import { categoryNames } from "./read";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";

/** Versions shown of each model, besides those that a name points at. */
const VERSIONS = 10;
/** A band of the reliability holds at least this share of the payments, and at least so many. */
const BAND_SHARE = 1 / 6;
const BAND_ROWS = 10;

/**
 * The versions of each model, newest first: the names that point at each, its scores, what the gate said, what it was
 * made from, and how it did as a candidate on live payments.
 */
export async function readModels({ store }: Sources, { budgetId, limit }: ViewRequest): Promise<PageOfRows> {
  const rows: Row[] = [];
  for (const id of await idsOf(store, budgetId)) {
    const versions = await versionRows(store, id, VERSIONS);
    const budget = (await store.collection(budgets).get(id))?.name ?? null;
    const production = versions.find(({ aliases }) => aliases.includes("production"))?.version;
    for (const version of versions) rows.push({ ...rowOf(version, production), budget });
  }
  return { rows: rows.slice(0, limit) };
}

/** The share answered and the share of it that is right, at each threshold, the highest first. */
export async function readModelCurve({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  return ofVersions(store, request, ({ curve }) =>
    curve.map(({ threshold, coverage, precision }) => ({ threshold, coverage, precision })),
  );
}

/**
 * How sure it said it was, and how often it was right, in a few bands of confidence, the surest first: `low` to `high`
 * is what it said, `right` the share that was.
 */
export async function readModelReliability({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  return ofVersions(store, request, ({ curve, rows }) => bandsOf(curve, rows - Math.floor(rows / 2)));
}

/** The categories that a version gave when it was scored, those with the most mistakes first. */
export async function readModelCategories({ store }: Sources, request: ViewRequest): Promise<PageOfRows> {
  return ofVersions(store, request, async ({ perCategory }) => {
    const names = await categoryNames(
      store,
      perCategory.map(({ category }) => ({ categoryId: category })),
    );
    return perCategory
      .map(({ category, support, precision, recall, f1 }) => {
        const recognised = Math.round(recall * support);
        const name = names.get(category);
        return {
          categoryId: category,
          category: name?.name ?? null,
          gone: !name || name.deleted,
          payments: support,
          recognised,
          missed: support - recognised,
          precision,
          recall,
          f1,
        };
      })
      .sort((a, b) => b.missed - a.missed || a.f1 - b.f1 || b.payments - a.payments);
  });
}

type Scores = NonNullable<Awaited<ReturnType<typeof versionScores>>>;

async function ofVersions(
  store: Store,
  { budgetId, version = "production", limit }: ViewRequest,
  read: (scores: Scores) => Row[] | Promise<Row[]>,
): Promise<PageOfRows> {
  const rows: Row[] = [];
  for (const id of await idsOf(store, budgetId)) {
    const scores = await versionScores(store, id, version);
    if (!scores) continue;
    for (const row of await read(scores)) rows.push({ budgetId: id, version: scores.version, ...row });
  }
  return { rows: rows.slice(0, limit) };
}

async function idsOf(store: Store, wanted: string | undefined): Promise<string[]> {
  return wanted ? [wanted] : budgetsWithModels(store);
}

/** The curve counts from the top, so that the difference of two of its points is what lies between them. */
function bandsOf(curve: Scores["curve"], rows: number): Row[] {
  const fewest = Math.max(BAND_SHARE, rows > 0 ? BAND_ROWS / rows : 1);
  const bands: Row[] = [];
  let [coverage, right, high] = [0, 0, 1];
  curve.forEach((point, at) => {
    const share = point.coverage - coverage;
    // What is left below must be worth a band of its own.
    const last = at === curve.length - 1;
    if (!last && (share < fewest || 1 - point.coverage < fewest)) return;
    const hits = point.coverage * point.precision - right;
    bands.push({
      low: point.threshold,
      high,
      share,
      payments: Math.round(share * rows),
      right: hits / share,
    });
    [coverage, right, high] = [point.coverage, point.coverage * point.precision, point.threshold];
  });
  return bands;
}

function rowOf(row: VersionRow, production: string | undefined): Row {
  const { aliases, shadow, parameters, promoted, ...plain } = row;
  // Beside what is in production now, or else where there is most to see.
  const shown = shadow.find(({ against }) => against === production) ?? shadow[0];
  return {
    ...plain,
    id: `${row.model}@${row.version}`,
    alias: aliases.join(", ") || null,
    said: saidOf(row),
    promotedAt: promoted?.at ?? null,
    promotedReason: promoted?.reason ?? null,
    parameters: Object.entries(parameters as Record<string, unknown>)
      .map(([name, value]) => `${name} ${String(value)}`)
      .join(", "),
    ...shadowOf(shown, production),
  };
}

/** What its scores mean, for people who keep a budget. */
function saidOf({ coverage, precisionAtThreshold, accuracy }: VersionRow): string {
  if (!known(accuracy) || !known(coverage))
    return "Not measured yet: there were too few labels to hold some back.";
  const guess = `Its best guess is right for ${ofHundred(accuracy)}.`;
  if (coverage === 0)
    return `Leaves every payment to you: of those it was tried on, it was sure enough of none. ${guess}`;
  const right = known(precisionAtThreshold) ? `, ${ofHundred(precisionAtThreshold)} of these right` : "";
  return `Answers ${ofHundred(coverage)} payments by itself${right}. ${guess}`;
}

function known(share: number | null): share is number {
  return share !== null && Number.isFinite(share);
}

/** Whole numbers, but never all or none where it was not quite. */
function ofHundred(share: number): string {
  const whole = Math.round(share * 100);
  if (whole === 100 && share < 1) return "more than 99 of 100";
  return whole === 0 && share > 0 ? "fewer than 1 of 100" : `${whole} of 100`;
}

function shadowOf(report: ShadowReport | undefined, production: string | undefined): Row {
  const { labelled } = report ?? {};
  const other = report?.against === production ? "the one in use" : `${report?.against ?? ""}`;
  return {
    shadowAgainst: report?.against ?? null,
    shadowPayments: report?.payments ?? 0,
    shadowAgreed: report?.agreed ?? 0,
    shadowAnswered: report?.answered.candidate ?? 0,
    shadowAgainstAnswered: report?.answered.production ?? 0,
    shadowLabelled: labelled?.payments ?? 0,
    shadowRight: labelled?.candidateRight ?? 0,
    shadowAgainstRight: labelled?.productionRight ?? 0,
    shadowOnly: labelled?.onlyCandidate ?? 0,
    shadowAgainstOnly: labelled?.onlyProduction ?? 0,
    shadowText: report ? shadowText(report, "this one", other) : null,
  };
}
