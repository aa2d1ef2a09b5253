import { describe, expect, test } from "vitest";
import type { ColumnFacts, NumberColumn, TextColumn } from "../api/types";
import { categoryScale, numberScale, type ScaleOptions } from "./scale";
import { confidenceScale, statusScale } from "./trust";

const FACTS: ColumnFacts = {
  kind: "float",
  unit: "m",
  description: "",
  missing: 0,
  minimum: 0,
  maximum: 70,
  quantiles: [0, 35, 70],
  earliest: null,
  latest: null,
  distinct: null,
  categories: [],
  methods: [],
  statuses: {},
  confidence: null,
};
const OPTIONS: ScaleOptions = { method: "steps", factor: 1, dark: false, only: new Set() };

const numbers = (codes: number[], minimum = 0, step = 1): NumberColumn => ({
  type: "number",
  kind: "float",
  unit: "m",
  codes: Uint16Array.from(codes),
  minimum,
  step,
});
const texts = (categories: string[], codes: number[], kind: TextColumn["kind"] = "category"): TextColumn => ({
  type: "text",
  kind,
  unit: "",
  codes: Uint8Array.from(codes),
  categories,
});

describe("numbers", () => {
  test("become classes, and missing values stay missing", () => {
    const { paint, entries, missing } = numberScale(numbers([0, 1, 10, 11, 71]), FACTS, OPTIONS);
    expect([...paint.codes]).toEqual([0, 1, 1, 2, 7]);
    expect(missing).toBe(1);
    expect(entries.map(({ count }) => count)).toEqual([2, 1, 0, 0, 0, 0, 1]);
  });

  test("of a few different values are told apart one by one", () => {
    const { entries, paint } = numberScale(numbers([31, 0, 51, 31]), FACTS, { ...OPTIONS, method: "rounded" });
    expect(entries.map((entry) => entry.type === "range" && [entry.from, entry.to, entry.count])).toEqual([
      [30, 30, 2],
      [50, 50, 1],
    ]);
    expect([...paint.codes]).toEqual([1, 0, 2, 1]);
  });

  test("are painted in the colours of the legend", () => {
    const { paint, entries } = numberScale(numbers([1, 71]), FACTS, OPTIONS);
    expect(paint.scale).toEqual({ type: "category" });
    entries.forEach(({ colour }, i) => expect([...paint.colours.slice(4 * i, 4 * i + 3)]).toEqual([...colour]));
  });

  test("have borders that are round in the unit shown", () => {
    const facts = { ...FACTS, unit: "m s⁻¹", maximum: 100 / 3.6, quantiles: [0, 50 / 3.6, 100 / 3.6] };
    const tens = Array.from({ length: 11 }, (_, step) => 10 * step + 1);
    const { entries } = numberScale(numbers(tens, 0, 1 / 3.6), facts, {
      ...OPTIONS,
      method: "rounded",
      factor: 3.6,
    });
    expect(entries.slice(1).every((entry) => entry.type === "range" && entry.from % 5 === 0)).toBe(true);
  });

  test("reach a border that binary fractions would miss", () => {
    const facts = { ...FACTS, maximum: 0.7, quantiles: [0, 0.35, 0.7] };
    const { paint } = numberScale(numbers([4], 0, 0.1), facts, OPTIONS); // 3 · 0.1 is not 0.3 in binary
    expect([...paint.codes]).toEqual([4]);
  });

  test("all appear in the histogram", () => {
    const { histogram } = numberScale(numbers([1, 10, 11, 71, 71]), FACTS, OPTIONS);
    expect(histogram?.counts.reduce((sum, count) => sum + count, 0)).toBe(5);
  });

  test("that are whole fill whole steps of the histogram", () => {
    const facts: ColumnFacts = { ...FACTS, kind: "integer", maximum: 9, quantiles: [0, 5, 9] };
    const { histogram } = numberScale(numbers([1, 2, 10]), facts, OPTIONS);
    expect(histogram).toMatchObject({ from: 0, to: 10 });
    expect([...histogram!.counts]).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
  });
});

