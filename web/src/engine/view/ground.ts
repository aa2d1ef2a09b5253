/** The terrain as the page knows it: height at a place, and where a ray meets the ground. Pure. */

import type { Point } from "../contract";
import { along, enterBox, hitTriangle, type Ray } from "./ray";

export class Ground {
  readonly #positions: Float32Array;
  readonly #triangles: Uint32Array;
  /** Triangles by cell of a grid: those of cell c stand in `list` from `first[c]` to `first[c + 1]`. */
  readonly #first: Uint32Array;
  readonly #list: Uint32Array;
  readonly #n: number;
  readonly low: Point = [Infinity, Infinity, Infinity];
  readonly high: Point = [-Infinity, -Infinity, -Infinity];
  readonly #cell: [number, number];

  constructor(positions: Float32Array, triangles: Uint32Array) {
    this.#positions = positions;
    this.#triangles = triangles;
    for (let v = 0; v < positions.length; v++) {
      this.low[v % 3] = Math.min(this.low[v % 3], positions[v]);
      this.high[v % 3] = Math.max(this.high[v % 3], positions[v]);
    }
    this.#n = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(triangles.length / 12))));
    this.#cell = [(this.high[0] - this.low[0]) / this.#n || 1, (this.high[1] - this.low[1]) / this.#n || 1];
    const count = new Uint32Array(this.#n * this.#n + 1);
    this.#eachCell((cell) => count[cell + 1]++);
    for (let c = 1; c < count.length; c++) count[c] += count[c - 1];
    this.#first = count;
    const next = count.slice();
    this.#list = new Uint32Array(count[count.length - 1]);
    this.#eachCell((cell, t) => (this.#list[next[cell]++] = t));
  }

  /** Height of the ground, null beside it [m]. */
  heightAt(x: number, y: number): number | null {
    const cell = this.#cellOf(x, y);
    if (cell === null) return null;
    const hit = this.#hitIn(cell, { origin: [x, y, this.high[2] + 1], direction: [0, 0, -1] });
    return hit < Infinity ? this.high[2] + 1 - hit : null;
  }

  /** Distance to the ground along a ray, Infinity where it misses. */
  hit(ray: Ray): number {
    const enter = enterBox(ray, this.low, this.high);
    if (enter === Infinity) return Infinity;
    // From cell to cell of the grid along the ray; the first cell with a hit inside it has the nearest.
    const [dx, dy] = ray.direction;
    let [x, y] = along(ray, enter + 1e-6);
    const column = (value: number, axis: 0 | 1): number =>
      Math.min(this.#n - 1, Math.max(0, Math.floor((value - this.low[axis]) / this.#cell[axis])));
    let [i, j] = [column(x, 0), column(y, 1)];
    const border = (k: number, axis: 0 | 1, d: number): number =>
      d === 0 ? Infinity : (this.low[axis] + (k + (d > 0 ? 1 : 0)) * this.#cell[axis] - ray.origin[axis]) / d;
    for (;;) {
      const [nextX, nextY] = [border(i, 0, dx), border(j, 1, dy)];
      const leave = Math.min(nextX, nextY);
      const hit = this.#hitIn(j * this.#n + i, ray);
      if (hit <= leave + 1e-3) return hit;
      if (leave === Infinity) return Infinity;
      if (nextX < nextY) i += Math.sign(dx);
      else j += Math.sign(dy);
      if (i < 0 || j < 0 || i >= this.#n || j >= this.#n) return Infinity;
      [x, y] = along(ray, leave);
    }
  }

  #hitIn(cell: number, ray: Ray): number {
    let nearest = Infinity;
    for (let k = this.#first[cell]; k < this.#first[cell + 1]; k++) {
      const t = this.#list[k];
      const [a, b, c] = [this.#triangles[t] * 3, this.#triangles[t + 1] * 3, this.#triangles[t + 2] * 3];
      nearest = Math.min(nearest, hitTriangle(ray, this.#positions, a, b, c));
    }
    return nearest;
  }

  #cellOf(x: number, y: number): number | null {
    const i = Math.floor((x - this.low[0]) / this.#cell[0]);
    const j = Math.floor((y - this.low[1]) / this.#cell[1]);
    const inside = x >= this.low[0] && y >= this.low[1] && x <= this.high[0] && y <= this.high[1];
    return inside ? Math.min(j, this.#n - 1) * this.#n + Math.min(i, this.#n - 1) : null;
  }

  #eachCell(visit: (cell: number, triangle: number) => void): void {
    const p = this.#positions;
    const index = (value: number, axis: 0 | 1): number =>
      Math.min(this.#n - 1, Math.max(0, Math.floor((value - this.low[axis]) / this.#cell[axis])));
    for (let t = 0; t < this.#triangles.length; t += 3) {
      const [a, b, c] = [this.#triangles[t] * 3, this.#triangles[t + 1] * 3, this.#triangles[t + 2] * 3];
      const [west, east] = [index(Math.min(p[a], p[b], p[c]), 0), index(Math.max(p[a], p[b], p[c]), 0)];
      const [south, north] = [
        index(Math.min(p[a + 1], p[b + 1], p[c + 1]), 1),
        index(Math.max(p[a + 1], p[b + 1], p[c + 1]), 1),
      ];
      for (let j = south; j <= north; j++) for (let i = west; i <= east; i++) visit(j * this.#n + i, t);
    }
  }
}
