/** Where an object of the city stands and how far it reaches. */

import type { Point } from "../contract";
import { ROW_BITS } from "../decode/strips";
import type { Frame } from "../decode/bundle";
import type { City } from "./picking";

class Reach {
  readonly low: Point = [Infinity, Infinity, Infinity];
  readonly high: Point = [-Infinity, -Infinity, -Infinity];

  take(x: number, y: number, z: number): void {
    [x, y, z].forEach((value, k) => {
      this.low[k] = Math.min(this.low[k], value);
      this.high[k] = Math.max(this.high[k], value);
    });
  }

  /** In steps of a frame. */
  takeStep({ x0, y0, z0, step, z_step }: Frame, x: number, y: number, z: number): void {
    this.take(x0 + step * x, y0 + step * y, z0 + z_step * z);
  }

  get place(): { point: Point; radius_m: number } | null {
    if (this.low[0] === Infinity) return null;
    const size = this.low.map((value, k) => this.high[k] - value);
    return {
      point: this.low.map((value, k) => value + size[k] / 2) as Point,
      radius_m: Math.max(2, Math.hypot(...size) / 2),
    };
  }
}

export function locateIn(city: City, layer: string, row: number): { point: Point; radius_m: number } | null {
  const reach = new Reach();
  if (layer === city.buildings?.name || layer === city.skins?.name) buildings(city, row, reach);
  if (layer === city.faces?.name) skin(city.faces, row, reach);
  for (const lines of city.lines.filter(({ name }) => name === layer)) {
    const drawn = lines.drawnRow(row);
    for (const { frame, n, points } of lines.kept)
      for (let i = 0; i < n; i++) if ((points[i * 4 + 3] & ROW_BITS) === drawn) takeTexel(reach, frame, points, i);
  }
  for (const { kept } of city.areas.filter(({ name }) => name === layer))
    for (const { positions: p, rows } of kept)
      for (let v = 0; v < rows.length; v++)
        if ((rows[v] & 0xffffff) === row) reach.take(p[v * 3], p[v * 3 + 1], p[v * 3 + 2]);
  const points = [
    ...(city.trees?.name === layer ? city.trees.drawn : []),
    ...city.pins.filter(({ name }) => name === layer).flatMap(({ kept }) => kept),
  ];
  for (const { frame, n, points: texels } of points)
    for (let i = 0; i < n; i++) if (texels[i * 4 + 3] === row) takeTexel(reach, frame, texels, i);
  return reach.place;
}

function buildings(city: City, row: number, reach: Reach): void {
  for (const { frame, outlines } of city.buildings?.outlines() ?? []) {
    const { extent, base, top } = outlines;
    outlines.row.forEach((who, i) => {
      if (who !== row) return;
      reach.takeStep(frame, extent[i * 4], extent[i * 4 + 1], base[i]);
      reach.takeStep(frame, extent[i * 4 + 2], extent[i * 4 + 3], top[i]);
    });
  }
  skin(city.skins, row, reach);
}

function skin(skins: City["skins"], row: number, reach: Reach): void {
  for (const { frame, n, vertices, triangles } of skins?.kept ?? [])
    for (let t = 0; t < n; t++)
      if ((triangles[t * 4 + 3] & ROW_BITS) === row)
        for (let k = 0; k < 3; k++) {
          const v = triangles[t * 4 + k] * 2;
          reach.takeStep(frame, vertices[v] & 65535, vertices[v] >>> 16, vertices[v + 1]);
        }
}

function takeTexel(reach: Reach, frame: Frame, texels: Uint32Array, i: number): void {
  reach.takeStep(frame, texels[i * 4] & 65535, texels[i * 4] >>> 16, texels[i * 4 + 1] & 65535);
}
