export { compareBalances, type BalanceDifference, type BalanceRow, type BalanceSide } from "./compare";
export { checkBalances, type BalanceCheck } from "./check";
export { balanceCheckStep, type BalanceCheckResult } from "./step";
