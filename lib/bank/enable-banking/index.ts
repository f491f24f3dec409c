export { openEnableBanking, type EnableBanking, type EnableBankingOptions } from "./provider";
export { ENABLE_BANKING_URL } from "./protocol";
