/** Values sorted without a pause: about a millisecond. */
const SORTED_AT_ONCE = 2000;
const PAUSE = 2000;

/** Sort in place, with pauses: a merge sort of stretches that are sorted at once. Source: Knuth, TAOCP 3, 5.2.4. */
export function* sortInTurns(
  values: Int32Array,
  before: (a: number, b: number) => number,
): Generator<void, void, void> {
  if (values.length <= SORTED_AT_ONCE) {
    values.sort(before);
    return;
  }
  for (let at = 0; at < values.length; at += SORTED_AT_ONCE) {
    values.subarray(at, at + SORTED_AT_ONCE).sort(before);
    yield;
  }
  const merged = new Int32Array(values.length);
  for (let width = SORTED_AT_ONCE; width < values.length; width *= 2) {
    for (let from = 0; from < values.length; from += 2 * width) {
      const middle = Math.min(from + width, values.length);
      const end = Math.min(from + 2 * width, values.length);
      let [left, right] = [from, middle];
      for (let at = from; at < end; at++) {
        if (at % PAUSE === 0) yield;
        const takeLeft = left < middle && (right >= end || before(values[left]!, values[right]!) <= 0);
        merged[at] = takeLeft ? values[left++]! : values[right++]!;
      }
    }
    values.set(merged);
  }
}
