/** Points of a tile made ready: a texel each. */

import { type Bundle, type Frame, need } from "./bundle";
import { texels } from "./texels";

export interface PointTile {
  frame: Frame;
  n: number;
  /** x | y << 16, z | kind << 16, height | width << 16 [cm], row. */
  points: Uint32Array<ArrayBuffer>;
  low: [number, number, number];
  high: [number, number, number];
}

export function pointTile(bundle: Bundle): PointTile {
  const { frame } = bundle;
  const row = need<Uint32Array>(bundle, "row");
  const [x, y, z] = [need(bundle, "x"), need(bundle, "y"), need(bundle, "z")];
  const { height, width, kind } = bundle.arrays;
  const points = texels(row.length);
  const [low, high] = [
    [Infinity, Infinity, Infinity],
    [-Infinity, -Infinity, -Infinity],
  ];
  for (let i = 0; i < row.length; i++) {
    points[i * 4] = x[i] | (y[i] << 16);
    points[i * 4 + 1] = z[i] | ((kind?.[i] ?? 0) << 16);
    points[i * 4 + 2] = (height?.[i] ?? 0) | ((width?.[i] ?? 0) << 16);
    points[i * 4 + 3] = row[i];
    const place = [frame.x0 + x[i] * frame.step, frame.y0 + y[i] * frame.step, frame.z0 + z[i] * frame.z_step];
    for (let k = 0; k < 3; k++) {
      low[k] = Math.min(low[k], place[k]);
      high[k] = Math.max(high[k], place[k] + (k === 2 ? (height?.[i] ?? 0) / 100 : 0));
    }
  }
  return { frame, n: row.length, points, low: low as PointTile["low"], high: high as PointTile["high"] };
}
