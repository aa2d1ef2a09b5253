import { describe, expect, test } from "vitest";
import { FIRST, LAST } from "../decode/strips";
import { slotsOf } from "./vehicles";

/** A line of row 0 with pieces of 100 m and 50 m, and one of row 2. */
const FRAME = { x0: 0, y0: 0, z0: 0, step: 0.1, z_step: 0.1 };
const texels = (places: number[][]): Uint32Array<ArrayBuffer> =>
  Uint32Array.from(places.flatMap(([x, y, row, flags]) => [(x * 10) | ((y * 10) << 16), 0, 0, (row | flags) >>> 0]));
const strips = {
  frame: FRAME,
  n: 5,
  points: texels([
    [0, 0, 0, FIRST],
    [100, 0, 0, 0],
    [100, 50, 0, LAST],
    [200, 0, 2, FIRST],
    [200, 80, 2, LAST],
  ]),
};
const density = (...rows: number[]): Float32Array => Float32Array.from(rows);
const slots = (all: Float32Array): number[][] =>
  Array.from({ length: all.length / 4 }, (_, k) => [...all.slice(k * 4, k * 4 + 4)]);

describe("places for vehicles", () => {
  test("are as many on a piece as there may be vehicles, with one more at either end that chance may shift in", () => {
    const found = slots(slotsOf(strips, new Map(), [density(0.02, 0, 0)]));
    expect(found.filter(([segment]) => segment === 0).map(([, , k]) => k)).toEqual([-1, 0, 1, 2]);
    expect(found.filter(([segment]) => segment === 1).map(([, , k]) => k)).toEqual([-1, 0, 1]);
    expect(found.some(([segment]) => segment > 1)).toBe(false);
  });

  test("know how far their piece is along the link, in the direction of travel", () => {
    const found = slots(slotsOf(strips, new Map([[0, 1]]), [density(0.01, 0.01, 0)]));
    const start = (segment: number, back: number): number =>
      found.find(([of, , , kind]) => of === segment && kind === back)![1];
    expect([start(0, 0), start(1, 0)]).toEqual([0, 100]);
    expect([start(1, 1), start(0, 1)]).toEqual([0, 50]);
  });

  test("are told apart by kind and direction", () => {
    const found = slots(slotsOf(strips, new Map([[2, 1]]), [density(0, 0.1, 0), density(0, 0, 0.1)]));
    expect(new Set(found.map(([, , , kind]) => kind))).toEqual(new Set([1, 2]));
  });

  test("are none where nothing drives", () => {
    expect(slotsOf(strips, new Map(), [density(0, 0, 0), density(NaN, NaN, NaN)]).length).toBe(0);
  });
});
