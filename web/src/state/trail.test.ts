import { expect, test } from "vitest";
import type { Camera } from "../engine/contract";
import { isNear, Trail } from "./trail";

const at = (x: number, heading = 0): Camera => ({ target: [x, 0, 0], distance: 100, heading, tilt: 45 });

test("the way back leads through the views in turn, and forward again", () => {
  const trail = new Trail();
  for (const x of [0, 50, 90]) trail.visit(at(x));
  expect(trail.back()).toEqual(at(50));
  expect(trail.back()).toEqual(at(0));
  expect(trail.back()).toBeNull();
  expect(trail.forward()).toEqual(at(50));
  expect(trail.canGoForward).toBe(true);
});

test("a new view cuts off those that lay ahead", () => {
  const trail = new Trail();
  for (const x of [0, 50]) trail.visit(at(x));
  trail.back();
  trail.visit(at(-40));
  expect(trail.canGoForward).toBe(false);
  expect(trail.back()).toEqual(at(0));
});

test("coming to rest where one already is adds nothing", () => {
  const trail = new Trail();
  trail.visit(at(0));
  trail.visit(at(1));
  expect(trail.canGoBack).toBe(false);
});

test("headings on both sides of north are near", () => {
  expect(isNear(at(0, 359.8), at(0, 0.2))).toBe(true);
  expect(isNear(at(0, 350), at(0, 10))).toBe(false);
});
