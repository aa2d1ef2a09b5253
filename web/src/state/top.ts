/** The first rows of a table by a column. */

import type { Column } from "../api/types";

/** Rows with the highest values, highest first; rows of equal value in the order of the table. */
export function topRows(column: Column, most: number): number[] {
  const { codes } = column;
  const best: number[] = [];
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row];
    if (code === 0 || (best.length === most && code <= codes[best[most - 1]])) continue;
    let at = best.length;
    while (at > 0 && codes[best[at - 1]] < code) at--;
    best.splice(at, 0, row);
    if (best.length > most) best.pop();
  }
  return best;
}
