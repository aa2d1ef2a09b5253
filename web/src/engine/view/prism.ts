/** Where a ray meets the prisms of a tile. Pure. */

import type { Frame } from "../decode/bundle";
import type { Outlines } from "../decode/prisms";
import { enterBox, type Ray } from "./ray";

export interface PrismHit {
  distance: number;
  prism: number;
}

/** The nearest prism of a tile along a ray, nearer than `limit`. Places of the tile are whole steps: the ray is put into them. */
export function hitPrisms(ray: Ray, frame: Frame, tile: Outlines, limit: number): PrismHit | null {
  const { x0, y0, z0, step, z_step } = frame;
  const local: Ray = {
    origin: [(ray.origin[0] - x0) / step, (ray.origin[1] - y0) / step, (ray.origin[2] - z0) / z_step],
    direction: [ray.direction[0] / step, ray.direction[1] / step, ray.direction[2] / z_step],
  };
  let best: PrismHit | null = null;
  let nearest = limit;
  const low = [0, 0, 0];
  const high = [0, 0, 0];
  for (let i = 0; i < tile.row.length; i++) {
    low[0] = tile.extent[i * 4];
    low[1] = tile.extent[i * 4 + 1];
    low[2] = tile.base[i];
    high[0] = tile.extent[i * 4 + 2];
    high[1] = tile.extent[i * 4 + 3];
    high[2] = tile.top[i];
    if (enterBox(local, low, high) >= nearest) continue;
    const distance = hitPrism(local, tile, i);
    if (distance < nearest) {
      nearest = distance;
      best = { distance, prism: i };
    }
  }
  return best;
}

function hitPrism({ origin: o, direction: d }: Ray, tile: Outlines, i: number): number {
  const { x, y, ring, prism } = tile;
  const [base, top] = [tile.base[i], tile.top[i]];
  let nearest = Infinity;
  if (d[2] < 0) {
    const t = (top - o[2]) / d[2];
    if (t > 0 && isInside(tile, i, o[0] + d[0] * t, o[1] + d[1] * t)) nearest = t;
  }
  for (let r = prism[i]; r < prism[i + 1]; r++)
    for (let v = ring[r], w = ring[r + 1] - 1; v < ring[r + 1]; w = v++) {
      const [ex, ey] = [x[v] - x[w], y[v] - y[w]];
      const cross = d[0] * ey - d[1] * ex;
      if (cross === 0) continue;
      const [fx, fy] = [x[w] - o[0], y[w] - o[1]];
      const t = (fx * ey - fy * ex) / cross;
      const share = (fx * d[1] - fy * d[0]) / cross;
      const z = o[2] + d[2] * t;
      if (t > 0 && t < nearest && share >= 0 && share <= 1 && z >= base && z <= top) nearest = t;
    }
  return nearest;
}

/** Whether a place lies in a prism seen from above; holes are outside. */
export function isInside({ x, y, ring, prism }: Outlines, i: number, px: number, py: number): boolean {
  let inside = false;
  for (let r = prism[i]; r < prism[i + 1]; r++)
    for (let v = ring[r], w = ring[r + 1] - 1; v < ring[r + 1]; w = v++)
      if (y[v] > py !== y[w] > py && px < ((x[w] - x[v]) * (py - y[v])) / (y[w] - y[v]) + x[v]) inside = !inside;
  return inside;
}
