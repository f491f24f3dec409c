export {
  configNode,
  storeOf,
  type BankNode,
  type BankSettings,
  type BudgetNode,
  type BudgetSettings,
  type ListingNode,
  type ListItem,
  type OpenStore,
  type StoreNode,
  type TestableNode,
} from "./config-nodes";
export { defineListener, httpApp, listenerOptions } from "./listener";
export { resolveOptions, type OptionSources } from "./options";
export { userPath } from "./paths";
export { defineProvider, type Place, type ProviderDefinition } from "./provider-node";
export { SharedPool, type Lease } from "./pool";
export { addRoutes, guarded, registerRoutes, type Request } from "./routes";
export {
  credentialsOf,
  field,
  nodeSchema,
  type Field,
  type FieldInfo,
  type NodeSchema,
  type OptionsOf,
} from "./schema";
export { scheduledJobs, type ScheduleNode } from "./schedules";
export { StatusLine } from "./status";
export { defineStep, MAX_WAITING, type StepDefinition, type StepTools, type TallyMessage } from "./step";
export { isDead, leaseStore, openStores, WORKER, type StoreTarget } from "./stores";
