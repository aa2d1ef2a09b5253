import { describe, expect, test } from "vitest";
import { along, classColours, contrast, OKABE_ITO, rgb, VIRIDIS, YL_GN_BU, type Rgb } from "./palettes";

/** Relative luminance (W3C, WCAG 2.2), from the contrast to black: L = 0.05 · contrast − 0.05. */
const luminance = (colour: Rgb): number => 0.05 * contrast(colour, [0, 0, 0]) - 0.05;

/** Colour as readers without the red or green cones see it: G. Viénot, H. Brettel, J. Mollon 1999, doi:10.1002/(SICI)1520-6378(199908)24:4<243. */
function deuteranope([red, green, blue]: Rgb): Rgb {
  const linear = (value: number): number => (value / 255) ** 2.2;
  const [r, g, b] = [linear(red), linear(green), linear(blue)];
  const back = (value: number): number => Math.round(255 * Math.min(Math.max(value, 0), 1) ** (1 / 2.2));
  const long = 0.29275 * r + 0.70725 * g;
  return [back(long), back(long), back(-0.02234 * r + 0.02234 * g + b)];
}

describe("ramps", () => {
  test("run from dark to bright, or from bright to dark, without turning", () => {
    for (const ramp of [VIRIDIS, YL_GN_BU]) {
      const light = classColours(ramp, 7).map(luminance);
      const rises = light.slice(1).map((value, i) => value > light[i]);
      expect(new Set(rises).size).toBe(1);
    }
  });

  test("keep their order for readers who do not tell red from green", () => {
    for (const ramp of [VIRIDIS, YL_GN_BU]) {
      const light = classColours(ramp, 7).map((colour) => luminance(deuteranope(colour)));
      expect(new Set(light.slice(1).map((value, i) => value > light[i])).size).toBe(1);
    }
  });

  test("are met at their ends and between their steps", () => {
    const ramp = [rgb("#000000"), rgb("#ffffff")];
    expect([-1, 0, 0.5, 1, 2].map((place) => along(ramp, place)[0])).toEqual([0, 0, 128, 255, 255]);
  });
});

test("categories differ from each other for readers who do not tell red from green", () => {
  const seen = OKABE_ITO.map(deuteranope);
  for (let i = 0; i < seen.length; i++) {
    for (let j = 0; j < i; j++) {
      const apart = Math.hypot(...seen[i].map((value, channel) => value - seen[j][channel]));
      expect(apart, `${i} and ${j}`).toBeGreaterThan(30);
    }
  }
});

test("contrast is 21 between black and white, and 1 of a colour with itself", () => {
  expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 10);
  expect(contrast([12, 120, 80], [12, 120, 80])).toBe(1);
});
