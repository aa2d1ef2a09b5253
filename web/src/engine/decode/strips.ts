/** Lines of a tile made ready: a texel for every vertex, from which ribbons with mitred bends and round ends are drawn. */

import { type Bundle, type Frame, need } from "./bundle";
import { texels } from "./texels";

export interface StripTile {
  frame: Frame;
  /** Texels, and how many of them, from the first, lie on the ground; bridges follow. */
  n: number;
  nFlat: number;
  /** x | y << 16, z | width [dm] << 16 | kind << 24, mitre x | mitre y << 16, row | flags. */
  points: Uint32Array<ArrayBuffer>;
  low: [number, number, number];
  high: [number, number, number];
  /** Rows drawn, and the row of the opposite link of each. */
  opposite: [row: Uint32Array, reverse: Uint32Array];
}

export const FIRST = 0x10000000;
export const LAST = 0x20000000;
export const BRIDGE = 0x40000000;
export const TUNNEL = 0x80000000;
export const ROW_BITS = 0x0fffffff;
/** One in the fixed-point numbers of a mitre; a mitre is at most 2.5 half widths long. */
export const MITRE = 8192;
const LONGEST_MITRE = 2.5;

/** @param rank Place of each kind in the order of drawing, lowest first. */
export function stripTile(bundle: Bundle, rank: readonly number[] = []): StripTile {
  const { frame } = bundle;
  const row = Uint32Array.from(need(bundle, "row"));
  const size = need<Uint32Array>(bundle, "size");
  const x = need<Uint16Array>(bundle, "x");
  const y = need<Uint16Array>(bundle, "y");
  const z = need<Uint16Array>(bundle, "z");
  const width = need<Uint8Array>(bundle, "width");
  const kind = need<Uint8Array>(bundle, "kind");
  const flags = need<Uint8Array>(bundle, "flags");

  const first = new Uint32Array(size.length);
  for (let i = 1; i < size.length; i++) first[i] = first[i - 1] + size[i - 1];
  const place = (i: number): number =>
    (flags[i] & 1 ? 1000 : 0) + (flags[i] & 2 ? -1000 : 0) + (rank[kind[i]] ?? kind[i]);
  const order = Array.from(size, (_, i) => i).sort((a, b) => place(a) - place(b) || a - b);

  const points = texels(x.length);
  const words = new Int16Array(points.buffer);
  let at = 0;
  let nFlat = 0;
  const low: [number, number, number] = [Infinity, Infinity, Infinity];
  const high: [number, number, number] = [-Infinity, -Infinity, -Infinity];
  for (const i of order) {
    const begin = first[i];
    const end = begin + size[i] - 1;
    const marks = (flags[i] & 1 ? BRIDGE : 0) + (flags[i] & 2 ? TUNNEL : 0);
    for (let v = begin; v <= end; v++, at++) {
      const [mx, my] = mitre(x, y, v > begin ? v - 1 : v, v, v < end ? v + 1 : v);
      points[at * 4] = x[v] | (y[v] << 16);
      points[at * 4 + 1] = z[v] | (width[i] << 16) | (kind[i] << 24);
      words[at * 8 + 4] = mx;
      words[at * 8 + 5] = my;
      points[at * 4 + 3] = (row[i] & ROW_BITS) + (v === begin ? FIRST : 0) + (v === end ? LAST : 0) + marks;
      stretch(low, high, x[v], y[v], z[v]);
    }
    if (!(flags[i] & 1)) nFlat = at;
  }
  const corner = (p: [number, number, number]): [number, number, number] => [
    frame.x0 + p[0] * frame.step,
    frame.y0 + p[1] * frame.step,
    frame.z0 + p[2] * frame.z_step,
  ];
  const opposite: StripTile["opposite"] = [
    row.slice(),
    (bundle.arrays.reverse_row as Uint32Array | undefined)?.slice() ?? new Uint32Array(0),
  ];
  return { frame, n: at, nFlat, points, low: corner(low), high: corner(high), opposite };
}

/** Outlines of areas as closed lines, to be drawn like other lines. */
export function outlineTile(bundle: Bundle): StripTile {
  const rings = need<Uint16Array>(bundle, "rings");
  const size = need<Uint32Array>(bundle, "size");
  const kind = bundle.arrays.kind;
  const row = need<Uint32Array>(bundle, "row");
  const total = size.reduce((sum, value) => sum + value + 1, 0);
  const [x, y, z] = [new Uint16Array(total), new Uint16Array(total), new Uint16Array(total)];
  const of = new Uint32Array(size.length);
  const kinds = new Uint8Array(size.length);
  let [ring, from, to] = [0, 0, 0];
  for (let i = 0; i < rings.length; i++)
    for (const last = ring + rings[i]; ring < last; ring++) {
      of[ring] = row[i];
      kinds[ring] = kind?.[i] ?? 0;
      for (let k = 0; k <= size[ring]; k++, to++) {
        const v = from + (k % size[ring]);
        x[to] = bundle.arrays.x[v];
        y[to] = bundle.arrays.y[v];
        z[to] = bundle.arrays.z[v];
      }
      from += size[ring];
    }
  const arrays = { row: of, size: Uint32Array.from(size, (n) => n + 1), x, y, z };
  const plain = new Uint8Array(size.length);
  return stripTile({ ...bundle, arrays: { ...arrays, width: plain, kind: kinds, flags: plain } });
}

/** Where the left border of a ribbon of half width 1 passes a vertex, fixed-point. */
function mitre(x: Uint16Array, y: Uint16Array, a: number, b: number, c: number): [number, number] {
  const [ax, ay] = unit(x[b] - x[a], y[b] - y[a]);
  const [bx, by] = unit(x[c] - x[b], y[c] - y[b]);
  const [px, py] = ax || ay ? [-ay, ax] : [-by, bx]; // square to the side that there is
  let [nx, ny] = unit(-(ay + by), ax + bx);
  if (nx === 0 && ny === 0) [nx, ny] = [px, py]; // the line turns back on itself
  const length = MITRE * Math.min(LONGEST_MITRE, 1 / Math.max(nx * px + ny * py, 0.1));
  return [Math.round(nx * length), Math.round(ny * length)];
}

function unit(x: number, y: number): [number, number] {
  const length = Math.hypot(x, y);
  return length > 0 ? [x / length, y / length] : [0, 0];
}

function stretch(low: number[], high: number[], ...p: number[]): void {
  for (let i = 0; i < 3; i++) {
    low[i] = Math.min(low[i], p[i]);
    high[i] = Math.max(high[i], p[i]);
  }
}
