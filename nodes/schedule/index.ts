import type { NodeAPI } from "node-red";
import { registerScheduleRoutes } from "./routes";
import { scheduleNode } from "./node";

export = (RED: NodeAPI): void => {
  RED.nodes.registerType("tally-schedule", scheduleNode(RED));
  registerScheduleRoutes(RED);
};
