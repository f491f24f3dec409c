/** The array, or a copy of at least twice its length where it has no room for so many numbers. */
export function withRoom<T extends Int32Array | Uint32Array | Float32Array | Float64Array>(
  array: T,
  size: number,
): T {
  if (size <= array.length) return array;
  const Type = array.constructor as new (length: number) => T;
  const larger = new Type(Math.max(size, array.length * 2));
  larger.set(array);
  return larger;
}
