export {
  matchAccount,
  type MatchOptions,
  type MatchPayment,
  type MatchTransaction,
  type Pair,
} from "./match";
export { nameSimilarity, nameWords } from "./similarity";
export { matchStep, type MatchStepOptions, type MatchStepResult } from "./step";
export { pairTransfers, type TransferPair, type TransferPayment } from "./transfers";
