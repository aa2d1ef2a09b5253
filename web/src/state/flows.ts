/** Traffic as the engine draws it, from columns of the links. Pure. */

import { valueAt, type Column } from "../api/types";
import type { Flows } from "../engine/contract";
import { rgb, type Rgb } from "../scales/palettes";

export const KINDS = ["car", "motorbike", "bus", "truck"] as const;
export type Kind = (typeof KINDS)[number];
/** What ribbons may show; `all` are all motor vehicles together. */
export const FLOWS = ["all", ...KINDS, "bicycle"] as const;
export type FlowOf = (typeof FLOWS)[number];

/** Width of the ribbon of the greatest flow of the legend, and of the least flow [pixels]. */
export const WIDEST_PX = 13;
const NARROWEST_PX = 0.8;
/** Flow over capacity at which classes end. */
export const SATURATIONS = [0.5, 0.7, 0.85, 1] as const;

/**
 * From free to over capacity: blue, pale blue, yellow, orange, red-brown, which any colour vision tells apart
 * (after C. A. Brewer, ColorBrewer 2.0, RdYlBu, Apache-2.0, with darker ends and middle for paper).
 */
export const SATURATION_COLOURS: Record<"light" | "dark", readonly Rgb[]> = {
  light: ["#3a75ad", "#7fb8d6", "#f0c541", "#ee7f2f", "#a8201f"].map(rgb),
  dark: ["#4d86bd", "#93cbe6", "#f7da72", "#f79552", "#e0483f"].map(rgb),
};
/** Where flow over capacity is not known, as of bicycles. */
export const PLAIN: Record<"light" | "dark", Rgb> = { light: rgb("#2f7d4f"), dark: rgb("#7fd0a0") };
/** Cars, motorbikes, buses, trucks. */
export const KIND_COLOURS: Record<"light" | "dark", readonly Rgb[]> = {
  light: ["#1f2d3a", "#d55e00", "#0072b2", "#7a3e8e"].map(rgb),
  dark: ["#e8ebea", "#ff9e57", "#56b4e9", "#d6a3e6"].map(rgb),
};

/** Values of a column, NaN where they are missing. */
export function numbersOf(column: Column | null, n: number): Float32Array {
  const values = new Float32Array(n).fill(NaN);
  for (let row = 0; column && row < n; row++) {
    const value = valueAt(column, row);
    if (typeof value === "number") values[row] = value;
  }
  return values;
}

/** A round flow that all but the busiest hundredth of the links that have any stay below [veh/h]. */
export function widestFlow(flow: Float32Array): number {
  const some = flow.filter((value) => value > 0).sort();
  const high = some.length ? some[Math.min(some.length - 1, Math.floor(some.length * 0.99))] : 0;
  if (high <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(high));
  return [1, 2, 5, 10].map((k) => k * power).find((round) => round >= high)!;
}

export const widthOf = (flow: number, widest: number): number =>
  flow > 0 ? Math.max(NARROWEST_PX, (WIDEST_PX * Math.min(flow, 1.5 * widest)) / widest) : 0;

/** Class of a flow over capacity. */
export function saturationClass(saturation: number): number {
  const found = SATURATIONS.findIndex((end) => saturation < end);
  return found < 0 ? SATURATIONS.length : found;
}

export interface FlowColumns {
  n: number;
  volume: Record<Exclude<FlowOf, "all">, Float32Array>;
  saturation: Float32Array;
  /** Of cars and motorbikes [m/s]. */
  speed: readonly [Float32Array, Float32Array];
}

export function flowOf({ n, volume }: FlowColumns, of: FlowOf): Float32Array {
  if (of !== "all") return volume[of];
  const sum = new Float32Array(n);
  for (const kind of KINDS) for (let row = 0; row < n; row++) sum[row] += volume[kind][row] || 0;
  return sum;
}

interface Wish {
  of: FlowOf;
  ribbons: boolean;
  vehicles: boolean;
  dark: boolean;
}

export function flowsOf(columns: FlowColumns, { of, ribbons, vehicles, dark }: Wish): { flows: Flows; widest: number } {
  const { n, saturation, speed, volume } = columns;
  const theme = dark ? "dark" : "light";
  const flow = flowOf(columns, of);
  const widest = widestFlow(flow);
  const plain = of === "bicycle";
  const flows: Flows = {
    width: flow.map((value) => widthOf(value, widest)),
    colour: Uint8Array.from(saturation, (value) =>
      plain || !(value >= 0) ? SATURATIONS.length + 1 : saturationClass(value),
    ),
    colours: [...SATURATION_COLOURS[theme], PLAIN[theme]],
    ribbons,
  };
  if (vehicles) {
    const density = KINDS.map((kind) =>
      Float32Array.from({ length: n }, (_, row) => {
        const own = speed[kind === "motorbike" ? 1 : 0][row];
        const value = (volume[kind][row] || 0) / SECONDS_PER_HOUR / own;
        return Number.isFinite(value) ? value : 0;
      }),
    );
    flows.speed = speed;
    flows.density = density as unknown as Flows["density"];
    flows.kinds = KIND_COLOURS[theme];
  }
  return { flows, widest };
}

const SECONDS_PER_HOUR = 3600;
