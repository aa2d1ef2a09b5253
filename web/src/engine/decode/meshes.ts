/** Meshes made ready: terrain with normals and a skirt, areas, and the modelled surfaces of buildings. */

import { type Bundle, type Frame, need } from "./bundle";
import { starts } from "./prisms";
import { texels } from "./texels";

export interface TerrainMesh {
  /** x, y, z of the vertices [m]. */
  positions: Float32Array<ArrayBuffer>;
  /** Upward normals, 127 for 1, four bytes each. */
  normals: Int8Array<ArrayBuffer>;
  triangles: Uint32Array<ArrayBuffer>;
  /** Triangles of the walls around the mesh, three corners each, down to `bottom`. */
  skirt: Float32Array<ArrayBuffer>;
  bottom: number;
}

export function terrainMesh(bundle: Bundle): TerrainMesh {
  const positions = positionsOf(bundle);
  const triangles = Uint32Array.from(need<Uint32Array>(bundle, "triangles"));
  let [lowest, highest, west, east] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let v = 0; v < positions.length; v += 3) {
    lowest = Math.min(lowest, positions[v + 2]);
    highest = Math.max(highest, positions[v + 2]);
    west = Math.min(west, positions[v]);
    east = Math.max(east, positions[v]);
  }
  const bottom = lowest - thicknessOf(east - west);
  return {
    positions,
    normals: normalsOf(positions, triangles),
    triangles,
    skirt: skirtOf(positions, triangles, bottom),
    bottom,
  };
}

/** Of the block on which a model so wide stands [m]. */
function thicknessOf(width_m: number): number {
  return Math.max(Math.min(12, width_m * 0.05), width_m * 0.012);
}

/** Mean of the normals around each vertex, weighted by area. */
function normalsOf(p: Float32Array, triangles: Uint32Array): Int8Array<ArrayBuffer> {
  const sum = new Float32Array(p.length);
  for (let t = 0; t < triangles.length; t += 3) {
    const [a, b, c] = [triangles[t] * 3, triangles[t + 1] * 3, triangles[t + 2] * 3];
    const [ux, uy, uz] = [p[b] - p[a], p[b + 1] - p[a + 1], p[b + 2] - p[a + 2]];
    const [vx, vy, vz] = [p[c] - p[a], p[c + 1] - p[a + 1], p[c + 2] - p[a + 2]];
    const n = [uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx];
    const up = n[2] < 0 ? -1 : 1;
    for (const v of [a, b, c]) for (let k = 0; k < 3; k++) sum[v + k] += up * n[k];
  }
  const normals = new Int8Array((p.length / 3) * 4);
  for (let v = 0; v * 3 < p.length; v++) {
    const length = Math.hypot(sum[v * 3], sum[v * 3 + 1], sum[v * 3 + 2]);
    for (let k = 0; k < 3; k++)
      normals[v * 4 + k] = length > 0 ? Math.round((127 * sum[v * 3 + k]) / length) : k === 2 ? 127 : 0;
  }
  return normals;
}

/** Walls below the sides that only one triangle has. */
function skirtOf(p: Float32Array, triangles: Uint32Array, bottom: number): Float32Array<ArrayBuffer> {
  const n = p.length / 3;
  const sides = new Map<number, number>();
  for (let i = 0; i < triangles.length; i++) {
    const a = triangles[i];
    const b = triangles[i % 3 === 2 ? i - 2 : i + 1];
    const key = Math.min(a, b) * n + Math.max(a, b);
    if (!sides.delete(key)) sides.set(key, a * n + b);
  }
  const skirt: number[] = [];
  for (const side of sides.values()) {
    const a = Math.floor(side / n) * 3;
    const b = (side % n) * 3;
    const [A, B] = [
      [p[a], p[a + 1], p[a + 2]],
      [p[b], p[b + 1], p[b + 2]],
    ];
    const [C, D] = [
      [p[b], p[b + 1], bottom],
      [p[a], p[a + 1], bottom],
    ];
    skirt.push(...D, ...C, ...B, ...D, ...B, ...A);
  }
  return Float32Array.from(skirt);
}

