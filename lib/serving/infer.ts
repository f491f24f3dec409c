import { decide, explain, type Decision, type LiveModel } from "../learning";
import type { Category } from "../store";
import { takeTurn, turnDue, type Id } from "../values";
import type { InferRequest } from "./infer-request";
import { stopped, type Tensor } from "./protocol";

/** What is known of one row. Reasons are made only where they are wanted: they cost more than the answer. */
type Row = Decision & { reason: string };

/**
 * Answer payments by a model, in turns with other work of the event loop.
 * @param usable the budget's categories; hidden and deleted ones are never suggested, as in the classify step
 * @param isStopped is asked before each row
 * @throws Refusal 503 when stopped
 */
export async function infer(
  { model }: LiveModel,
  { rows, exampleAt, outputs }: InferRequest,
  usable: ReadonlyMap<Id, Category>,
  isStopped: () => boolean,
): Promise<{ tensors: Tensor[]; abstained: number }> {
  const allowed = new Set([...usable.values()].filter(({ hidden }) => !hidden).map(({ id }) => id));
  const nameOf = (id: Id) => usable.get(id)?.name ?? id;
  const wantsReason = outputs.some(({ name }) => name === "reason");
  const tensors = outputs.map(({ name, datatype, shape, k }): Tensor => ({
    name,
    datatype,
    shape: shape.length === 2 ? [rows, k] : [rows],
    data: [],
  }));
  let abstained = 0;
  for (let at = 0; at < rows; at++) {
    if (turnDue()) await takeTurn();
    if (isStopped()) throw stopped();
    const example = exampleAt(at);
    const decision = decide(model, example, { allowed });
    const reason = wantsReason ? explain(model, example, decision, { allowed, nameOf }).reason : "";
    if (decision.path === "abstain") abstained++;
    const row: Row = { ...decision, reason };
    outputs.forEach(({ name, k }, i) => put(tensors[i]!.data, name, k, row, nameOf));
  }
  return { tensors, abstained };
}

function put(data: Tensor["data"], name: string, k: number, row: Row, nameOf: (id: Id) => string): void {
  const { categoryId } = row;
  switch (name) {
    case "category":
      data.push(categoryId ?? "");
      break;
    case "category_name":
      data.push(categoryId === undefined ? "" : nameOf(categoryId));
      break;
    case "confidence":
      data.push(row.confidence);
      break;
    case "abstained":
      data.push(row.path === "abstain");
      break;
    case "path":
      data.push(row.path);
      break;
    case "reason":
      data.push(row.reason);
      break;
    case "top":
      for (let place = 0; place < k; place++) data.push(row.top[place]?.categoryId ?? "");
      break;
    case "top_confidence":
      for (let place = 0; place < k; place++) data.push(row.top[place]?.confidence ?? 0);
      break;
  }
}
