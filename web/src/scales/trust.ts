/** How sure values are, as colours: by status, or by confidence. */

import { STATUSES, type ColumnFacts, type NumberColumn, type Status, type TextColumn } from "../api/types";
import { STATUS_COLOURS } from "./meanings";
import { BR_BG, classColours } from "./palettes";
import { categoryPaint, type Coloured, type Entry, type ScaleOptions } from "./scale";

/** Lower borders of the classes of confidence. */
export const CONFIDENCE_BREAKS = [0, 0.3, 0.5, 0.7, 0.9, 1];

/** Colours by what stands behind each value: a measurement, a model, a person, a guess. */
export function statusScale(method: TextColumn, facts: ColumnFacts, options: ScaleOptions): Coloured {
  const statusOf = new Map(facts.methods.map((entry) => [entry.method, entry.status]));
  const indexOfCode = method.categories.map((word) => STATUSES.indexOf(statusOf.get(word) ?? "estimated"));
  return statusPaint(
    Uint8Array.from(method.codes as Uint16Array, (code) => (code === 0 ? 0 : indexOfCode[code - 1] + 1)),
    options,
  );
}

/** Colours of a column without methods: all of its values have the same status. */
export function oneStatusScale(codes: ArrayLike<number>, status: Status, options: ScaleOptions): Coloured {
  const code = STATUSES.indexOf(status) + 1;
  return statusPaint(
    Uint8Array.from(codes, (value) => (value === 0 ? 0 : code)),
    options,
  );
}

function statusPaint(codes: Uint8Array, options: ScaleOptions): Coloured {
  const counts = new Uint32Array(STATUSES.length + 1);
  for (const code of codes) counts[code]++;
  const entries = STATUSES.map((status, index): Entry => ({
    type: "category",
    value: status,
    colour: STATUS_COLOURS[status],
    count: counts[index + 1],
    index,
  }));
  const paint = categoryPaint(
    codes,
    entries.map(({ colour }) => colour),
    options,
  );
  return { paint, entries: entries.filter(({ count }) => count > 0), missing: counts[0], breaks: [], histogram: null };
}

/** Colours by confidence in five steps, the surest first in the legend. */
export function confidenceScale(confidence: NumberColumn, options: ScaleOptions): Coloured {
  const n = CONFIDENCE_BREAKS.length - 1;
  const colours = classColours(BR_BG.slice(1), n);
  const counts = new Uint32Array(n + 1);
  const codes = Uint8Array.from(confidence.codes as Uint16Array, (code) => {
    if (code === 0) return 0;
    const value = confidence.minimum + (code - 1) * confidence.step;
    let found = n;
    while (found > 1 && value < CONFIDENCE_BREAKS[found - 1] - 1e-6) found--;
    return found;
  });
  for (const code of codes) counts[code]++;
  const entries = colours
    .map((colour, index): Entry => ({
      type: "range",
      index,
      colour,
      count: counts[index + 1],
      from: CONFIDENCE_BREAKS[index],
      to: CONFIDENCE_BREAKS[index + 1],
      first: index === 0,
      last: index === n - 1,
    }))
    .reverse();
  return { paint: categoryPaint(codes, colours, options), entries, missing: counts[0], breaks: [], histogram: null };
}