export interface AreaTile {
  positions: Float32Array<ArrayBuffer>;
  /** Row and kind of each vertex: row | kind << 24. */
  rows: Uint32Array<ArrayBuffer>;
  triangles: Uint32Array<ArrayBuffer>;
}

export function areaTile(bundle: Bundle): AreaTile {
  const row = need<Uint32Array>(bundle, "row");
  const rings = need<Uint16Array>(bundle, "rings");
  const size = need<Uint32Array>(bundle, "size");
  const inner = need<Uint32Array>(bundle, "inner");
  const kind = bundle.arrays.kind;
  const positions = positionsOf(bundle);
  const rows = new Uint32Array(positions.length / 3);
  const ring = starts(size);
  const area = starts(rings);
  const within = starts(inner);
  const rim = ring[size.length]; // the vertices of all rings stand before those within
  for (let i = 0; i < row.length; i++) {
    const who = ((row[i] & 0xffffff) | ((kind?.[i] ?? 0) << 24)) >>> 0;
    rows.fill(who, ring[area[i]], ring[area[i + 1]]);
    rows.fill(who, rim + within[i], rim + within[i + 1]);
  }
  return { positions, rows, triangles: Uint32Array.from(need(bundle, "triangles")) };
}

export interface SkinTile {
  frame: Frame;
  n: number;
  /** x | y << 16, z of the vertices, in pairs of texels' halves: two vertices a texel. */
  vertices: Uint32Array<ArrayBuffer>;
  /** Three vertices, row | kind << 28. */
  triangles: Uint32Array<ArrayBuffer>;
  low: [number, number, number];
  high: [number, number, number];
}

export function skinTile(bundle: Bundle): SkinTile {
  const { frame } = bundle;
  const row = need<Uint32Array>(bundle, "row");
  const size = need<Uint32Array>(bundle, "size");
  const kind = need<Uint8Array>(bundle, "kind");
  const corners = need<Uint32Array>(bundle, "triangles");
  const [x, y, z] = [need<Uint16Array>(bundle, "x"), need<Uint16Array>(bundle, "y"), need<Uint16Array>(bundle, "z")];
  const vertices = texels(Math.ceil(x.length / 2));
  const [low, high] = [
    [65535, 65535, 65535],
    [0, 0, 0],
  ];
  for (let v = 0; v < x.length; v++) {
    vertices[v * 2] = x[v] | (y[v] << 16);
    vertices[v * 2 + 1] = z[v];
    [x[v], y[v], z[v]].forEach((value, k) => {
      low[k] = Math.min(low[k], value);
      high[k] = Math.max(high[k], value);
    });
  }
  const n = corners.length / 3;
  const triangles = texels(n);
  let t = 0;
  for (let i = 0; i < row.length; i++)
    for (const end = t + size[i]; t < end; t++)
      triangles.set([corners[t * 3], corners[t * 3 + 1], corners[t * 3 + 2], (row[i] | (kind[t] << 28)) >>> 0], t * 4);
  const corner = (c: number[]): [number, number, number] => [
    frame.x0 + c[0] * frame.step,
    frame.y0 + c[1] * frame.step,
    frame.z0 + c[2] * frame.z_step,
  ];
  return { frame, n, vertices, triangles, low: corner(low), high: corner(high) };
}

function positionsOf(bundle: Bundle): Float32Array<ArrayBuffer> {
  const { x0, y0, z0, step, z_step } = bundle.frame;
  const [x, y, z] = [need(bundle, "x"), need(bundle, "y"), need(bundle, "z")];
  const positions = new Float32Array(x.length * 3);
  for (let v = 0; v < x.length; v++) {
    positions[v * 3] = x0 + step * x[v];
    positions[v * 3 + 1] = y0 + step * y[v];
    positions[v * 3 + 2] = z0 + z_step * z[v];
  }
  return positions;
}
