/** Areas that people draw: corners on whole metres of the grid, checked before they are sent. Pure. */

import type { Point } from "../engine/contract";

export type Corner = readonly [x: number, y: number];

/** Nearest whole metre of the grid; `origin` is the place of the scene on it. */
export function snapped([x, y]: readonly number[], origin: Corner): Corner {
  return [Math.round(x + origin[0]) - origin[0], Math.round(y + origin[1]) - origin[1]];
}

/** Area inside a ring [m²]; positive where it runs against the clock. */
export function signedArea(ring: readonly Corner[]): number {
  return (
    ring.reduce((sum, [x, y], i) => {
      const [nextX, nextY] = ring[(i + 1) % ring.length];
      return sum + x * nextY - nextX * y;
    }, 0) / 2
  );
}

const side = (a: Corner, b: Corner, c: Corner): number =>
  Math.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]));

const within = (a: Corner, b: Corner, c: Corner): boolean =>
  Math.min(a[0], b[0]) <= c[0] &&
  c[0] <= Math.max(a[0], b[0]) &&
  Math.min(a[1], b[1]) <= c[1] &&
  c[1] <= Math.max(a[1], b[1]);

/** Whether two sides meet, at their ends too. */
export function meet(a: Corner, b: Corner, c: Corner, d: Corner): boolean {
  const [p, q, r, s] = [side(a, b, c), side(a, b, d), side(c, d, a), side(c, d, b)];
  if (p !== q && r !== s) return true;
  return (
    (p === 0 && within(a, b, c)) ||
    (q === 0 && within(a, b, d)) ||
    (r === 0 && within(c, d, a)) ||
    (s === 0 && within(c, d, b))
  );
}

/** Whether sides of a closed ring meet that are not neighbours. */
export function crossesItself(ring: readonly Corner[]): boolean {
  const n = ring.length;
  for (let i = 0; i < n; i++)
    for (let j = i + 2; j < n; j++)
      if ((j + 1) % n !== i && meet(ring[i], ring[(i + 1) % n], ring[j], ring[(j + 1) % n])) return true;
  return false;
}

export type Fault = "few" | "crossing" | "small";

/** Least area worth drawing [m²]. */
const LEAST_M2 = 1;

/** What is wrong with an area, null where nothing is. */
export function faultOf(ring: readonly Corner[]): Fault | null {
  if (ring.length < 3) return "few";
  if (crossesItself(ring)) return "crossing";
  return Math.abs(signedArea(ring)) < LEAST_M2 ? "small" : null;
}

/** As a scenario writes it: metres on the grid of the city, against the clock, closed. */
export function written(ring: readonly Corner[], origin: Corner): { type: "Polygon"; coordinates: number[][][] } {
  const turned = signedArea(ring) < 0 ? [...ring].reverse() : ring;
  const places = turned.map(([x, y]) => [Math.round(x + origin[0]), Math.round(y + origin[1])]);
  return { type: "Polygon", coordinates: [[...places, places[0]]] };
}

/** Corners of an area written in metres on the grid; null where it is written otherwise. */
export function read(area: unknown, origin: Corner): Corner[] | null {
  const ring = Array.isArray(area) ? area : (area as { coordinates?: unknown[] } | null)?.coordinates?.[0];
  const isPlace = (place: unknown): place is Corner =>
    Array.isArray(place) && place.length >= 2 && place.every((value) => typeof value === "number");
  if (!Array.isArray(ring) || ring.length < 4 || !ring.every(isPlace)) return null;
  const degrees = ring.every(([x, y]) => Math.abs(x) <= 180 && Math.abs(y) <= 90);
  return degrees ? null : ring.slice(0, -1).map(([x, y]) => [x - origin[0], y - origin[1]]);
}

/**
 * Lines that show an area on the ground, or a body on it.
 *
 * @param pointer Where the next corner would stand, while corners are still being added.
 * @param height_m Of a body that stands on the area; 0 for none.
 */
export function outline(
  ring: readonly Corner[],
  ground: (x: number, y: number) => number,
  { pointer, height_m = 0 }: { pointer?: Corner | null; height_m?: number } = {},
): Point[][] {
  const corners = pointer ? [...ring, pointer] : ring;
  if (corners.length === 0) return [];
  const onGround = corners.map(([x, y]): Point => [x, y, ground(x, y) + 0.3]);
  const closed = (points: Point[]): Point[] => (points.length > 2 ? [...points, points[0]] : points);
  if (!height_m || corners.length < 3) return [closed(onGround)];
  const top = Math.min(...onGround.map(([, , z]) => z)) + height_m; // a house stands on its lowest corner
  const roof = onGround.map(([x, y]): Point => [x, y, top]);
  return [closed(onGround), closed(roof), ...onGround.map((point, i) => [point, roof[i]])];
}
