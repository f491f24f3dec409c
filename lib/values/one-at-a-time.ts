/**
 * Work that never runs twice at once. Who calls while it runs shares, with all others who do, the one run that begins
 * when this one has ended: each caller gets a result of a run that began after the call, and so sees whatever was there
 * before it.
 * @returns calls the work; a failure is told to those who share the run, and the next call tries again
 */
export function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const start = (): Promise<T> => {
    next = undefined;
    const run = work().finally(() => {
      if (running === run) running = undefined;
    });
    running = run;
    return run;
  };
  return () => {
    // First those who wait: between the end of a run and the start of theirs nobody may come in between.
    if (next) return next;
    if (!running) return start();
    next = running.then(start, start);
    return next;
  };
}
