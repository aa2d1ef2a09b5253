import { expect, test } from "vitest";
import type { NumberColumn } from "../api/types";
import { roundLength } from "./ruler";
import { topRows } from "./top";

const column = (codes: number[]): NumberColumn => ({
  type: "number",
  kind: "float",
  unit: "",
  codes: Uint16Array.from(codes),
  minimum: 0,
  step: 1,
});

test("the highest come first, those alike in the order of the table, the missing never", () => {
  expect(topRows(column([3, 0, 9, 3, 7, 9]), 4)).toEqual([2, 5, 4, 0]);
  expect(topRows(column([0, 0, 5]), 4)).toEqual([2]);
});

test("the lengths of a scale bar are 1, 2 and 5 times a power of ten", () => {
  expect([1.2, 2.9, 7, 99, 430, 0.3].map(roundLength)).toEqual([1, 2, 5, 50, 200, 0.2]);
});