describe("categories", () => {
  test("keep the colour of their meaning whatever else is present", () => {
    const one = categoryScale(texts(["residential", "office"], [2]), "buildings", "function", OPTIONS);
    const both = categoryScale(texts(["residential", "office"], [1, 2]), "buildings", "function", OPTIONS);
    expect(one.entries[0].colour).toEqual(both.entries[1].colour);
  });

  test("that nobody has are not in the legend", () => {
    const { entries, paint } = categoryScale(texts(["a", "b", "c"], [3, 3, 0]), "x", "y", OPTIONS);
    expect(entries).toHaveLength(1);
    expect([...paint.codes]).toEqual([1, 1, 0]);
  });

  test("beyond the colours at hand share one", () => {
    const many = Array.from({ length: 40 }, (_, i) => `kind ${i}`);
    const { entries, paint } = categoryScale(
      texts(
        many,
        many.map((_, i) => i + 1),
        "string",
      ),
      "x",
      "y",
      OPTIONS,
    );
    const rest = entries[entries.length - 1];
    expect(rest.type).toBe("rest");
    expect(entries.reduce((sum, { count }) => sum + count, 0)).toBe(40);
    expect(paint.codes.every((code) => code >= 1 && code <= entries.length)).toBe(true);
  });

  test("shown alone leave the others grey", () => {
    const { paint } = categoryScale(texts(["a", "b"], [1, 2]), "x", "y", { ...OPTIONS, only: new Set([1]) });
    const [red, green, blue] = paint.colours;
    expect(red === green && green === blue).toBe(true);
  });
});

describe("how sure", () => {
  test("methods are gathered by status", () => {
    const facts: ColumnFacts = {
      ...FACTS,
      methods: [
        { method: "measured", status: "measured", count: 2, share: 0.5 },
        { method: "storeys_place", status: "estimated", count: 1, share: 0.25 },
        { method: "storeys_city", status: "modelled", count: 1, share: 0.25 },
      ],
    };
    const method = texts(["measured", "storeys_city", "storeys_place"], [1, 1, 2, 3, 0]);
    const { entries, missing } = statusScale(method, facts, OPTIONS);
    expect(entries.map((entry) => entry.type === "category" && [entry.value, entry.count])).toEqual([
      ["measured", 2],
      ["modelled", 1],
      ["estimated", 1],
    ]);
    expect(missing).toBe(1);
  });

  test("confidence comes in five steps, a border counting to the step above", () => {
    const { paint } = confidenceScale(numbers([1, 31, 51, 71, 91, 101], 0, 0.01), OPTIONS);
    expect([...paint.codes]).toEqual([1, 2, 3, 4, 5, 5]);
  });
});

describe("two cities side by side share a scale", () => {
  const [left, right] = [texts(["bus", "tram"], [1, 1, 2], "string"), texts(["tram", "ferry"], [1, 1, 2, 0], "string")];
  const colours = (one: TextColumn, beside: TextColumn): Record<string, readonly number[]> =>
    Object.fromEntries(
      categoryScale(one, "t", "c", { ...OPTIONS, beside }).entries.map((entry) => [
        entry.type === "category" ? entry.value : "",
        entry.colour,
      ]),
    );

  test("a value has one colour in both, and stands in both legends", () => {
    expect(colours(left, right)).toEqual(colours(right, left));
    expect(Object.keys(colours(left, right)).sort()).toEqual(["bus", "ferry", "tram"]);
  });

  test("a missing value stays missing where the other city has values that this one lacks", () => {
    expect(categoryScale(right, "t", "c", { ...OPTIONS, beside: left }).paint.codes[3]).toBe(0);
  });

  test("few numbers are told apart one by one only where both have few", () => {
    const few = (beside: NumberColumn): number =>
      numberScale(numbers([31, 51]), FACTS, { ...OPTIONS, method: "rounded", beside }).entries.length;
    expect(few(numbers([41, 51]))).toBe(3);
    expect(few(numbers(Array.from({ length: 40 }, (_, i) => i + 1)))).not.toBe(2);
  });
});
