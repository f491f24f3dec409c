export { admit, type AdmitOptions } from "./admit";
export { enqueue } from "./enqueue";
export { applyMapping, checkMapping, mappedAccounts, type AccountMapping } from "./mapping";
export { settle } from "./settle";
export { mayFollow, moveItems, type Move } from "./states";
export { matchedCursorId, queueSync, type QueueSyncOptions, type QueueSyncResult } from "./sync";
export { payeeName, type WriteOptions } from "./transaction";
