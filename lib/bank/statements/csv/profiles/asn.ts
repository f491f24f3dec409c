import { looksLikeIban } from "../../accounts";
import { lexAmount } from "../../fields/amounts";
import { lexDate } from "../../fields/dates";
import type { CsvProfile } from "../profile";

const isDate = (cell: string | undefined) => cell !== undefined && lexDate(cell.trim()) !== undefined;
const isAmount = (cell: string | undefined) => cell !== undefined && lexAmount(cell.trim()) !== undefined;
const isCode = (cell: string | undefined) => cell !== undefined && /^[A-Z]{3}$/.test(cell.trim());

/**
 * ASN, SNS and RegioBank: no header, 18 or more columns, the balance before each payment in front of its amount.
 * Source: the banks' published description of the CSV layout.
 */
export const asn: CsvProfile = {
  name: "asn",
  headers: [],
  rowFits: (cells) =>
    cells.length >= 18 &&
    isDate(cells[0]) &&
    looksLikeIban(cells[1] ?? "") &&
    isCode(cells[7]) &&
    isAmount(cells[8]) &&
    isCode(cells[9]) &&
    isAmount(cells[10]) &&
    isDate(cells[11]) &&
    isDate(cells[12]),
  columns: {
    date: [0],
    account: [1],
    counterpartyAccount: [2],
    counterparty: [3],
    balanceAfter: [8],
    currency: [9],
    amount: [10],
    valueDate: [12],
    type: [14],
    reference: [16],
    description: [17],
  },
  fixed: { balanceIsBefore: true },
};
