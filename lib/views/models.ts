import { budgetsWithModels, versionRows, type ShadowReport, type VersionRow } from "../learning";
import type { PageOfRows, Row, Sources, ViewRequest } from "./types";

/** Versions shown of each model, besides those that a name points at. */
const VERSIONS = 10;

/**
 * The versions of each model, newest first: the names that point at each, its scores, what the gate said, and how it did
 * as a candidate on live payments.
 */
export async function readModels({ store }: Sources, { budgetId, limit }: ViewRequest): Promise<PageOfRows> {
  const rows: Row[] = [];
  for (const id of budgetId ? [budgetId] : await budgetsWithModels(store)) {
    const versions = await versionRows(store, id, VERSIONS);
    const production = versions.find(({ aliases }) => aliases.includes("production"))?.version;
    for (const version of versions) rows.push(rowOf(version, production));
  }
  return { rows: rows.slice(0, limit) };
}

function rowOf(row: VersionRow, production: string | undefined): Row {
  const { aliases, shadow, parameters: _, ...plain } = row;
  // Beside what is in production now, or else where there is most to see.
  const shown = shadow.find(({ against }) => against === production) ?? shadow[0];
  return { ...plain, alias: aliases.join(", ") || null, ...shadowOf(shown) };
}

function shadowOf(report: ShadowReport | undefined): Row {
  return {
    shadowAgainst: report?.against ?? null,
    shadowPayments: report?.payments ?? 0,
    shadowAgreed: report?.agreed ?? 0,
    shadowLabelled: report?.labelled.payments ?? 0,
    shadowRight: report?.labelled.candidateRight ?? 0,
    shadowAgainstRight: report?.labelled.productionRight ?? 0,
  };
}
