/** Prisms of a tile made ready: a texel for every edge, the triangles of roofs, a box for every prism, rings to pick by. */

import { type Bundle, type Frame, need } from "./bundle";
import { texels } from "./texels";

export interface PrismTile {
  frame: Frame;
  /** Prisms and their edges. */
  n: number;
  nEdges: number;
  /** x0 | y0 << 16, x1 | y1 << 16, base | top << 16, row | sharp start << 30 | sharp end << 31; by vertex. */
  edges: Uint32Array<ArrayBuffer>;
  /** Triangles of the tops, in vertices of the tile. */
  roofs: Uint16Array | Uint32Array;
  /** West south, east north, base top, row: a box as large as its footprint for each prism, then the blocks. */
  boxes: Uint32Array<ArrayBuffer>;
  /** Blocks that stand for the tile from afar. */
  nBlocks: number;
  /** Corners in space. */
  low: [number, number, number];
  high: [number, number, number];
  outlines: Outlines;
}

/** What picking keeps of a tile. */
export interface Outlines {
  row: Uint32Array;
  base: Uint16Array;
  top: Uint16Array;
  x: Uint16Array;
  y: Uint16Array;
  /** First vertex of each ring and one past the last; first ring of each prism and one past the last. */
  ring: Uint32Array | Uint16Array;
  prism: Uint32Array | Uint16Array;
  /** Extent of each prism: west, south, east, north. */
  extent: Uint16Array;
}

const ROW = 0x3fffffff;
const SHARP_START = 0x40000000;
const SHARP_END = 0x80000000;
/** A corner shows as an edge where the wall turns by more than 20°. */
const SHARP_COSINE = Math.cos((20 * Math.PI) / 180);

export function prismTile(bundle: Bundle): PrismTile {
  const { frame } = bundle;
  const outlines = outlinesOf(bundle);
  const { row, base, top, x, y, ring, prism } = outlines;
  const n = row.length;
  const nEdges = x.length;
  const edges = texels(nEdges);
  const areas = new Float64Array(n);
  const footprints = new Uint32Array(n * 4);
  let lowest = Infinity;
  let highest = -Infinity;
  for (let i = 0; i < n; i++) {
    const z = base[i] | (top[i] << 16);
    lowest = Math.min(lowest, base[i]);
    highest = Math.max(highest, top[i]);
    const who = row[i] & ROW;
    let area = 0;
    for (let r = prism[i]; r < prism[i + 1]; r++) {
      const begin = ring[r];
      const size = ring[r + 1] - begin;
      for (let k = 0; k < size; k++) {
        const v = begin + k;
        const w = begin + ((k + 1) % size);
        const sharpStart = isSharp(x, y, begin + ((k + size - 1) % size), v, w);
        const sharpEnd = isSharp(x, y, v, w, begin + ((k + 2) % size));
        area += x[v] * y[w] - x[w] * y[v];
        edges[v * 4] = x[v] | (y[v] << 16);
        edges[v * 4 + 1] = x[w] | (y[w] << 16);
        edges[v * 4 + 2] = z;
        edges[v * 4 + 3] = who + (sharpStart ? SHARP_START : 0) + (sharpEnd ? SHARP_END : 0);
      }
    }
    areas[i] = Math.abs(area) / 2;
    footprints.set(boxOf(outlines.extent, i, areas[i], z, who), i * 4);
  }
  const blocks = blocksOf(outlines, areas);
  const boxes = texels(n + blocks.length / 4);
  boxes.set(footprints);
  boxes.set(blocks, n * 4);
  const step = frame.step;
  const [west, south, east, north] = extentOf(outlines.extent);
  return {
    frame,
    n,
    nEdges,
    edges,
    roofs: roofsOf(bundle, outlines),
    boxes,
    nBlocks: blocks.length / 4,
    low: [frame.x0 + west * step, frame.y0 + south * step, frame.z0 + Math.min(lowest, highest) * frame.z_step],
    high: [frame.x0 + east * step, frame.y0 + north * step, frame.z0 + Math.max(lowest, highest) * frame.z_step],
    outlines,
  };
}

function outlinesOf(bundle: Bundle): Outlines {
  const rings = need<Uint16Array>(bundle, "rings");
  const size = need<Uint16Array>(bundle, "size");
  const x = Uint16Array.from(need<Uint16Array>(bundle, "x"));
  const y = Uint16Array.from(need<Uint16Array>(bundle, "y"));
  const ring = starts(size);
  const prism = starts(rings);
  const extent = new Uint16Array(rings.length * 4);
  for (let i = 0; i < rings.length; i++) {
    let [west, south, east, north] = [65535, 65535, 0, 0];
    for (let v = ring[prism[i]]; v < ring[prism[i + 1]]; v++) {
      west = Math.min(west, x[v]);
      east = Math.max(east, x[v]);
      south = Math.min(south, y[v]);
      north = Math.max(north, y[v]);
    }
    extent.set([west, south, east, north], i * 4);
  }
  return {
    row: Uint32Array.from(need<Uint32Array>(bundle, "row")),
    base: Uint16Array.from(need<Uint16Array>(bundle, "base")),
    top: Uint16Array.from(need<Uint16Array>(bundle, "top")),
    x,
    y,
    ring,
    prism,
    extent,
  };
}

