/** A field over the ground as colours for the engine. Pure. */

import type { GridFacts } from "../api/schema";
import type { Tint } from "../engine/contract";
import { NOISE_COLOURS, noiseClass } from "../scales/noise";

/** How much of the ground is seen through the colours. */
const STRENGTH = 0.88;

/** Colours of levels of noise; where there is no value, as under houses, nothing. */
export function noiseTint(
  { columns, rows, box, minimum, step }: GridFacts,
  codes: Uint16Array,
  [west, south]: readonly [number, number],
): Tint {
  const rgba = new Uint8Array(columns * rows * 4);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const code = codes[row * columns + column];
      if (!code) continue;
      const colour = NOISE_COLOURS[noiseClass(minimum + (code - 1) * step)];
      rgba.set([...colour, Math.round(255 * STRENGTH)], ((rows - 1 - row) * columns + column) * 4);
    }
  return {
    width: columns,
    height: rows,
    rgba,
    box: [box[0] - west, box[1] - south, box[2] - west, box[3] - south],
  };
}
