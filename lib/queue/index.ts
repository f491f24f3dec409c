/** The queue: payments on their way to a budget, written exactly once, in batches that can be undone. */
export { ownAccounts } from "./accounts";
export { admit, type AdmitOptions } from "./admit";
export { itemsOf, listBatches, type BatchSummary } from "./batches";
export { enqueue } from "./enqueue";
export {
  applyMapping,
  checkMapping,
  mappedAccounts,
  type AccountMapping,
  type MappedAccounts,
} from "./mapping";
export type { QueueSyncOptions, QueueSyncResult } from "./pass";
export { payeeNamer, type PayeeNamer, type PayeeRule } from "./payees";
export { requeue, requeueSelection, type RequeueResult, type RequeueSelection } from "./requeue";
export { ruled, withRules, type AccountRuleLine } from "./rules";
export { settle } from "./settle";
export { mayFollow, moveItems, WAITING, type Move } from "./states";
export { matchedCursorId, queueSync } from "./sync";
export { isAssignable, payeeName, type WriteOptions } from "./transaction";
export { undoBatch, type UndoneItem, type UndoOptions, type UndoRefusal, type UndoResult } from "./undo";
