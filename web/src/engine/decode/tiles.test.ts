import { expect, test } from "vitest";
import { readBundle } from "./bundle";
import { bundleOf } from "./bundle.fixture";
import { coverColours, coverOf } from "./cover";
import { areaTile, terrainMesh } from "./meshes";
import { prismTile } from "./prisms";
import { BRIDGE, FIRST, LAST, MITRE, outlineTile, ROW_BITS, stripTile } from "./strips";

const FRAME = { x0: 100, y0: 200, z0: 10, step: 0.5, z_step: 0.1 };
const u8 = (...values: number[]) => ({ values: Uint8Array.from(values) });
const u16 = (...values: number[]) => ({ values: Uint16Array.from(values) });
const u32 = (...values: number[]) => ({ values: Uint32Array.from(values) });

/** A square with a square hole, and a triangle behind it in the file. */
function twoPrisms() {
  return readBundle(
    bundleOf(
      {
        row: u32(7, 3),
        base: u16(10, 0),
        top: u16(110, 40),
        rings: u16(2, 1),
        size: u16(4, 4, 3),
        x: u16(0, 20, 20, 0, 5, 5, 15, 15, 40, 60, 40),
        y: u16(0, 0, 20, 20, 5, 15, 15, 5, 0, 0, 30),
        triangle_count: u16(8, 1),
        triangles: u16(0, 1, 7, 0, 7, 4, 1, 2, 6, 1, 6, 7, 2, 3, 5, 2, 5, 6, 3, 0, 4, 3, 4, 5, 0, 1, 2),
      },
      { frame: FRAME },
    ),
  );
}

test("every edge of a ring leads to the next vertex, the last one back to the first", () => {
  const { edges, nEdges } = prismTile(twoPrisms());
  expect(nEdges).toBe(11);
  const ends = Array.from({ length: nEdges }, (_, v) => [edges[v * 4] & 65535, edges[v * 4 + 1] & 65535]);
  expect(ends.slice(0, 4)).toEqual([
    [0, 20],
    [20, 20],
    [20, 0],
    [0, 0],
  ]);
  expect(ends[7]).toEqual([15, 5]);
  expect(ends[10]).toEqual([40, 40]);
  expect(edges[2]).toBe(10 | (110 << 16));
  expect(edges[10 * 4 + 3] & 0x3fffffff).toBe(3);
});

test("right angles are marked as corners, points on a straight wall are not", () => {
  const straight = readBundle(
    bundleOf(
      {
        row: u32(0),
        base: u16(0),
        top: u16(10),
        rings: u16(1),
        size: u16(5),
        x: u16(0, 10, 20, 20, 0),
        y: u16(0, 0, 0, 20, 20),
        triangle_count: u16(0),
        triangles: u16(),
      },
      { frame: FRAME },
    ),
  );
  const { edges } = prismTile(straight);
  const marks = [0, 1, 2].map((v) => edges[v * 4 + 3] >>> 30);
  expect(marks).toEqual([1, 2, 3]); // start sharp; end sharp; both
});

test("triangles of roofs are counted within the tile", () => {
  const { roofs } = prismTile(twoPrisms());
  expect(roofs).toBeInstanceOf(Uint16Array);
  expect([...roofs.slice(-3)]).toEqual([8, 9, 10]);
});

test("triangles of roofs cover the footprint, without its hole", () => {
  const tile = prismTile(twoPrisms());
  const { x, y } = tile.outlines;
  let area = 0;
  for (let t = 0; t < 24; t += 3) {
    const [a, b, c] = [tile.roofs[t], tile.roofs[t + 1], tile.roofs[t + 2]];
    area += Math.abs((x[b] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[b] - y[a])) / 2;
  }
  expect(area).toBe(20 * 20 - 10 * 10);
});

test("the box that stands for a prism covers as much ground as its footprint", () => {
  const { boxes } = prismTile(twoPrisms());
  const side = (i: number) => {
    const [a, b] = [boxes[i * 4], boxes[i * 4 + 1]];
    return ((b & 65535) - (a & 65535)) * ((b >>> 16) - (a >>> 16));
  };
  expect(Math.abs(side(0) - 300)).toBeLessThan(40);
  expect(Math.abs(side(1) - 300)).toBeLessThan(60);
});

test("blocks keep the area and the volume of their prisms, and the row of the largest", () => {
  const { n, nBlocks, boxes } = prismTile(twoPrisms());
  expect(nBlocks).toBe(1);
  const [low, high, z, row] = boxes.subarray(n * 4, n * 4 + 4);
  const area = ((high & 65535) - (low & 65535)) * ((high >>> 16) - (low >>> 16));
  expect(Math.abs(area / (300 + 300) / 1.25 - 1)).toBeLessThan(0.05);
  expect((z >>> 16) - (z & 65535)).toBe(70); // mean of 100 and 40 over the same areas
  expect(row).toBe(7);
});

