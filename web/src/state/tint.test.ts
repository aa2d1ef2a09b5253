import { expect, test } from "vitest";
import { NOISE_COLOURS } from "../scales/noise";
import { noiseTint } from "./tint";

const GRID = {
  model: "noise",
  name: "noise_lden_db",
  unit: "dB",
  columns: 2,
  rows: 2,
  box: [1000, 2000, 1040, 2040] as [number, number, number, number],
  minimum: 40,
  maximum: 80,
  step: 0.5,
};

test("cells stand from the south-west, coloured by their level, and nothing stands where no level is known", () => {
  const codes = Uint16Array.of(1, 0, 61, 81); // 40 dB, none; 70 dB, 80 dB
  const { rgba, box, width, height } = noiseTint(GRID, codes, [900, 1900]);
  const cell = (k: number): number[] => [...rgba.slice(k * 4, k * 4 + 3)];
  expect([width, height]).toEqual([2, 2]);
  expect([cell(0), cell(1), cell(2)]).toEqual([[...NOISE_COLOURS[6]], [...NOISE_COLOURS[7]], [...NOISE_COLOURS[0]]]);
  expect(rgba[3 * 4 + 3]).toBe(0);
  expect(box).toEqual([100, 100, 140, 140]);
});
