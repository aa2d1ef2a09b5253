import { expect, test } from "vitest";
import { readBundle } from "./bundle";
import { bundleOf } from "./bundle.fixture";

test("differences are summed, and wrap as their type does", () => {
  const bundle = readBundle(
    bundleOf({
      a: { values: Uint16Array.of(65530, 10, 65535), delta: true },
      b: { values: Uint8Array.of(250, 10, 255), delta: true },
      c: { values: Uint32Array.of(4294967290, 10), delta: true },
      d: { values: Uint32Array.of(7, 8) },
    }),
  );
  expect([...bundle.arrays.a]).toEqual([65530, 4, 3]);
  expect([...bundle.arrays.b]).toEqual([250, 4, 3]);
  expect([...bundle.arrays.c]).toEqual([4294967290, 4]);
  expect([...bundle.arrays.d]).toEqual([7, 8]);
});

test("the frame and what else stands in the JSON are given", () => {
  const frame = { x0: -512, y0: 1, z0: -1.5, step: 0.02, z_step: 0.05 };
  const bundle = readBundle(bundleOf({}, { frame, width: 12 }));
  expect(bundle.frame).toEqual(frame);
  expect(bundle.head.width).toBe(12);
});

test("bytes that are no bundle, or not all of one, are refused", () => {
  expect(() => readBundle(new ArrayBuffer(4))).toThrow("not a bundle");
  expect(() => readBundle(new TextEncoder().encode("<!doctype html>").buffer as ArrayBuffer)).toThrow("not a bundle");
  const whole = bundleOf({ a: { values: new Uint32Array(100) } });
  expect(() => readBundle(whole.slice(0, 4200))).toThrow("array a is cut short");
  expect(() => readBundle(whole.slice(0, 20))).toThrow("bundle is cut short");
});
