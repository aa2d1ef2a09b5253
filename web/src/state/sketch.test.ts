import { describe, expect, test } from "vitest";
import { crossesItself, faultOf, meet, outline, read, signedArea, snapped, written, type Corner } from "./sketch";

const ORIGIN: Corner = [355_000.25, 6_689_000.5];
const SQUARE: Corner[] = [
  [0, 0],
  [10, 0],
  [10, 10],
  [0, 10],
];

test("corners stand on whole metres of the grid, wherever the scene begins", () => {
  const [x, y] = snapped([12.4, -3.8], ORIGIN);
  expect([x + ORIGIN[0], y + ORIGIN[1]]).toEqual([355_013, 6_688_997]);
});

test("an area is positive against the clock", () => {
  expect(signedArea(SQUARE)).toBe(100);
  expect(signedArea([...SQUARE].reverse())).toBe(-100);
});

describe("sides", () => {
  test("meet where they cross, touch, or lie on each other", () => {
    expect(meet([0, 0], [2, 2], [0, 2], [2, 0])).toBe(true);
    expect(meet([0, 0], [2, 0], [1, 0], [1, 5])).toBe(true);
    expect(meet([0, 0], [3, 0], [1, 0], [5, 0])).toBe(true);
  });

  test("do not meet where they only lie in line or beside", () => {
    expect(meet([0, 0], [1, 0], [2, 0], [3, 0])).toBe(false);
    expect(meet([0, 0], [1, 0], [0, 1], [1, 1])).toBe(false);
  });
});

test("an area that cannot be built says why", () => {
  expect(faultOf(SQUARE)).toBeNull();
  expect(faultOf(SQUARE.slice(0, 2))).toBe("few");
  expect(faultOf([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]])).toBe("crossing");
  expect(
    faultOf([
      [0, 0],
      [1, 0],
      [1, 1],
    ] as Corner[]),
  ).toBe("small");
  expect(
    crossesItself([
      [0, 0],
      [4, 0],
      [4, 4],
    ] as Corner[]),
  ).toBe(false);
});

test("what is written can be read again, on the grid and against the clock", () => {
  const ring = SQUARE.map((corner) => snapped(corner, ORIGIN));
  const area = written([...ring].reverse(), ORIGIN);
  expect(area.coordinates[0]).toHaveLength(5);
  const again = read(area, ORIGIN)!;
  expect(signedArea(again)).toBe(100);
  expect(again).toEqual(expect.arrayContaining(ring));
});

test("degrees, and what is no area, are not taken for metres", () => {
  expect(read([[-1.55, 47.2], [-1.5, 47.2], [-1.5, 47.3], [-1.55, 47.2]], ORIGIN)).toBeNull(); // prettier-ignore
  for (const wrong of [null, "area.geojson", {}, { coordinates: [[1, 2]] }]) expect(read(wrong, ORIGIN)).toBeNull();
});

test("a body stands on its lowest corner", () => {
  const [ground, roof, ...ribs] = outline(SQUARE, (x) => 5 + x / 10, { height_m: 12 });
  expect(ground.map(([, , z]) => z)).toEqual([5.3, 6.3, 6.3, 5.3, 5.3]);
  expect(new Set(roof.map(([, , z]) => z))).toEqual(new Set([17.3]));
  expect(ribs).toHaveLength(4);
});

test("the next corner follows the pointer", () => {
  expect(outline(SQUARE.slice(0, 1), () => 0, { pointer: [4, 4] })).toEqual([[[0, 0, 0.3], [4, 4, 0.3]]]); // prettier-ignore
  expect(outline([], () => 0)).toEqual([]);
});
