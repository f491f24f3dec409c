/** What YNAB's API 1.85.0 sends and takes, as far as it is used here. Amounts are milliunits. */

export interface WirePlan {
  id: string;
  name: string;
  currency_format?: { iso_code: string } | null;
}

export interface WireAccount {
  id: string;
  name: string;
  type: string;
  closed: boolean;
  deleted: boolean;
  balance: number;
  transfer_payee_id: string | null;
}

export interface WireCategory {
  id: string;
  name: string;
  hidden: boolean;
  internal?: boolean;
  deleted: boolean;
}

export interface WireGroup {
  id: string;
  name: string;
  hidden: boolean;
  internal?: boolean;
  deleted: boolean;
  categories: WireCategory[];
}

export interface WirePayee {
  id: string;
  name: string;
  transfer_account_id?: string | null;
  deleted: boolean;
}

export interface WirePart {
  amount: number;
  category_id?: string | null;
  memo?: string | null;
  deleted: boolean;
}

export interface WireTransaction {
  id: string;
  account_id: string;
  date: string;
  amount: number;
  memo?: string | null;
  cleared: "cleared" | "uncleared" | "reconciled";
  approved: boolean;
  payee_id?: string | null;
  payee_name?: string | null;
  category_id?: string | null;
  category_name?: string | null;
  transfer_account_id?: string | null;
  transfer_transaction_id?: string | null;
  matched_transaction_id?: string | null;
  import_id?: string | null;
  import_payee_name?: string | null;
  import_payee_name_original?: string | null;
  deleted: boolean;
  subtransactions?: WirePart[];
}

export interface WireNew {
  account_id: string;
  date: string;
  amount: number;
  payee_id?: string;
  payee_name?: string;
  category_id?: string | null;
  memo?: string;
  cleared: "cleared" | "uncleared";
  approved: boolean;
  import_id: string;
}

export interface WireSaved {
  transaction_ids: string[];
  transactions?: WireTransaction[];
  duplicate_import_ids?: string[];
}
