import { describe, expect, test } from "vitest";
import { negated, turned } from "../api/scenarios";
import { valueAt, type NumberColumn, type TextColumn } from "../api/types";
import { differenceScale, stepOf } from "./difference";
import { contrast, rgb } from "./palettes";

const OPTIONS = { method: "rounded", factor: 1, dark: false, only: new Set<number>() } as const;

/** Numbers as the server sends them: 16 bits between the lowest and the highest. */
function coded(values: readonly (number | null)[], kind: "float" | "integer" = "float"): NumberColumn {
  const known = values.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const step = kind === "integer" ? 1 : (high - low) / 65_534 || 1;
  const codes = Uint16Array.from(values, (value) => (value === null ? 0 : Math.round((value - low) / step) + 1));
  return { type: "number", kind, unit: "m", codes, minimum: low, step };
}

const flags = (values: readonly boolean[]): TextColumn => ({
  type: "text",
  kind: "boolean",
  unit: "",
  codes: Uint8Array.from(values, (value) => (value ? 2 : 1)),
  categories: ["false", "true"],
});

describe("a difference of numbers", () => {
  const shown = differenceScale(
    { values: coded([-300, -12, 0, 0, 45, 120, null, null]), only: flags([...Array<boolean>(7).fill(false), true]), absent: 3 }, // prettier-ignore
    OPTIONS,
  );

  test("has the same steps below zero as above it", () => {
    const ranges = shown.entries.filter((entry) => entry.type === "range");
    const [less, more] = [ranges.slice(0, 3), ranges.slice(3)];
    expect(less.map(({ from, to }) => [0 - to, 0 - from])).toEqual(more.map(({ from, to }) => [from, to]).reverse());
    expect(ranges.map(({ count }) => count)).toEqual([1, 0, 1, 1, 1, 0]);
  });

  test("tells nothing, missing, and objects of one city only apart", () => {
    expect(shown.entries.find(({ type }) => type === "same")?.count).toBe(2);
    expect(shown.entries.find(({ type }) => type === "only")?.count).toBe(1);
    expect(shown).toMatchObject({ missing: 1, absent: 3 });
  });

  test("less and more can be told apart by readers of any colour vision", () => {
    const ranges = shown.entries.filter((entry) => entry.type === "range");
    for (const { colour } of ranges) expect(contrast(colour, rgb("#f4f2ec"))).toBeGreaterThan(1.4);
    // Red-green blindness keeps blue from yellow: less is yellowish throughout, more is bluish.
    for (const { from, colour } of ranges) expect(Math.sign(colour[2] - colour[0])).toBe(from < 0 ? -1 : 1);
  });
});

test("one odd value does not take the colours from all others", () => {
  const values = Array.from({ length: 1000 }, (_, i) => (i === 0 ? 1e6 : (i % 30) - 15));
  const { entries } = differenceScale({ values: coded(values, "integer"), only: null, absent: 0 }, OPTIONS);
  expect(entries.flatMap((entry) => (entry.type === "range" ? [[entry.from, entry.to]] : []))).toEqual([
    [-15, -11],
    [-10, -6],
    [-5, -1],
    [1, 5],
    [6, 10],
    [11, 15],
  ]);
});

test("whole numbers differ by whole steps", () => {
  expect(stepOf([1, 1, 2], true)).toBe(1);
  expect(stepOf([0.1, 0.2], false)).toBeCloseTo(0.1);
});

test("where nothing differs there is one line that says so", () => {
  const { entries, missing } = differenceScale({ values: coded([0, 0, null]), only: null, absent: 0 }, OPTIONS);
  expect(entries.map(({ type, count }) => [type, count])).toEqual([["same", 2]]);
  expect(missing).toBe(1);
});

test("codes never make a difference of what is the same", () => {
  // 1/3 steps: zero lies between two codes.
  const values: NumberColumn = { ...coded([-1, 1]), minimum: -1, step: 2 / 3, codes: Uint16Array.of(2, 3) };
  const { entries } = differenceScale({ values, only: null, absent: 0 }, OPTIONS);
  expect(entries.map(({ type }) => type)).toEqual(["same"]);
});

test("names that changed stand in the legend, the most frequent first", () => {
  const values: TextColumn = {
    type: "text",
    kind: "string",
    unit: "",
    codes: Uint8Array.of(0, 1, 2, 2, 0),
    categories: ["office → hotel", "residential → office"],
  };
  const { entries, missing } = differenceScale({ values, only: null, absent: 0 }, OPTIONS);
  expect(entries.map((entry) => (entry.type === "category" ? entry.value : entry.type))).toEqual([
    "same",
    "residential → office",
    "office → hotel",
  ]);
  expect(missing).toBe(0);
});

test("yes and no differ in words, not in numbers", () => {
  const { entries } = differenceScale({ values: coded([-1, 0, 0, 1], "integer"), only: null, absent: 0 }, OPTIONS, "boolean"); // prettier-ignore
  expect(entries.map((entry) => [entry.type === "category" ? entry.value : entry.type, entry.count])).toEqual([
    ["same", 2],
    ["true → false", 1],
    ["false → true", 1],
  ]);
});

test("the other way round, numbers change their sign and names their places", () => {
  const column = coded([-2, null, 5]);
  expect([0, 1, 2].map((row) => valueAt(negated(column), row))).toEqual([2, null, expect.closeTo(-5)]);
  expect(turned({ type: "text", kind: "string", unit: "", codes: Uint8Array.of(1), categories: ["a → b"] }).categories).toEqual(["b → a"]); // prettier-ignore
});
