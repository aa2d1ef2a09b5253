/** Tables of four 32-bit numbers a texel, as shaders fetch them by position. */

/** Texels in a row of every table; shaders divide by it with a shift. */
export const WIDTH = 1024;
export const SHIFT = 10;

/** Room for `n` texels: whole rows, at least one. */
export function texels(n: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(Math.max(1, Math.ceil(n / WIDTH)) * WIDTH * 4);
}
