import type { NodeAPI } from "node-red";
import { TallyError } from "../../lib/values";
import { addRoutes, guarded } from "../runtime";
import { cronProblem, describeCron, nextRuns } from "./cron";

const SHOWN_RUNS = 5;

/** What the editor asks: run now, and what a cron expression means. */
export function registerScheduleRoutes(RED: NodeAPI): void {
  addRoutes(RED, "tally-schedule", ({ admin, read, write }) => {
    admin.post(
      "/tallyflow/schedule/:id/run",
      write,
      guarded((request, response) => {
        const node = RED.nodes.getNode(String(request.params["id"]));
        if ((node as typeof node | null)?.type !== "tally-schedule")
          throw new TallyError("NOT_FOUND", "This schedule is not deployed yet. Deploy first.");
        node.receive({ tally: { trigger: "button" } });
        response.status(202).json({ message: "started" });
      }),
    );
    admin.get(
      "/tallyflow/schedule/describe",
      read,
      guarded((request, response) => {
        const { cron, timeZone } = request.query;
        if (typeof cron !== "string" || typeof timeZone !== "string")
          throw new TallyError("CONFIG_INVALID", "Give cron and timeZone.");
        const problem = cronProblem(cron);
        if (problem) throw new TallyError("CONFIG_INVALID", `${problem}.`);
        response.json({
          text: describeCron(cron),
          next: nextRuns(cron, timeZone, SHOWN_RUNS).map((date) =>
            new Intl.DateTimeFormat("sv-SE", {
              timeZone,
              dateStyle: "short",
              timeStyle: "short",
            }).format(date),
          ),
        });
      }),
    );
  });
}
