/** Rays and what they hit. Pure. */

import type { Point } from "../contract";

export interface Ray {
  origin: Point;
  /** Unit vector. */
  direction: Point;
}

export function along({ origin, direction }: Ray, distance: number): Point {
  return [0, 1, 2].map((k) => origin[k] + direction[k] * distance) as Point;
}

/** Where a ray enters a box, Infinity where it misses it; 0 from inside. */
export function enterBox({ origin, direction }: Ray, low: ArrayLike<number>, high: ArrayLike<number>): number {
  let near = 0;
  let far = Infinity;
  for (let k = 0; k < 3; k++) {
    const inverse = 1 / direction[k];
    const a = (low[k] - origin[k]) * inverse;
    const b = (high[k] - origin[k]) * inverse;
    if (Number.isNaN(a) || Number.isNaN(b)) continue; // along a face
    near = Math.max(near, Math.min(a, b));
    far = Math.min(far, Math.max(a, b));
  }
  return near <= far ? near : Infinity;
}

/** Distance to a triangle from either side, Infinity where the ray misses it (Möller & Trumbore 1997, doi:10.1080/10867651.1997.10487468). */
export function hitTriangle(
  { origin: o, direction: d }: Ray,
  p: ArrayLike<number>,
  a: number,
  b: number,
  c: number,
): number {
  const [ux, uy, uz] = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
  const [vx, vy, vz] = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
  const [px, py, pz] = [d[1] * vz - d[2] * vy, d[2] * vx - d[0] * vz, d[0] * vy - d[1] * vx];
  const determinant = ux * px + uy * py + uz * pz;
  if (Math.abs(determinant) < 1e-12) return Infinity;
  const [tx, ty, tz] = [o[0] - p[a], o[1] - p[a + 1], o[2] - p[a + 2]];
  const u = (tx * px + ty * py + tz * pz) / determinant;
  if (u < -1e-9 || u > 1 + 1e-9) return Infinity;
  const [qx, qy, qz] = [ty * uz - tz * uy, tz * ux - tx * uz, tx * uy - ty * ux];
  const v = (d[0] * qx + d[1] * qy + d[2] * qz) / determinant;
  if (v < -1e-9 || u + v > 1 + 1e-9) return Infinity;
  const t = (vx * qx + vy * qy + vz * qz) / determinant;
  return t > 0 ? t : Infinity;
}

/** The nearest that a ray comes to a segment: how far along the ray, and how far away it is there. */
export function nearSegment(ray: Ray, a: Point, b: Point): { at: number; away: number; point: Point } {
  const { origin, direction } = ray;
  const side = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
  const from = [a[0] - origin[0], a[1] - origin[1], a[2] - origin[2]];
  const ss = dot(side, side);
  const sd = dot(side, direction);
  const fd = dot(from, direction);
  const fs = dot(from, side);
  const denominator = ss - sd * sd;
  const share = ss > 0 ? Math.min(1, Math.max(0, denominator > 1e-9 ? (sd * fd - fs) / denominator : 0)) : 0;
  const point: Point = [a[0] + side[0] * share, a[1] + side[1] * share, a[2] + side[2] * share];
  const at = dot([point[0] - origin[0], point[1] - origin[1], point[2] - origin[2]], direction);
  const on = along(ray, at);
  return { at, away: Math.hypot(point[0] - on[0], point[1] - on[1], point[2] - on[2]), point };
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
