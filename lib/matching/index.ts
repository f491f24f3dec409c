export { matchAccount, matchAccountInTurns, WINDOW_DAYS, type MatchOptions } from "./match";
export type { MatchPayment, MatchTransaction, Pair } from "./types";
export { USUAL, type Habits } from "./odds";
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
