/** Colours of what differs between two scenarios: as far below zero as above it, in the same steps. */

import { ARROW, type Difference } from "../api/scenarios";
import type { Kind as ColumnKind, NumberColumn, TextColumn } from "../api/types";
import { roundStep } from "./breaks";
import { BR_BG, OKABE_ITO, rgb, TOL_MUTED, type Rgb } from "./palettes";
import { categoryPaint, type Coloured, type Entry, type ScaleOptions } from "./scale";

/** Classes on either side of zero; the outermost is open. */
const SIDE = 3;
/** Share of the differences that the closed classes should cover: one odd value does not take the colours of all others. */
const COVERED = 0.98;
const MOST_NAMES = 12;
/** From brown for less over to teal for more, without the two palest steps on either side, which vanish on a white model. */
const LESS: readonly Rgb[] = BR_BG.slice(0, SIDE);
const MORE: readonly Rgb[] = BR_BG.slice(-SIDE);
const SAME = { light: rgb("#d9d7d0"), dark: rgb("#454e54") };
/** Objects that the other scenario lacks. */
const ONLY: Rgb = OKABE_ITO[6];

/** Class of every row, counted from 1; 0 where a value is missing. */
function paint(
  difference: Difference,
  kinds: readonly Kind[],
  classOf: (row: number) => number,
  options: ScaleOptions,
): Coloured {
  const { values, only, absent } = difference;
  const yes = only ? only.categories.indexOf("true") + 1 : 0;
  const last = kinds.length;
  const codes = new Uint8Array(values.codes.length);
  const counts = new Uint32Array(last + 2);
  for (let row = 0; row < codes.length; row++) {
    codes[row] = only && yes > 0 && only.codes[row] === yes ? last + 1 : classOf(row);
    counts[codes[row]]++;
  }
  const all: Kind[] = [...kinds, { type: "only", colour: ONLY }];
  const entries = all
    .map((kind, index): Entry => ({ ...kind, index, count: counts[index + 1] }))
    .filter(({ type, count }) => type !== "only" || count > 0);
  const colours = all.map(({ colour }) => colour);
  return {
    paint: categoryPaint(codes, colours, options),
    entries,
    missing: counts[0],
    breaks: [],
    histogram: null,
    absent,
  };
}

type Kind = { colour: Rgb } & (
  | { type: "range"; from: number; to: number; first: boolean; last: boolean }
  | { type: "category"; value: string }
  | { type: "rest"; values: string[] }
  | { type: "same" }
  | { type: "only" }
);

/** Width of a class, so that `SIDE` of them on either side cover nearly all differences. */
export function stepOf(sizes: readonly number[], whole: boolean): number {
  const rising = [...sizes].sort((a, b) => a - b);
  const end = rising[Math.min(rising.length - 1, Math.floor(COVERED * rising.length))] ?? 0;
  return roundStep(end / SIDE, whole);
}

function ofNumbers(difference: Difference, values: NumberColumn, options: ScaleOptions): Coloured {
  // Codes are steps of a ruler: what lies within half a step of zero is nothing.
  const nothing = 0.51 * Math.abs(values.step) * options.factor;
  const valueOf = (row: number): number => (values.minimum + (values.codes[row] - 1) * values.step) * options.factor;
  const sizes: number[] = [];
  for (let row = 0; row < values.codes.length; row++) {
    const size = values.codes[row] === 0 ? 0 : Math.abs(valueOf(row));
    if (size > nothing) sizes.push(size);
  }
  const same: Kind = { type: "same", colour: options.dark ? SAME.dark : SAME.light };
  if (sizes.length === 0) return paint(difference, [same], (row) => (values.codes[row] === 0 ? 0 : 1), options);
  const whole = values.kind === "integer" && options.factor === 1;
  const step = stepOf(sizes, whole);
  const round = (k: number): number => Number((k * step).toPrecision(12));
  // Of whole numbers a class is told by the numbers in it: +1, then +2 – +3.
  const more = MORE.map((_, i) => ({ from: round(i) + (whole ? 1 : 0), to: round(i + 1) }));
  const kinds: Kind[] = [
    ...LESS.map((colour, i): Kind => {
      const { from, to } = more[SIDE - 1 - i];
      return { type: "range", colour, from: 0 - to, to: 0 - from, first: i === 0, last: false };
    }),
    same,
    ...MORE.map((colour, i): Kind => ({ type: "range", colour, ...more[i], first: false, last: i === SIDE - 1 })),
  ];
  return paint(
    difference,
    kinds,
    (row) => {
      if (values.codes[row] === 0) return 0;
      const value = valueOf(row);
      if (Math.abs(value) <= nothing) return SIDE + 1;
      const steps = Math.min(SIDE, Math.max(1, Math.ceil((Math.abs(value) - nothing) / step)));
      return SIDE + 1 + Math.sign(value) * steps;
    },
    options,
  );
}

/** Names that became other names; those that stayed are not told apart from missing ones. */
function ofNames(difference: Difference, values: TextColumn, options: ScaleOptions): Coloured {
  const counts = new Uint32Array(values.categories.length + 1);
  for (const code of values.codes) counts[code]++;
  const ranked = values.categories
    .map((value, i) => ({ value, code: i + 1, count: counts[i + 1] }))
    .filter(({ value, count }) => count > 0 && value.includes(ARROW))
    .sort((a, b) => b.count - a.count);
  const palette = [...OKABE_ITO.slice(0, 6), ...TOL_MUTED];
  const kinds: Kind[] = [{ type: "same", colour: options.dark ? SAME.dark : SAME.light }];
  const classOfCode = new Uint8Array(values.categories.length + 1).fill(1);
  const rest = ranked.slice(MOST_NAMES).map(({ value }) => value);
  ranked.slice(0, MOST_NAMES).forEach(({ value, code }, i) => {
    kinds.push({ type: "category", value, colour: palette[i] });
    classOfCode[code] = kinds.length;
  });
  if (rest.length) {
    kinds.push({ type: "rest", values: rest, colour: palette[MOST_NAMES] });
    for (const { code } of ranked.slice(MOST_NAMES)) classOfCode[code] = kinds.length;
  }
  return paint(difference, kinds, (row) => classOfCode[values.codes[row]], options);
}

/** Yes and no differ as names do: what was closed is no smaller number. */
function ofTruth(values: NumberColumn): TextColumn {
  const codes = Uint8Array.from(values.codes as Uint16Array, (code) => {
    const value = code === 0 ? 0 : Math.round(values.minimum + (code - 1) * values.step);
    return value < 0 ? 1 : value > 0 ? 2 : 0;
  });
  return { type: "text", kind: "string", unit: "", codes, categories: [`true${ARROW}false`, `false${ARROW}true`] };
}

/** Colours of a difference, with the legend that explains it. */
export function differenceScale(difference: Difference, options: ScaleOptions, kind?: ColumnKind): Coloured {
  const { values } = difference;
  if (kind === "boolean" && values.type === "number") return ofNames(difference, ofTruth(values), options);
  return values.type === "number" ? ofNumbers(difference, values, options) : ofNames(difference, values, options);
}
