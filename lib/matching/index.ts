export {
  matchAccount,
  type MatchOptions,
  type MatchPayment,
  type MatchTransaction,
  type Pair,
} from "./match";
export {
  findOriginals,
  mayRefund,
  REFUND_DAYS,
  type Refundable,
  type RefundPayment,
  type RefundRule,
} from "./refunds";
export { nameSimilarity, nameWords } from "./similarity";
export { matchStep, type MatchStepOptions, type MatchStepResult } from "./step";
export {
  findTransfers,
  type LeftTransfer,
  type OwnAccounts,
  type TransferPair,
  type TransferPayment,
} from "./transfers";
