import { describe, expect, test } from "vitest";
import { contrast } from "../scales/palettes";
import {
  flowOf,
  flowsOf,
  numbersOf,
  saturationClass,
  SATURATION_COLOURS,
  widestFlow,
  WIDEST_PX,
  widthOf,
  type FlowColumns,
} from "./flows";

const of = (...values: number[]): Float32Array => Float32Array.from(values);
const columns: FlowColumns = {
  n: 3,
  volume: {
    car: of(360, 0, NaN),
    motorbike: of(720, 40, NaN),
    bus: of(6, 0, NaN),
    truck: of(0, 0, NaN),
    bicycle: of(5, 90, 30),
  },
  saturation: of(0.6, 1.2, NaN),
  speed: [of(10, 10, NaN), of(5, 10, NaN)],
};

describe("flows", () => {
  test("of all motor vehicles are the sum of their kinds, without bicycles", () => {
    expect([...flowOf(columns, "all")]).toEqual([1086, 40, 0]);
    expect([...flowOf(columns, "bicycle")]).toEqual([5, 90, 30]);
  });

  test("are as wide as they are large; the least can be seen, none is nothing", () => {
    expect(widthOf(1000, 2000)).toBeCloseTo(WIDEST_PX / 2);
    expect(widthOf(2000, 2000)).toBeCloseTo(WIDEST_PX);
    expect(widthOf(1, 2000)).toBeGreaterThan(0.5);
    expect(widthOf(0, 2000)).toBe(0);
    expect(widthOf(NaN, 2000)).toBe(0);
  });

  test("have a round number for the widest of the legend, whatever a single street does", () => {
    expect(widestFlow(of(0, 30, 430))).toBe(500);
    expect(widestFlow(Float32Array.from({ length: 200 }, (_, k) => (k === 199 ? 9000 : k)))).toBe(200);
    expect(widestFlow(of(0, NaN))).toBe(1);
  });

  test("over capacity are told in classes that end where the legend says", () => {
    expect([0, 0.49, 0.5, 0.7, 0.86, 1, 2.6].map(saturationClass)).toEqual([0, 0, 1, 2, 3, 4, 4]);
  });

  test("of unknown capacity, and of bicycles, have the plain colour", () => {
    const plain = SATURATION_COLOURS.light.length;
    const wish = { ribbons: true, vehicles: false, dark: false };
    expect([...flowsOf(columns, { ...wish, of: "all" }).flows.colour]).toEqual([1, 4, plain]);
    expect([...flowsOf(columns, { ...wish, of: "bicycle" }).flows.colour]).toEqual([plain, plain, plain]);
  });

  test("give vehicles in a metre: flow over speed; none where nothing is known", () => {
    const { flows } = flowsOf(columns, { of: "all", ribbons: false, vehicles: true, dark: false });
    const [car, motorbike, bus] = flows.density!;
    expect(car[0]).toBeCloseTo(360 / 3600 / 10);
    expect(motorbike[0]).toBeCloseTo(720 / 3600 / 5);
    expect(bus[0]).toBeCloseTo(6 / 3600 / 10);
    expect([car[2], motorbike[2]]).toEqual([0, 0]);
  });

  test("next to each other in the legend differ in brightness, so that they are told apart without colour", () => {
    for (const colours of Object.values(SATURATION_COLOURS)) {
      colours.slice(1).forEach((colour, k) => expect(contrast(colour, colours[k])).toBeGreaterThan(1.25));
    }
  });

  test("are read from codes; what is missing is no number", () => {
    const column = {
      type: "number",
      kind: "float",
      unit: "",
      codes: Uint16Array.of(0, 1, 3),
      minimum: 10,
      step: 2,
    } as const;
    expect([...numbersOf(column, 3)]).toEqual([NaN, 10, 14]);
    expect([...numbersOf(null, 2)]).toEqual([NaN, NaN]);
  });
});
