/** From a column to colours: what the engine paints with, and what the legend says. */

import type { Column, ColumnFacts, NumberColumn, TextColumn } from "../api/types";
import type { Paint } from "../engine/contract";
import { breaksOf, classOf, type ClassMethod, type Spread } from "./breaks";
import { noiseClasses } from "./noise";
import { meaningColours, NO, YES } from "./meanings";
import { classColours, OKABE_ITO, REST, TOL_MUTED, VIRIDIS, YL_GN_BU, type Rgb } from "./palettes";

/** One line of a legend: a colour, what it stands for, how often it occurs. */
export type Entry = { colour: Rgb; count: number; index: number } & (
  | { type: "range"; from: number; to: number; first: boolean; last: boolean }
  | { type: "category"; value: string }
  | { type: "rest"; values: string[] }
  /** Of a difference: nothing changed; the other scenario lacks the object. */
  | { type: "same" }
  | { type: "only" }
);

/** Paint of a layer with the legend that explains it. */
export interface Coloured {
  paint: Paint;
  entries: Entry[];
  missing: number;
  /** Borders of the classes in the unit shown; empty for categories. */
  breaks: number[];
  /** How many values lie in each of `BINS` equal steps from `from` to `to`; empty for categories. */
  histogram: { from: number; to: number; counts: Uint32Array } | null;
  /** Of a difference: objects that only the other scenario has, which are not drawn. */
  absent?: number;
}

export const BINS = 44;
export const CLASSES = 7;
/** Different numbers that are told apart one by one. */
const MOST_VALUES = 9;
/** Categories with a colour of their own; the others share one. */
const MOST_COLOURS = OKABE_ITO.length + TOL_MUTED.length;
/** Colour of what a legend line that was chosen alone leaves out. */
const QUIET = { light: 226, dark: 52 };

export interface ScaleOptions {
  method: ClassMethod;
  /** From the unit of the table to the unit shown: borders are round in what the reader sees. */
  factor: number;
  dark: boolean;
  /** Legend lines to show alone; all where empty. */
  only: ReadonlySet<number>;
  /** The same column of the city beside this one, so that one legend holds for both. */
  beside?: Column | null;
}

/** Colours of a column of numbers in classes. */
export function numberScale(column: NumberColumn, facts: ColumnFacts, options: ScaleOptions): Coloured {
  const spread = spreadOf(column, facts, options.factor);
  const valueOf = (code: number): number => tidy((column.minimum + (code - 1) * column.step) * options.factor);
  const levels = noiseClasses(facts.unit, options.method, spread.minimum, spread.maximum);
  const values = options.method === "rounded" && !levels ? fewValues(column, valueOf, options) : null;
  // A few different values, such as speed limits, are told apart one by one.
  const breaks =
    levels?.breaks ?? (values ? [...values, values[values.length - 1]] : breaksOf(spread, options.method, CLASSES));
  const n = breaks.length - 1;
  // Low values sink into the ground, high ones stand out: on paper the high end is dark, at night it is bright.
  const colours = levels?.colours ?? classColours(options.dark ? VIRIDIS : YL_GN_BU, n);
  const classOfCode = tableOfClasses(column, (code) => classOf(breaks, valueOf(code)) + 1);
  const counts = new Uint32Array(n + 1);
  const codes = new Uint8Array(column.codes.length);
  for (let row = 0; row < codes.length; row++) {
    const code = column.codes[row];
    const found = code === 0 ? 0 : classOfCode(code);
    codes[row] = found;
    counts[found]++;
  }
  const entries = colours.map((colour, i): Entry => ({
    type: "range",
    index: i,
    colour,
    count: counts[i + 1],
    from: breaks[i],
    to: values ? breaks[i] : breaks[i + 1],
    first: i === 0,
    last: i === n - 1,
  }));
  return {
    paint: categoryPaint(codes, colours, options),
    entries,
    missing: counts[0],
    breaks,
    histogram: values ? null : histogramOf(column, breaks, valueOf, spread.whole),
  };
}

/** Colours of a column of texts, categories or yes and no. */
export function categoryScale(column: TextColumn, table: string, name: string, options: ScaleOptions): Coloured {
  const counts = countsOf(column);
  const besides = options.beside?.type === "text" ? options.beside : null;
  const others = besides ? countsOf(besides) : null;
  const present = [...new Set([...column.categories, ...(besides?.categories ?? [])])]
    .map((value) => {
      const code = column.categories.indexOf(value) + 1;
      const there = besides ? besides.categories.indexOf(value) + 1 : 0;
      const count = code ? counts[code] : 0;
      return { value, code, count, together: count + (there && others ? others[there] : 0) };
    })
    .filter(({ together }) => together > 0);
  const fixed = meaningColours(table, name);
  // The order must not hang on which of two cities is looked at, else one value had two colours.
  const ranked =
    column.kind === "string"
      ? [...present].sort((a, b) => b.together - a.together || (besides ? a.value.localeCompare(b.value) : 0))
      : present;
  const colourOf = (value: string, position: number): Rgb | undefined => {
    if (column.kind === "boolean") return value === "true" ? YES : NO;
    if (fixed) return fixed[value];
    return position < OKABE_ITO.length ? OKABE_ITO[position] : TOL_MUTED[position - OKABE_ITO.length];
  };
  const entries: Entry[] = [];
  const rest: { values: string[]; count: number } = { values: [], count: 0 };
  const entryOfCode = new Uint8Array(column.categories.length + 1);
  ranked.forEach(({ value, code, count }, position) => {
    const colour = position < MOST_COLOURS || fixed ? colourOf(value, position) : undefined;
    if (!colour || entries.length >= 250) {
      rest.values.push(value);
      rest.count += count;
      return;
    }
    if (code) entryOfCode[code] = entries.length + 1;
    entries.push({ type: "category", value, colour, count, index: entries.length });
  });
  if (rest.values.length) {
    const index = entries.length;
    entries.push({ type: "rest", values: rest.values, colour: REST, count: rest.count, index });
    for (const { value, code } of present) if (code && rest.values.includes(value)) entryOfCode[code] = index + 1;
  }
  const codes = Uint8Array.from(column.codes as Uint16Array, (code) => entryOfCode[code]);
  const colours = entries.map(({ colour }) => colour);
  return { paint: categoryPaint(codes, colours, options), entries, missing: counts[0], breaks: [], histogram: null };
}

