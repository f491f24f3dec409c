import { readCoded } from "./coded";
import { readFree } from "./free";
import { rejoin, type Details, type DetailsContext } from "./parts";
import { readSlashed } from "./slashed";

/**
 * Read the text of a row. Four families: subfields with a two-digit code (`166?00...?20...`, Germany, Austria, Poland,
 * Hungary, Triodos), keywords between slashes (ABN AMRO, Rabobank, ING and other SEPA banks), the non-SWIFT lines
 * `:NS:` with two-digit codes, and free text with the habits of single banks.
 */
export function readDetails(lines: readonly string[], context: DetailsContext): Details {
  const joined = lines.join("");
  return (
    readCoded(joined, context) ??
    readSlashed(rejoin(lines, context.width), context) ??
    readFree(lines, context)
  );
}
