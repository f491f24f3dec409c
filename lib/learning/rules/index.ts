export { rulesInUse, storedRules } from "./stored";
