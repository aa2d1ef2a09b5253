import { describe, expect, test } from "vitest";
import { breaksOf, CLASS_METHODS, classOf, isSkewed, quantileOf, roundStep, type Spread } from "./breaks";

/** Heights of the buildings of Nantes (IGN BD TOPO), every 25 %. */
const HEIGHTS: Spread = { minimum: 0.8, maximum: 107, quantiles: [0.8, 5.8, 9.2, 14.3, 107], whole: false };
const RESIDENTS: Spread = { minimum: 0, maximum: 214, quantiles: [0, 0, 1, 6, 214], whole: true };

describe("borders of classes", () => {
  test("rise from the lowest to the highest value, by every method", () => {
    for (const spread of [HEIGHTS, RESIDENTS]) {
      for (const method of CLASS_METHODS) {
        const breaks = breaksOf(spread, method, 7);
        expect(breaks[0]).toBe(spread.minimum);
        expect(breaks[breaks.length - 1]).toBe(spread.maximum);
        expect(breaks.slice(1).every((value, i) => value > breaks[i])).toBe(true);
        expect(breaks.length).toBeLessThanOrEqual(8);
      }
    }
  });

  test("are whole where the values are", () => {
    for (const method of CLASS_METHODS) expect(breaksOf(RESIDENTS, method, 7).every(Number.isInteger)).toBe(true);
  });

  test("are round where round numbers are wanted", () => {
    const percentiles = Array.from({ length: 21 }, (_, i) => i * 5);
    expect(breaksOf({ minimum: 0, maximum: 100, quantiles: percentiles, whole: false }, "rounded", 6)).toEqual([
      0, 20, 40, 60, 80, 100,
    ]);
  });

  test("leave a tail below to the first class", () => {
    // Years of completion in Nantes: a few very old, most of two centuries.
    const years: Spread = { minimum: 1400, maximum: 2017, quantiles: [1400, 1880, 1908, 1955, 2017], whole: true };
    const inner = breaksOf(years, "rounded", 7).slice(1, -1);
    expect(inner[0]).toBeGreaterThanOrEqual(1500);
    expect(inner.every((year) => year % 50 === 0)).toBe(true);
  });

  test("of one single value make one class", () => {
    expect(breaksOf({ minimum: 3, maximum: 3, quantiles: [3, 3], whole: true }, "rounded", 7)).toEqual([3, 4]);
  });

  test("equal counts follow the quantiles", () => {
    expect(breaksOf(HEIGHTS, "counts", 4).slice(1, 4)).toEqual([5.8, 9.2, 14.3]);
  });
});

test("a value on a border belongs to the class above it, the highest value to the last class", () => {
  const breaks = [0, 5, 10, 20];
  expect([0, 4.99, 5, 9.99, 10, 20, 25].map((value) => classOf(breaks, value))).toEqual([0, 0, 1, 1, 2, 2, 2]);
});

test("round steps are 1, 2, 2.5 or 5 times a power of ten", () => {
  expect([0.7, 1, 1.2, 2.2, 3, 6, 14, 0].map((size) => roundStep(size))).toEqual([1, 1, 2, 2.5, 5, 10, 20, 1]);
  expect(roundStep(0.03, true)).toBe(1);
});

test("quantiles between those told lie on a straight line", () => {
  expect(quantileOf(HEIGHTS, 0.375)).toBeCloseTo(7.5, 10);
  expect(quantileOf({ ...HEIGHTS, quantiles: [] }, 0.5)).toBeCloseTo(53.9, 10);
});

test("a long tail is told from an even spread", () => {
  expect(isSkewed(RESIDENTS)).toBe(true);
  expect(isSkewed({ minimum: 0, maximum: 10, quantiles: [0, 5, 10], whole: false })).toBe(false);
});
