export { compareBalances, type BalanceDifference, type BalanceRow, type BalanceSide } from "./compare";
export { checkBalances, type BalanceCheck } from "./check";
export { balanceCheckStep, lastBalanceCheck, type BalanceCheckResult, type LastBalanceCheck } from "./step";
