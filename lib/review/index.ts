/** Review: payments that wait for a person, what the person decides about them, and the rules that come of it. */
export { decide, type DecideRequest, type Decided, type Refused } from "./decide";
export { announce, press, type AnnounceOptions, type Message, type Pressed } from "./notices";
export { deleteRule, listRules, moveRule, saveRule, type ListedRule, type RuleDraft } from "./rules";
export { takeUp } from "./take-up";
export { lastAct, recentActs, undo, type Act, type Undone } from "./undo";
export {
  listGroups,
  listPayments,
  type WaitingGroup,
  type WaitingPage,
  type WaitingPayment,
} from "./waiting";
