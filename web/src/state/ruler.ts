/** A scale bar of round length. */

/** Longest of 1, 2 and 5 times a power of ten that is not above a length. */
export function roundLength(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  const digit = [5, 2, 1].find((wanted) => wanted * power <= most) ?? 1;
  return digit * power;
}
