/** Lines in space for the engine: how far one gets, who wants to go where, and where lines run. Pure. */

import type { Streaks } from "../engine/contract";
import type { IsochroneFacts, LinesFacts, TripsFacts } from "../api/schema";
import { along, OKABE_ITO, TOL_MUTED, VIRIDIS, type Rgb } from "../scales/palettes";

type Ground = (x: number, y: number) => number | null;

/** Lines lie so far above the ground [m]. */
const ABOVE_M = 2;
/** Stages of an arc, and its height as a share of its length. */
const STAGES = 20;
const RISE = 0.16;
/** Width of the line of most trips, and of any [pixels]. */
const WIDEST_PX = 8;
const NARROWEST_PX = 0.7;
/** The flag at the point that one starts from [m]. */
const FLAG_M = 60;

class Builder {
  #xyz: number[] = [];
  #rgba: number[] = [];
  #size: number[] = [];
  #width: number[] = [];

  line(
    width: number,
    points: readonly (readonly [x: number, y: number, z: number])[],
    colour: (k: number) => Rgb,
    alpha = 1,
  ): void {
    points.forEach((point, k) => {
      this.#xyz.push(...point);
      this.#rgba.push(...colour(k), Math.round(alpha * 255));
    });
    this.#size.push(points.length);
    this.#width.push(width);
  }

  get built(): Streaks {
    return {
      xyz: Float32Array.from(this.#xyz),
      rgba: Uint8Array.from(this.#rgba),
      size: this.#size,
      width: Float32Array.from(this.#width),
    };
  }
}

/** Colour of a time as a share of the longest: dark near by, bright far away; the other way round in the dark. */
export const reachColour = (share: number, dark: boolean): Rgb => along(VIRIDIS, dark ? 1 - 0.8 * share : 0.88 * share);

export function reachStreaks(
  { size, xy, time_s, start }: IsochroneFacts,
  longest_s: number,
  [west, south]: readonly [number, number],
  ground: Ground,
  dark: boolean,
): Streaks {
  const builder = new Builder();
  const place = (x: number, y: number, up: number): [number, number, number] => {
    const [east, north] = [x - west, y - south];
    return [east, north, (ground(east, north) ?? 0) + up];
  };
  let v = 0;
  for (const n of size) {
    const points = Array.from({ length: n }, (_, k) => place(xy[(v + k) * 2], xy[(v + k) * 2 + 1], ABOVE_M));
    const first = v;
    builder.line(3.4, points, (k) => reachColour(Math.min(1, time_s[first + k] / longest_s), dark));
    v += n;
  }
  const flag = dark ? ([255, 255, 255] as const) : ([27, 34, 39] as const);
  builder.line(2.4, [place(...start, 0), place(...start, FLAG_M)], () => flag);
  builder.line(9, [place(...start, FLAG_M), place(...start, FLAG_M + 6)], () => flag);
  return builder.built;
}

/** Colour of desire lines. */
export const DESIRE: Record<"light" | "dark", Rgb> = { light: [125, 40, 110], dark: [240, 150, 220] };

/** Width of the line of so many trips [pixels]. */
export const desireWidth = (trips: number, most: number): number =>
  Math.max(NARROWEST_PX, (WIDEST_PX * trips) / Math.max(most, 1e-9));

export function desireStreaks(
  { terminals, pairs }: TripsFacts,
  [west, south]: readonly [number, number],
  ground: Ground,
  dark: boolean,
): Streaks {
  const builder = new Builder();
  const most = pairs[0]?.[2] ?? 1;
  const colour = DESIRE[dark ? "dark" : "light"];
  // The least first: those of many trips lie above them.
  for (const [a, b, trips] of [...pairs].reverse()) {
    const [one, two] = [terminals[a], terminals[b]];
    const [x, y, dx, dy] = [one.x - west, one.y - south, two.x - one.x, two.y - one.y];
    const low = ground(x, y) ?? 0;
    const high = ground(x + dx, y + dy) ?? 0;
    const rise = RISE * Math.hypot(dx, dy);
    const points = Array.from({ length: STAGES + 1 }, (_, k): [number, number, number] => {
      const share = k / STAGES;
      return [x + dx * share, y + dy * share, low + (high - low) * share + 4 * rise * share * (1 - share) + ABOVE_M];
    });
    builder.line(desireWidth(trips, most), points, () => colour, 0.25 + 0.6 * Math.sqrt(trips / most));
  }
  return builder.built;
}

/** Colour of a line of public transport, by its place among those of the city: both directions of a number alike. */
export function lineColours({ lines }: LinesFacts): Map<string, Rgb> {
  const names = [...new Set(lines.map(({ name, mode }) => `${mode}/${name}`))];
  const colours = [...OKABE_ITO.filter((_, k) => k !== 3), ...TOL_MUTED]; // without the yellow, which paper swallows
  return new Map(names.map((name, k) => [name, colours[k % colours.length]]));
}

export function lineStreaks(found: LinesFacts, [west, south]: readonly [number, number], ground: Ground): Streaks {
  const builder = new Builder();
  const colours = lineColours(found);
  for (const { name, mode, xy } of found.lines) {
    const colour = colours.get(`${mode}/${name}`)!;
    for (const part of xy) {
      const points = densely(part, STEP_M).map(([x, y]): [number, number, number] => {
        const [east, north] = [x - west, y - south];
        return [east, north, (ground(east, north) ?? 0) + 2 * ABOVE_M];
      });
      if (points.length > 1) builder.line(4, points, () => colour);
    }
  }
  return builder.built;
}

/** Vertices at most so far apart, so that a line follows the ground [m]. */
const STEP_M = 40;

export function densely(flat: readonly number[], step: number): [number, number][] {
  const points: [number, number][] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [x, y] = [flat[i], flat[i + 1]];
    const before = points[points.length - 1];
    const n = before ? Math.ceil(Math.hypot(x - before[0], y - before[1]) / step) : 0;
    for (let k = 1; k < n; k++)
      points.push([before[0] + ((x - before[0]) * k) / n, before[1] + ((y - before[1]) * k) / n]);
    points.push([x, y]);
  }
  return points;
}