/** How often each code occurs. */
function countsOf({ codes, categories }: TextColumn): Uint32Array {
  const counts = new Uint32Array(categories.length + 1);
  for (const code of codes) counts[code]++;
  return counts;
}

/** Colours of any column. */
export function scaleOf(
  column: Column,
  facts: ColumnFacts,
  table: string,
  name: string,
  options: ScaleOptions,
): Coloured {
  return column.type === "number" ? numberScale(column, facts, options) : categoryScale(column, table, name, options);
}

/** Paint of classes or categories; those that are not shown alone stand back. */
export function categoryPaint(codes: Uint8Array, colours: readonly Rgb[], options: ScaleOptions): Paint {
  const quiet = options.dark ? QUIET.dark : QUIET.light;
  const bytes = new Uint8Array(4 * Math.max(colours.length, 1)).fill(255);
  colours.forEach((colour, i) => {
    bytes.set(options.only.size && !options.only.has(i) ? [quiet, quiet, quiet] : colour, 4 * i);
  });
  return { codes, colours: bytes, scale: { type: "category" } };
}

export function spreadOf(column: NumberColumn, facts: ColumnFacts, factor: number): Spread {
  return {
    minimum: (facts.minimum ?? column.minimum) * factor,
    maximum: (facts.maximum ?? column.minimum) * factor,
    quantiles: facts.quantiles.map((value) => value * factor),
    whole: facts.kind === "integer" && factor === 1,
  };
}

/** Class of a code, counted from 1; read from a table where codes are short. */
function tableOfClasses(column: NumberColumn, classAt: (code: number) => number): (code: number) => number {
  if (column.codes instanceof Uint32Array) return classAt;
  const classes = new Uint8Array(65_536);
  for (let code = 1; code < classes.length; code++) classes[code] = classAt(code);
  return (code) => classes[code];
}

/** The different values of a column, rising, where they are so few that each can have a colour. */
function fewValues(
  column: NumberColumn,
  valueOf: (code: number) => number,
  { beside, factor }: ScaleOptions,
): number[] | null {
  const found = new Set<number>();
  const gather = ({ codes }: NumberColumn, value: (code: number) => number): boolean => {
    const seen = new Set<number>();
    for (const code of codes) {
      if (code !== 0) seen.add(code);
      if (seen.size > MOST_VALUES) return false;
    }
    for (const code of seen) found.add(value(code));
    return found.size <= MOST_VALUES;
  };
  if (!gather(column, valueOf)) return null;
  if (
    beside?.type === "number" &&
    !gather(beside, (code) => tidy((beside.minimum + (code - 1) * beside.step) * factor))
  )
    return null;
  return found.size > 0 ? [...found].sort((a, b) => a - b) : null;
}

/** A sum of decimals without the digits that binary fractions add, so that 0.1 · 3 reaches the border 0.3. */
const tidy = (value: number): number => Number(value.toPrecision(12));

/** Values in equal steps; a long tail is gathered in the last one. */
function histogramOf(
  column: NumberColumn,
  breaks: readonly number[],
  valueOf: (code: number) => number,
  whole: boolean,
): Coloured["histogram"] {
  const from = breaks[0];
  const n = breaks.length - 1;
  const end = breaks[n];
  // The last class may reach far beyond the others: the axis ends where it would if it were as wide as the one before.
  const reach = n > 2 ? Math.min(end, breaks[n - 1] + 1.5 * (breaks[n - 1] - breaks[n - 2])) : end;
  // Whole numbers fill whole steps, else some steps would hold one more of them than others.
  const perBin = whole ? Math.max(1, Math.ceil((reach - from + 1) / BINS)) : (reach - from) / BINS;
  if (!(perBin > 0)) return null;
  const bins = whole ? Math.ceil((reach - from + 1) / perBin) : BINS;
  const counts = new Uint32Array(bins);
  for (const code of column.codes) {
    if (code === 0) continue;
    counts[Math.min(Math.max(Math.floor((valueOf(code) - from) / perBin), 0), bins - 1)]++;
  }
  return { from, to: from + bins * perBin, counts };
}
