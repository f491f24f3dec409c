/**
 * Works that mostly wait, some at a time: the first that is asked for starts them, in their order.
 * @returns for each work a function that gives its outcome
 */
export function severalAtOnce<T>(atOnce: number, works: readonly (() => Promise<T>)[]): (() => Promise<T>)[] {
  let outcomes: Promise<T>[] | undefined;
  const start = () => {
    const lanes: Promise<unknown>[] = Array.from({ length: atOnce }, () => Promise.resolve());
    return works.map((work, index) => {
      const lane = index % atOnce;
      const outcome = lanes[lane]!.then(work);
      // One that fails is told where it is asked for, and does not stop those behind it.
      lanes[lane] = outcome.catch(() => undefined);
      return outcome;
    });
  };
  return works.map((_, index) => () => (outcomes ??= start())[index]!);
}
