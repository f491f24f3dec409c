import { createHash } from "node:crypto";
import { formatAmount, localDate } from "../../lib/values";
import type { HouseholdAccount } from "../household";
import type { Row } from "./bank";
import type { CardAction } from "./cards";
import type { Request, Scheduled } from "./orders";

/** bunq's JSON objects. Source: bunq's OpenAPI description of API v1 and the samples in its documentation. */

type JsonObject = Record<string, unknown>;

/** bunq's timestamps: UTC, microseconds, no zone. */
export function timestamp(millis: number): string {
  return new Date(millis).toISOString().replace("T", " ").replace("Z", "000");
}

const amount = (value: number, currency: string) => ({ value: formatAmount(value, currency), currency });

/** A UUID that is always the same for the same text. */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function labelUser(name: string): JsonObject {
  return {
    uuid: uuidOf(name),
    display_name: name,
    country: "NL",
    avatar: null,
    public_nick_name: name,
  };
}

/** `LabelMonetaryAccount`: one side of a payment. */
function label(name: string, iban: string | undefined, mcc?: string): JsonObject {
  return {
    iban: iban ?? null,
    is_light: false,
    display_name: name,
    avatar: null,
    label_user: labelUser(name),
    country: iban?.slice(0, 2) ?? "NL",
    merchant_category_code: mcc ?? null,
  };
}

/** bunq's `type` and `sub_type` for the household's kind of payment. */
const TYPES: Record<string, [type: string, subType: string]> = {
  card: ["MASTERCARD", "PAYMENT"],
  cash: ["MASTERCARD", "WITHDRAWAL"],
  ideal: ["IDEAL", "PAYMENT"],
  "direct-debit": ["EBA_SDD", "SDD"],
  salary: ["EBA_SCT", "SCT"],
  interest: ["BUNQ", "BILLING"],
  transfer: ["EBA_SCT", "SCT"],
};

export const OWNER = "A. en B. de Vries";

export function paymentObject(
  row: Row,
  account: HouseholdAccount,
  accountId: number,
  ownTransfer: boolean,
): JsonObject {
  const [type, subType] =
    row.bunqType ?? (ownTransfer ? ["BUNQ", "PAYMENT"] : (TYPES[row.type] ?? TYPES["transfer"]!));
  return {
    id: row.id,
    created: timestamp(row.created),
    updated: timestamp(row.updated),
    monetary_account_id: accountId,
    amount: amount(row.amount, account.currency),
    description: row.description,
    type,
    sub_type: subType,
    merchant_reference: null,
    alias: label(OWNER, account.iban),
    counterparty_alias: label(row.name, row.iban, row.category),
    attachment: [],
    geolocation: null,
    batch_id: null,
    scheduled_id: row.scheduledId ?? null,
    address_billing: null,
    address_shipping: null,
    request_reference_split_the_bill: [],
    balance_after_mutation: amount(row.balanceAfter, account.currency),
    payment_auto_allocate_instance: null,
    payment_suspended_outgoing: null,
    payment_fee: null,
  };
}

export function cardActionObject(
  action: CardAction,
  account: HouseholdAccount,
  accountId: number,
  now: number,
): JsonObject {
  // A reservation is written as what leaves the account, like all amounts of card actions: positive.
  const value = amount(action.amount, account.currency);
  const local = action.original ? amount(action.original.amount, action.original.currency) : value;
  const cleared = action.payments.some(({ from }) => from <= now);
  const blocked = action.status === "BLOCKED";
  return {
    id: action.id,
    monetary_account_id: accountId,
    card_id: 7001,
    amount_local: local,
    amount_converted: value,
    amount_billing: value,
    amount_original_local: local,
    amount_original_billing: value,
    amount_fee: null,
    decision: blocked ? "COUNTRY_NOT_PERMITTED" : "ALLOWED",
    payment_status: cleared ? "PAYMENT_SUCCESSFUL" : "PAYMENT_PENDING",
    decision_description: blocked ? "Card transaction was denied." : "",
    decision_description_translated: blocked ? "Card transaction was denied." : "",
    description: action.description,
    authorisation_status: action.status,
    authorisation_type: "NORMAL_AUTHORISATION",
    pan_entry_mode_user: "ICC",
    settlement_status: cleared ? "SETTLED" : "PENDING",
    clearing_status: cleared ? "FIRST_PRESENTMENT_COMPLETE" : "PENDING",
    maturity_date: localDate(new Date(action.created).toISOString(), "Europe/Amsterdam"),
    city: action.city,
    alias: label(OWNER, account.iban),
    counterparty_alias: label(action.name, undefined, action.category),
    label_card: {
      uuid: uuidOf(`card ${account.iban}`),
      type: "MASTERCARD",
      second_line: "",
      expiry_date: "2030-12-31",
      status: "ACTIVE",
      label_user: labelUser(OWNER),
    },
    reservation_expiry_time: timestamp(action.created + 7 * 86_400_000),
    secure_code_id: null,
    request_reference_split_the_bill: [],
    all_mastercard_action_refund: [],
    merchant_category_code: action.category,
  };
}