test("the corners of a tile are in metres", () => {
  const tile = prismTile(twoPrisms());
  expect(tile.low).toEqual([100, 200, 10]);
  expect(tile.high).toEqual([130, 215, 21]);
});

const lines = () =>
  readBundle(
    bundleOf(
      {
        row: u32(5, 6),
        size: u32(2, 3),
        x: u16(0, 10, 0, 10, 10),
        y: u16(5, 5, 0, 0, 10),
        z: u16(50, 50, 0, 0, 0),
        width: u8(70, 30),
        kind: u8(0, 1),
        flags: u8(1, 0),
      },
      { frame: FRAME },
    ),
  );

test("bridges come after what lies on the ground", () => {
  const { n, nFlat, points } = stripTile(lines(), [0, 1]);
  expect([n, nFlat]).toEqual([5, 3]);
  expect(points[3] & ROW_BITS).toBe(6);
  expect(points[3 * 4 + 3] & BRIDGE).not.toBe(0);
  expect(points[3] & FIRST).not.toBe(0);
  expect(points[2 * 4 + 3] & LAST).not.toBe(0);
  expect((points[1] >>> 16) & 255).toBe(30);
});

test("a right-angled bend is mitred: its border lies √2 half widths away, half way between both sides", () => {
  const { points } = stripTile(lines(), [0, 1]);
  const words = new Int16Array(points.buffer);
  const [x, y] = [words[1 * 8 + 4] / MITRE, words[1 * 8 + 5] / MITRE];
  expect(x).toBeCloseTo(-1, 3); // east, then north: the left border turns to the north-west
  expect(y).toBeCloseTo(1, 3);
  expect([words[4] / MITRE, words[5] / MITRE]).toEqual([0, 1]);
});

const area = () =>
  readBundle(
    bundleOf(
      {
        row: u32(9, 4),
        rings: u16(1, 1),
        size: u32(4, 3),
        inner: u32(1, 0),
        x: u16(0, 10, 10, 0, 20, 30, 20, 5),
        y: u16(0, 0, 10, 10, 0, 0, 10, 5),
        z: u16(0, 0, 0, 0, 0, 0, 0, 0),
        triangles: u32(0, 1, 7, 1, 2, 7, 2, 3, 7, 3, 0, 7, 4, 5, 6),
        triangle_count: u32(4, 1),
        kind: u8(2, 3),
      },
      { frame: FRAME },
    ),
  );

test("vertices within an area belong to it like those of its rings", () => {
  const { rows } = areaTile(area());
  expect([...rows].map((who) => [who & 0xffffff, who >>> 24])).toEqual([
    ...Array(4).fill([9, 2]),
    ...Array(3).fill([4, 3]),
    [9, 2],
  ]);
});

test("outlines of areas are closed", () => {
  const { n, points } = outlineTile(area());
  expect(n).toBe(5 + 4);
  expect(points[4 * 4]).toBe(points[0]);
});

test("terrain has upward normals, and walls down from its border alone", () => {
  const mesh = terrainMesh(
    readBundle(
      bundleOf(
        {
          x: u16(0, 10, 10, 0),
          y: u16(0, 0, 10, 10),
          z: u16(0, 0, 0, 0),
          triangles: u32(0, 1, 2, 0, 3, 2), // the second one is turned over
        },
        { frame: FRAME },
      ),
    ),
  );
  expect([...mesh.normals.slice(0, 3)]).toEqual([0, 0, 127]);
  expect(mesh.skirt.length).toBe(4 * 2 * 9);
  expect(Math.min(...mesh.skirt.filter((_, i) => i % 3 === 2))).toBe(Math.fround(mesh.bottom));
});

test("ground under roads takes the cover beside it, and rows are turned to run from the south", () => {
  const values = Uint8Array.of(1, 1, 1, 0, 0, 0, 2, 2, 2);
  const cover = coverOf(readBundle(bundleOf({ class: { values } }, { width: 3, height: 3 })), [0]);
  expect([...cover.cells.slice(0, 3)]).toEqual([2, 2, 2]);
  expect([...cover.cells.slice(6)]).toEqual([1, 1, 1]);
  expect([...cover.cells].includes(0)).toBe(false);
  const palette = new Uint8Array(768);
  palette.set([10, 20, 30], 6);
  expect([...coverColours(cover, palette).slice(0, 4)]).toEqual([10, 20, 30, 255]);
});
