export { GOCARDLESS_URL, openGoCardless, type GoCardlessOptions } from "./provider";
