import { expect, test } from "vitest";
import { lightOf, sunAt } from "./sun";
import { paletteOf } from "./palette";
import { colourOf } from "./paint";
import { measuredOf, tickSpacing } from "../draw/measure";

const NANTES: [number, number] = [-1.5583, 47.2152];
const HANOI: [number, number] = [105.8542, 21.0285];

test.each([
  // pvlib 0.16.1, nrel_numpy (Reda & Andreas 2004), apparent elevation at 101325 Pa and 12 °C, azimuth from north
  ["2026-06-21T11:00:00Z", NANTES, [62.613, 144.314]],
  ["2026-12-21T15:30:00Z", NANTES, [5.703, 226.096]],
  ["2026-03-20T02:00:00Z", HANOI, [40.308, 109.333]],
])("the sun stands where the algorithm of NREL has it: %s", (when, place, [altitude, azimuth]) => {
  const sun = sunAt(new Date(when), place, 0);
  expect(Math.abs(sun.altitude_deg - altitude)).toBeLessThan(0.1);
  expect(Math.abs(sun.azimuth_deg - azimuth)).toBeLessThan(0.1);
});

test("on a grid whose north lies west of true north, the sun stands further clockwise", () => {
  const when = new Date("2026-06-21T11:00:00Z");
  const heading = (convergence: number) => {
    const [x, y] = sunAt(when, NANTES, convergence).direction;
    return (Math.atan2(x, y) * 180) / Math.PI;
  };
  expect((heading(3.3) - heading(0) + 360) % 360).toBeCloseTo(3.3, 6);
});

test("a level surface in the sun keeps its colour in the thematic look, at any hour and in both themes", () => {
  for (const theme of ["light", "dark"] as const)
    for (const hour of [3, 6, 12, 18, 22]) {
      const sun = sunAt(new Date(Date.UTC(2026, 5, 21, hour)), NANTES, 3.3);
      const { ambient, sunlight, direction } = lightOf(sun, "thematic", theme, paletteOf(theme, "thematic"));
      ambient.forEach((part, k) => expect(part + sunlight[k]).toBeCloseTo(1, 12));
      expect(direction[2]).toBeGreaterThan(0.1);
    }
});

test("the sun gives no light at night, and windows shine", () => {
  const at = (hour: number) =>
    lightOf(
      sunAt(new Date(Date.UTC(2026, 5, 21, hour)), NANTES, 0),
      "realistic",
      "light",
      paletteOf("light", "realistic"),
    );
  expect(Math.max(...at(0).sunlight)).toBe(0);
  expect(at(0).night).toBe(1);
  expect(at(12).night).toBe(0);
});

const RAMP = Uint8Array.from({ length: 256 * 4 }, (_, i) => [i >> 2, 0, 255 - (i >> 2), 255][i % 4]);

test("graded codes run through the ramp, the first and last code at its ends", () => {
  const paint = { codes: new Uint16Array(1), colours: RAMP, scale: { type: "graded" as const, from: 0, to: 1 } };
  expect(colourOf(paint, 1)).toEqual([0, 0, 255, 255]);
  expect(colourOf(paint, 65535)).toEqual([255, 0, 0, 255]);
  expect(colourOf(paint, 32768)).toEqual([128, 0, 128, 255]);
  expect(colourOf(paint, 0)).toBeNull();
});

test("codes of categories are positions in the colours, from one", () => {
  const paint = {
    codes: new Uint8Array(1),
    colours: Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 255),
    scale: { type: "category" as const },
  };
  expect(colourOf(paint, 1)).toEqual([1, 2, 3, 255]);
  expect(colourOf(paint, 2)).toEqual([4, 5, 6, 255]);
});

test("a measured way has a length in space, a horizontal distance and a rise", () => {
  const measured = measuredOf([
    [0, 0, 0],
    [3, 4, 0],
    [3, 4, 12],
  ]);
  expect(measured.length_m).toBe(17);
  expect(measured.horizontal_m).toBe(5);
  expect(measured.rise_m).toBe(12);
});

test("ticks stand at round distances, and neither too many nor too few", () => {
  for (const length of [1, 7, 33, 480, 2600, 12345]) {
    const spacing = tickSpacing(length);
    expect([1, 2, 5, 10].some((k) => Math.abs(Math.log10(spacing / k) % 1) < 1e-9)).toBe(true);
    expect(length / spacing).toBeGreaterThan(5);
    expect(length / spacing).toBeLessThanOrEqual(15);
  }
});