export function scheduledObject(
  { payment, at }: Scheduled,
  account: HouseholdAccount,
  now: number,
): JsonObject {
  const { name, iban, description = "" } = payment;
  return {
    payment: {
      amount: amount(-payment.amount, account.currency),
      alias: label(OWNER, account.iban),
      counterparty_alias: label(name, iban),
      description,
    },
    schedule: {
      time_start: timestamp(at),
      time_end: null,
      recurrence_unit: "ONCE",
      recurrence_size: 1,
      status: at <= now ? "FINISHED" : "ACTIVE",
    },
    status: at <= now ? "FINISHED" : "ACTIVE",
    purpose: "PAYMENT",
  };
}

export function requestObject(
  request: Request,
  account: HouseholdAccount,
  accountId: number,
): JsonObject & { id: number } {
  const asked = amount(request.amount, account.currency);
  const accepted = request.status === "ACCEPTED";
  return {
    id: request.id,
    created: timestamp(request.created),
    updated: timestamp(request.created),
    time_responded: null,
    monetary_account_id: accountId,
    amount_inquired: asked,
    amount_responded: accepted ? asked : null,
    status: request.status,
    description: request.description ?? "",
    alias: label(OWNER, account.iban),
    counterparty_alias: label(request.name, request.iban),
    attachment: [],
    type: "INTERNAL",
    sub_type: "NONE",
  };
}

/** The name of an account's object, and the account in that form. */
export function accountObject(
  account: HouseholdAccount,
  id: number,
  userId: number,
  balance: number,
  created: number,
): [name: string, object: JsonObject] {
  const common = {
    id,
    created: timestamp(created),
    updated: timestamp(created),
    currency: account.currency,
    description: account.name,
    daily_limit: amount(100000, account.currency),
    balance: amount(balance, account.currency),
    alias: [{ type: "IBAN", value: account.iban, name: OWNER }],
    public_uuid: uuidOf(account.iban),
    status: "ACTIVE",
    sub_status: "NONE",
    user_id: userId,
  };
  const setting = {
    color: "#FF9500",
    default_avatar_status: "AVATAR_DEFAULT",
    restriction_chat: "ALLOW_INCOMING",
  };
  const extra = { avatar: null, reason: null, reason_description: null, setting, all_auto_save_id: [] };
  if (account.type === "credit") {
    const limits = { overdraft_limit: amount(500000, account.currency) };
    return ["MonetaryAccountCard", { ...common, ...limits, balance_real: common.balance }];
  }
  if (account.type === "savings") {
    return [
      "MonetaryAccountSavings",
      { ...common, ...extra, savings_goal: null, savings_goal_progress: null },
    ];
  }
  return [
    "MonetaryAccountBank",
    { ...common, ...extra, overdraft_limit: amount(0, account.currency), display_name: OWNER },
  ];
}

/** The user as `UserPerson`, `UserCompany` or `UserApiKey`. */
export function userObject(
  kind: "person" | "company" | "apiKey",
  id: number,
  sessionSeconds: number,
  created: number,
): [name: string, object: JsonObject] {
  const common = {
    id,
    created: timestamp(created),
    updated: timestamp(created),
    public_uuid: uuidOf(`user ${id}`),
    display_name: OWNER,
    public_nick_name: "De Vries",
    alias: [{ type: "EMAIL", value: "household@example.invalid", name: OWNER }],
    status: "ACTIVE",
    sub_status: "NONE",
    session_timeout: sessionSeconds,
    language: "en_US",
    region: "nl_NL",
    avatar: null,
    notification_filters: [],
  };
  const person = { ...common, first_name: "Anna", last_name: "de Vries", legal_name: "Anna de Vries" };
  if (kind === "company") return ["UserCompany", { ...common, name: "De Vries V.O.F.", country: "NL" }];
  if (kind === "person") return ["UserPerson", person];
  // Calls name the user of the key; the person who made it is another.
  const anchored = { UserPerson: { ...person, id: id - 1 } };
  const key = { id, created: common.created, updated: common.updated };
  return ["UserApiKey", { ...key, requested_by_user: anchored, granted_by_user: anchored }];
}
