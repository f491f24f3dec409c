import { TrainedModel } from "../../lib/learning";

/** What models learn while a spec runs, by its id and with its category. */
export function listenIn(): { learned: string[]; labels: string[] } {
  const original = TrainedModel.prototype.learn;
  const heard = { learned: [] as string[], labels: [] as string[] };
  beforeEach(() => {
    heard.learned.length = heard.labels.length = 0;
    TrainedModel.prototype.learn = function (example, label) {
      heard.learned.push(example.id);
      heard.labels.push(`${example.id}=${label}`);
      original.call(this, example, label);
    };
  });
  afterEach(() => (TrainedModel.prototype.learn = original));
  return heard;
}
