import type { CsvProfile } from "../profile";
import { abnAmro, abnAmroTab } from "./abn-amro";
import { asn } from "./asn";
import { bunq } from "./bunq";
import { ingNl } from "./ing-nl";
import { n26 } from "./n26";
import { rabobank } from "./rabobank";
import { rabobankCard } from "./rabobank-card";
import { revolut, revolutBusiness, revolutBusinessOld } from "./revolut";
import { wise, wiseHistory } from "./wise";

/** Tried in this order; a file that fits none is read by inference. */
export const profiles: readonly CsvProfile[] = [
  ingNl,
  bunq,
  rabobank,
  rabobankCard,
  abnAmro,
  abnAmroTab,
  asn,
  n26,
  revolut,
  revolutBusiness,
  revolutBusinessOld,
  wiseHistory,
  wise,
];
