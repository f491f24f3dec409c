import type { Node, NodeAPI } from "node-red";
import type { ScheduledJob } from "../../lib/views";

/** A deployed tally-schedule node whose options are right. */
export interface ScheduleNode extends Node {
  /** The job it starts, and when next. */
  scheduled(): ScheduledJob;
}

/** The jobs that deployed schedules start, in the order of the flow file. */
export function scheduledJobs(RED: NodeAPI): ScheduledJob[] {
  const found: ScheduledJob[] = [];
  RED.nodes.eachNode((definition) => {
    if (definition.type !== "tally-schedule") return;
    const node = RED.nodes.getNode(definition.id) as Partial<ScheduleNode> | null | undefined;
    if (node?.scheduled) found.push(node.scheduled());
  });
  return found;
}
