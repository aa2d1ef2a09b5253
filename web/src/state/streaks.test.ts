import { describe, expect, test } from "vitest";
import type { IsochroneFacts, LinesFacts, TripsFacts } from "../api/schema";
import { densely, desireStreaks, desireWidth, lineColours, lineStreaks, reachColour, reachStreaks } from "./streaks";

const flat = (): number => 7;
const ORIGIN = [1000, 2000] as const;
const lightness = ([r, g, b]: readonly number[]): number => 0.299 * r + 0.587 * g + 0.114 * b;

describe("reach", () => {
  const facts: IsochroneFacts = {
    mode: "walk",
    congested: false,
    start: [1010, 2010],
    within: [],
    size: [2, 3],
    xy: [1010, 2010, 1020, 2010, 1010, 2010, 1010, 2020, 1010, 2030],
    time_s: [0, 300, 0, 450, 900],
  };

  test("is drawn in the frame of the scene, above the ground, with a flag where one starts", () => {
    const { xyz, size, width } = reachStreaks(facts, 900, ORIGIN, flat, false);
    expect([...size]).toEqual([2, 3, 2, 2]);
    expect(width.length).toBe(4);
    expect([...xyz.slice(0, 3)]).toEqual([10, 10, 9]);
    expect([...xyz.slice(3, 6)]).toEqual([20, 10, 9]);
  });

  test("goes from dark to bright on paper, and the other way in the dark: what is near stands out", () => {
    expect(lightness(reachColour(0, false))).toBeLessThan(lightness(reachColour(1, false)));
    expect(lightness(reachColour(0, true))).toBeGreaterThan(lightness(reachColour(1, true)));
  });

  test("has the colour of the time at each vertex", () => {
    const { rgba } = reachStreaks(facts, 900, ORIGIN, flat, false);
    expect([...rgba.slice(0, 3)]).toEqual([...reachColour(0, false)]);
    expect([...rgba.slice(16, 19)]).toEqual([...reachColour(1, false)]);
  });
});

describe("desire lines", () => {
  const trips: TripsFacts = {
    modes: ["car"],
    totals: [],
    terminals: [
      { zone_id: 1, name: "", x: 1000, y: 2000 },
      { zone_id: 2, name: "", x: 1100, y: 2000 },
      { zone_id: null, name: "Quai", x: 1000, y: 2300 },
    ],
    pairs: [
      [0, 1, 200],
      [1, 2, 50],
    ],
    all_pairs: 300,
  };

  test("are as wide as their trips are many, the strongest above the others", () => {
    const { width, size } = desireStreaks(trips, ORIGIN, flat, false);
    expect(size.length).toBe(2);
    expect(width[1]).toBeCloseTo(desireWidth(200, 200));
    expect(width[0]).toBeCloseTo(width[1] / 4);
  });

  test("rise in the middle and end on the ground of their zones", () => {
    const { xyz, size } = desireStreaks(trips, ORIGIN, flat, false);
    const last = xyz.slice(size[0] * 3); // of the strongest
    const heights = Array.from({ length: size[1] }, (_, k) => last[k * 3 + 2]);
    expect([last[0], last[1], last[last.length - 3]]).toEqual([0, 0, 100]);
    expect(Math.max(...heights)).toBe(heights[(heights.length - 1) / 2]);
    expect(heights[0]).toBeCloseTo(heights[heights.length - 1]);
  });
});

describe("lines of public transport", () => {
  const line = (name: string, xy: number[][]) => ({ route_id: 1, row: 0, name, mode: "tram", xy });
  const facts: LinesFacts = { lines: [line("1", [[1000, 2000, 1100, 2000]]), line("1", []), line("2", [])] };

  test("have one colour for both directions, another for another line", () => {
    const colours = lineColours(facts);
    expect([...colours.keys()]).toEqual(["tram/1", "tram/2"]);
    expect(colours.get("tram/1")).not.toEqual(colours.get("tram/2"));
  });

  test("follow the ground between their vertices", () => {
    const { size, xyz } = lineStreaks(facts, ORIGIN, (x) => x / 10);
    expect([...size]).toEqual([4]);
    expect(xyz[5] - xyz[2]).toBeCloseTo((xyz[3] - xyz[0]) / 10);
    expect(densely([0, 0, 10, 0, 10, 5], 100)).toEqual([
      [0, 0],
      [10, 0],
      [10, 5],
    ]);
  });
});
