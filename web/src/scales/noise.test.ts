import { describe, expect, test } from "vitest";
import { NOISE_COLOURS, NOISE_DB, noiseClass, noiseClasses } from "./noise";

describe("levels of noise", () => {
  test("have classes of 5 dB that end where the next begins", () => {
    expect([30, 44.9, 45, 59.9, 60, 80].map(noiseClass)).toEqual([0, 0, 1, 3, 4, 7]);
    expect(NOISE_COLOURS.length).toBe(NOISE_DB.length + 1);
  });

  test("have the colour of their level, whatever the range of a city", () => {
    const quiet = noiseClasses("dB", "rounded", 41, 58)!;
    expect(quiet.breaks).toEqual([40, 45, 50, 55, 60]);
    expect(quiet.colours).toEqual(NOISE_COLOURS.slice(0, 4));
    const loud = noiseClasses("dB", "rounded", 62, 78)!;
    expect(loud.breaks).toEqual([60, 65, 70, 75, 80]);
    expect(loud.colours[loud.colours.length - 1]).toEqual(NOISE_COLOURS[7]);
  });

  test("of one level have one class", () => {
    expect(noiseClasses("dB", "rounded", 52, 52)!.breaks).toEqual([50, 55]);
  });

  test("leave other units, and other classes that a reader chose, alone", () => {
    expect(noiseClasses("m", "rounded", 0, 1)).toBeNull();
    expect(noiseClasses("dB", "counts", 40, 70)).toBeNull();
  });
});