/** Triangles counted within their prisms, counted within the tile; two bytes each where that is enough. */
function roofsOf(bundle: Bundle, { ring, prism, x }: Outlines): Uint16Array | Uint32Array {
  const triangles = need<Uint16Array>(bundle, "triangles");
  const count = need<Uint16Array>(bundle, "triangle_count");
  const roofs = x.length > 65535 ? new Uint32Array(triangles.length) : new Uint16Array(triangles.length);
  let t = 0;
  for (let i = 0; i < count.length; i++) {
    const first = ring[prism[i]];
    for (const end = t + count[i] * 3; t < end; t++) roofs[t] = first + triangles[t];
  }
  return roofs;
}

/** A box along the axes that covers as much ground as the footprint. */
function boxOf(extent: Uint16Array, i: number, area: number, z: number, row: number): number[] {
  const [west, south, east, north] = extent.subarray(i * 4, i * 4 + 4);
  const whole = (east - west) * (north - south);
  const trim = whole > 0 ? (1 - Math.sqrt(Math.min(1, area / whole))) / 2 : 0;
  const dx = Math.round((east - west) * trim);
  const dy = Math.round((north - south) * trim);
  return [(west + dx) | ((south + dy) << 16), (east - dx) | ((north - dy) << 16), z, row];
}

/** Prisms that one block stands for, as a rule. */
const PRISMS_IN_A_BLOCK = 16;
/** Yards and lanes that a block covers as well: it is this much wider than its prisms. */
const BLOCK_FILL = 1.25;

/**
 * What a tile looks like from afar: on a grid, the prisms of each cell as one block of their area and volume. It has
 * the colour of the largest.
 */
function blocksOf({ extent, base, top, row }: Outlines, areas: Float64Array): Uint32Array {
  const n = row.length;
  const side = Math.max(1, Math.round(Math.sqrt(n / PRISMS_IN_A_BLOCK)));
  const [west, south, east, north] = extentOf(extent);
  const [width, depth] = [(east - west) / side || 1, (north - south) / side || 1];
  const sums = new Float64Array(side * side * 5); // area, area × x, area × y, area × base, volume
  const largest = new Int32Array(side * side).fill(-1);
  for (let i = 0; i < n; i++) {
    const x = (extent[i * 4] + extent[i * 4 + 2]) / 2;
    const y = (extent[i * 4 + 1] + extent[i * 4 + 3]) / 2;
    const column = Math.min(side - 1, Math.floor((x - west) / width));
    const cell = Math.min(side - 1, Math.floor((y - south) / depth)) * side + column;
    if (largest[cell] < 0) largest[cell] = i; // prisms stand in order of their volume
    [1, x, y, base[i], top[i] - base[i]].forEach((value, k) => (sums[cell * 5 + k] += value * areas[i]));
  }
  const blocks: number[] = [];
  for (let cell = 0; cell < side * side; cell++) {
    const [area, x, y, floor, volume] = Array.from(sums.subarray(cell * 5, cell * 5 + 5), (v, k) =>
      k ? v / sums[cell * 5] : v,
    );
    if (!(area > 0)) continue;
    const share = Math.min(1, Math.sqrt((area * BLOCK_FILL) / (width * depth)));
    const [dx, dy] = [(width * share) / 2, (depth * share) / 2];
    const step = (value: number): number => Math.min(65535, Math.max(0, Math.round(value)));
    const [low, high] = [step(x - dx) | (step(y - dy) << 16), step(x + dx) | (step(y + dy) << 16)];
    blocks.push(low >>> 0, high >>> 0, (step(floor) | (step(floor + volume) << 16)) >>> 0, row[largest[cell]] & ROW);
  }
  return Uint32Array.from(blocks);
}

function isSharp(x: Uint16Array, y: Uint16Array, a: number, b: number, c: number): boolean {
  const ax = x[b] - x[a];
  const ay = y[b] - y[a];
  const bx = x[c] - x[b];
  const by = y[c] - y[b];
  return ax * bx + ay * by < SHARP_COSINE * Math.sqrt((ax * ax + ay * ay) * (bx * bx + by * by));
}

function extentOf(extent: Uint16Array): [number, number, number, number] {
  let [west, south, east, north] = [65535, 65535, 0, 0];
  for (let i = 0; i < extent.length; i += 4) {
    west = Math.min(west, extent[i]);
    south = Math.min(south, extent[i + 1]);
    east = Math.max(east, extent[i + 2]);
    north = Math.max(north, extent[i + 3]);
  }
  return [west, south, east, north];
}

/** First index of groups of these sizes, and one past the last. */
export function starts(sizes: ArrayLike<number>): Uint32Array | Uint16Array {
  let total = 0;
  for (let i = 0; i < sizes.length; i++) total += sizes[i];
  const first = total < 65536 ? new Uint16Array(sizes.length + 1) : new Uint32Array(sizes.length + 1);
  for (let i = 0; i < sizes.length; i++) first[i + 1] = first[i] + sizes[i];
  return first;
}
