import { describe, expect, test } from "vitest";
import { dateOf, dayOfYear, daysOf, fairTime, instantOf, localOf, sunAt, sunDay, zoneOf } from "./clock";

const NANTES = [-1.55, 47.22] as const;
const HANOI = [105.85, 21.03] as const;
const PARIS = zoneOf("fr");

describe("clocks", () => {
  test("are two hours ahead of UTC in France in summer, one in winter, seven in Vietnam", () => {
    expect(instantOf({ date: "2025-06-21", minutes: 900 }, PARIS).toISOString()).toBe("2025-06-21T13:00:00.000Z");
    expect(instantOf({ date: "2025-12-21", minutes: 900 }, PARIS).toISOString()).toBe("2025-12-21T14:00:00.000Z");
    expect(instantOf({ date: "2025-06-21", minutes: 0 }, zoneOf("VN")).toISOString()).toBe("2025-06-20T17:00:00.000Z");
  });

  test("show the time that an instant was made from", () => {
    for (const date of ["2025-01-01", "2025-03-30", "2025-07-14", "2025-10-26", "2025-12-31"]) {
      for (const minutes of [0, 59, 240, 720, 1439]) {
        expect(localOf(instantOf({ date, minutes }, PARIS), PARIS)).toEqual({ date, minutes });
      }
    }
  });

  test("of a country that is not known show UTC", () => {
    expect(zoneOf("xx")).toBe("UTC");
  });
});

test("days of a year are counted from one", () => {
  expect(dayOfYear("2025-01-01")).toBe(1);
  expect([daysOf(2024), daysOf(2025)]).toEqual([366, 365]);
  for (const day of [1, 60, 172, 366]) expect(dayOfYear(dateOf(2024, day))).toBe(day);
});

describe("sun", () => {
  test("rises and sets in Nantes when the almanac says, to two minutes", () => {
    // Sunrise and sunset equation of NOAA (gml.noaa.gov/grad/solcalc) for 47.22° N, 1.55° W, 21 June 2025: 6:10 and 22:06 CEST.
    const { sunrise, sunset } = sunDay("2025-06-21", PARIS, NANTES);
    expect(Math.abs(sunrise! - (6 * 60 + 10))).toBeLessThanOrEqual(2);
    expect(Math.abs(sunset! - (22 * 60 + 6))).toBeLessThanOrEqual(2);
  });

  test("stands almost overhead in Hanoi at noon of midsummer", () => {
    // Declination 23.44°, latitude 21.03°: 90 − (23.44 − 21.03) = 87.6°, in the north.
    const { altitudes } = sunDay("2025-06-21", zoneOf("vn"), HANOI);
    expect(Math.max(...altitudes)).toBeGreaterThan(86.5);
  });

  test("is in the west in the afternoon", () => {
    const { azimuth_deg } = sunAt({ date: "2025-06-21", minutes: 18 * 60 }, PARIS, NANTES);
    expect(azimuth_deg).toBeGreaterThan(230);
    expect(azimuth_deg).toBeLessThan(290);
  });

  test("does not set at midsummer far in the north", () => {
    const day = sunDay("2025-06-21", "UTC", [20, 75]);
    expect(day).toMatchObject({ sunrise: null, sunset: null, alwaysUp: true });
  });

  test("lights a city first on a summer afternoon", () => {
    for (const [zone, place] of [
      [PARIS, NANTES],
      [zoneOf("vn"), HANOI],
    ] as const) {
      const time = fairTime(2025, zone, place);
      expect(time.date).toBe("2025-06-21");
      const { altitude_deg } = sunAt(time, zone, place);
      expect(altitude_deg).toBeGreaterThan(36);
      expect(altitude_deg).toBeLessThan(46);
    }
  });
});
