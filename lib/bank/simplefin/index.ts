export { claimSimpleFin } from "./claim";
export { openSimpleFin, type SimpleFinOptions } from "./provider";
