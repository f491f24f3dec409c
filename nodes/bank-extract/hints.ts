import { z } from "zod";
import type { BankHint } from "../../lib/bank";
import { TallyError } from "../../lib/values";
import type { TallyMessage } from "../runtime";

const id = z.string().regex(/^[^:]+:.+$/, "is no id like bunq:42");
const hintsSchema = z
  .array(z.object({ accountId: id, paymentId: id.optional() }))
  .min(1)
  .max(1000);

/**
 * What a message says is to be looked at; undefined when it says nothing of that.
 * @throws TallyError CONFIG_INVALID for `msg.tally.hint` of another form
 */
export function givenHints(msg: Readonly<TallyMessage>): BankHint[] | undefined {
  const given = msg.tally?.["hint"];
  if (given === undefined || given === null) return undefined;
  const parsed = hintsSchema.safeParse(given);
  if (parsed.success)
    return parsed.data.map(({ accountId, paymentId }) =>
      paymentId ? { accountId, paymentId } : { accountId },
    );
  const issue = parsed.error.issues[0]!;
  throw new TallyError(
    "CONFIG_INVALID",
    `msg.tally.hint must be a list of { accountId, paymentId }, as a bank webhook node sends it: ${issue.path.join(".")} ${issue.message}. Without it, everything is read.`,
    { details: { fields: ["tally.hint"] } },
  );
}
