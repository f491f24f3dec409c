/** Work on a list a part at a time, so that what one part needs is let go before the next. */
export async function inChunks<T, R>(
  items: readonly T[],
  work: (chunk: T[]) => Promise<R[]>,
  size = 500,
): Promise<R[]> {
  const found: R[] = [];
  for (let start = 0; start < items.length; start += size)
    found.push(...(await work(items.slice(start, start + size))));
  return found;
}
