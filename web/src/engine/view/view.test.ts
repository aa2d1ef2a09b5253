import { expect, test } from "vitest";
import type { Camera, Point } from "../contract";
import { readBundle } from "../decode/bundle";
import { bundleOf } from "../decode/bundle.fixture";
import { prismTile } from "../decode/prisms";
import { between, cameraFrom, eyeOf, FIELD_OF_VIEW_DEG, headingOf, homeOf, upOf, withinReason } from "./camera";
import { Ground } from "./ground";
import { hitPrisms, isInside } from "./prism";
import { enterBox, hitTriangle, nearSegment, type Ray } from "./ray";

const NORTHWARD: Camera = { target: [10, 20, 5], distance: 100, heading: 0, tilt: 45 };
const close = (a: ArrayLike<number>, b: ArrayLike<number>, digits = 6) =>
  Array.from(a).forEach((value, k) => expect(value).toBeCloseTo(b[k], digits));

test("a camera heading north stands south of what it looks at", () => {
  close(eyeOf(NORTHWARD), [10, 20 - 100 * Math.SQRT1_2, 5 + 100 * Math.SQRT1_2]);
  close(eyeOf({ ...NORTHWARD, heading: 90, tilt: 90 }), [-90, 20, 5]);
  close(eyeOf({ ...NORTHWARD, tilt: 0 }), [10, 20, 105]);
});

test("a camera is found again from its eye and its target", () => {
  for (const heading of [0, 33, 180, 271])
    for (const tilt of [1, 45, 85]) {
      const camera = { ...NORTHWARD, heading, tilt };
      const found = cameraFrom(eyeOf(camera), camera.target);
      expect(found.heading).toBeCloseTo(heading, 6);
      expect(found.tilt).toBeCloseTo(tilt, 6);
      expect(found.distance).toBeCloseTo(100, 6);
    }
});

test("up is square to the view, and points along the heading when looking straight down", () => {
  for (const tilt of [0, 30, 80]) {
    const camera = { ...NORTHWARD, heading: 40, tilt };
    const eye = eyeOf(camera);
    const look = camera.target.map((value, k) => value - eye[k]);
    expect(upOf(camera).reduce((sum, value, k) => sum + value * look[k], 0)).toBeCloseTo(0, 9);
  }
  close(upOf({ ...NORTHWARD, heading: 90, tilt: 0 }), [1, 0, 0]);
});

test("headings run from 0 to 360, and turning takes the short way", () => {
  expect(headingOf(-10)).toBe(350);
  expect(headingOf(725)).toBe(5);
  const half = between({ ...NORTHWARD, heading: 350 }, { ...NORTHWARD, heading: 20 }, 0.5);
  expect(half.heading).toBeCloseTo(5, 9);
});

test("the way between two views begins at the one and ends at the other", () => {
  const to: Camera = { target: [0, 0, 0], distance: 400, heading: 90, tilt: 10 };
  expect(between(NORTHWARD, to, 0)).toEqual(NORTHWARD);
  expect(between(NORTHWARD, to, 1).distance).toBeCloseTo(400, 9);
  expect(between(NORTHWARD, to, 0.5).distance).toBeCloseTo(200, 9); // by its logarithm
});

test("views are kept near the city, above the ground and off the poles", () => {
  const box: [number, number, number, number, number, number] = [0, 0, 0, 1000, 1000, 50];
  const kept = withinReason({ target: [9e6, -9e6, 0], distance: 1e9, heading: 400, tilt: 120 }, box);
  expect(kept.target[0]).toBeLessThan(1200);
  expect(kept.target[1]).toBeGreaterThan(-200);
  expect(kept.distance).toBeLessThan(6000);
  expect(kept.heading).toBe(40);
  expect(kept.tilt).toBe(86);
});

test("the home view has every corner of the city in the picture, and little else", () => {
  for (const [width, depth, aspect] of [
    [2600, 2200, 1.78],
    [2600, 2200, 0.46],
    [40000, 3000, 1.6],
  ]) {
    const box: [number, number, number, number, number, number] = [-width / 2, -depth / 2, 0, width / 2, depth / 2, 60];
    const camera = homeOf(box, aspect, 10);
    const eye = eyeOf(camera);
    const up = upOf(camera);
    const look = camera.target.map((value, k) => (value - eye[k]) / camera.distance);
    const right = [
      look[1] * up[2] - look[2] * up[1],
      look[2] * up[0] - look[0] * up[2],
      look[0] * up[1] - look[1] * up[0],
    ];
    const half = Math.tan(((FIELD_OF_VIEW_DEG / 2) * Math.PI) / 180);
    let widest = 0;
    for (const x of [box[0], box[3]])
      for (const y of [box[1], box[4]]) {
        const from = [x, y, 10].map((value, k) => value - eye[k]);
        const on = (axis: number[]) => from.reduce((sum, value, k) => sum + value * axis[k], 0);
        const [u, v] = [on(right) / on(look) / half / aspect, on(up) / on(look) / half];
        expect(Math.abs(u)).toBeLessThan(1.05);
        expect(Math.abs(v)).toBeLessThan(1.05);
        widest = Math.max(widest, Math.abs(u), Math.abs(v));
      }
    expect(widest).toBeGreaterThan(0.85);
  }
});

test("a ray enters a box at its near side, from inside at once, and misses beside it", () => {
  const ray: Ray = { origin: [-5, 0.5, 0.5], direction: [1, 0, 0] };
  expect(enterBox(ray, [0, 0, 0], [1, 1, 1])).toBe(5);
  expect(enterBox({ ...ray, origin: [0.5, 0.5, 0.5] }, [0, 0, 0], [1, 1, 1])).toBe(0);
  expect(enterBox(ray, [0, 2, 0], [1, 3, 1])).toBe(Infinity);
  expect(enterBox({ ...ray, direction: [-1, 0, 0] }, [0, 0, 0], [1, 1, 1])).toBe(Infinity);
});

test("a ray hits a triangle from either side, and not beside it", () => {
  const p = [0, 0, 0, 4, 0, 0, 0, 4, 0];
  const down: Ray = { origin: [1, 1, 7], direction: [0, 0, -1] };
  expect(hitTriangle(down, p, 0, 3, 6)).toBeCloseTo(7, 12);
  expect(hitTriangle({ origin: [1, 1, -2], direction: [0, 0, 1] }, p, 0, 3, 6)).toBeCloseTo(2, 12);
  expect(hitTriangle({ ...down, origin: [3, 3, 7] }, p, 0, 3, 6)).toBe(Infinity);
});

test("the nearest that a ray comes to a segment", () => {
  const ray: Ray = { origin: [0, 0, 10], direction: [0, 0, -1] };
  const near = nearSegment(ray, [3, -5, 2], [3, 5, 2]);
  expect(near.at).toBeCloseTo(8, 9);
  expect(near.away).toBeCloseTo(3, 9);
  close(near.point, [3, 0, 2]);
  expect(nearSegment(ray, [3, 4, 0], [3, 9, 0]).away).toBeCloseTo(5, 9); // beyond its end
});

/** A house of 20 × 20 m with a court of 10 × 10 m, 10 m high, and a lower one to the east. */
const tile = prismTile(
  readBundle(
    bundleOf(
      {
        row: { values: Uint32Array.of(7, 3) },
        base: { values: Uint16Array.of(0, 0) },
        top: { values: Uint16Array.of(100, 40) },
        rings: { values: Uint16Array.of(2, 1) },
        size: { values: Uint16Array.of(4, 4, 4) },
        x: { values: Uint16Array.of(0, 40, 40, 0, 10, 10, 30, 30, 60, 80, 80, 60) },
        y: { values: Uint16Array.of(0, 0, 40, 40, 10, 30, 30, 10, 0, 0, 40, 40) },
        triangle_count: { values: Uint16Array.of(0, 0) },
        triangles: { values: Uint16Array.of() },
      },
      { frame: { x0: 0, y0: 0, z0: 5, step: 0.5, z_step: 0.1 } },
    ),
  ),
);
const hit = (origin: Point, direction: Point) => hitPrisms({ origin, direction }, tile.frame, tile.outlines, Infinity);

test("a ray from above hits a roof, and passes through a court", () => {
  expect(hit([2, 2, 100], [0, 0, -1])).toEqual({ distance: 85, prism: 0 });
  expect(hit([10, 10, 100], [0, 0, -1])).toBeNull();
  expect(hit([35, 10, 100], [0, 0, -1])).toEqual({ distance: 91, prism: 1 });
});

test("a ray from the side hits the first wall, and passes over a lower house", () => {
  expect(hit([-10, 10, 8], [1, 0, 0])).toEqual({ distance: 10, prism: 0 });
  expect(hit([60, 10, 8], [-1, 0, 0])).toEqual({ distance: 20, prism: 1 });
  expect(hit([60, 10, 12], [-1, 0, 0])).toEqual({ distance: 40, prism: 0 });
  expect(hit([10, 10, 8], [1, 0, 0])).toEqual({ distance: 5, prism: 0 }); // the wall of the court
});

test("a place in a court lies outside the prism", () => {
  expect(isInside(tile.outlines, 0, 5, 5)).toBe(true);
  expect(isInside(tile.outlines, 0, 20, 20)).toBe(false);
  expect(isInside(tile.outlines, 0, 50, 20)).toBe(false);
});

/** A plane that rises 1 m in 10 m to the east, of 32 × 32 squares of 10 m. */
function slope(): Ground {
  const n = 33;
  const positions = new Float32Array(n * n * 3);
  const triangles: number[] = [];
  for (let j = 0; j < n; j++)
    for (let i = 0; i < n; i++) {
      positions.set([i * 10, j * 10, i], (j * n + i) * 3);
      if (i < n - 1 && j < n - 1) {
        const a = j * n + i;
        triangles.push(a, a + 1, a + n, a + 1, a + n + 1, a + n);
      }
    }
  return new Ground(positions, Uint32Array.from(triangles));
}

test("the ground is as high as its mesh, and unknown beside it", () => {
  const ground = slope();
  for (const [x, y] of [
    [0, 0],
    [123.4, 56.7],
    [320, 320],
  ])
    expect(ground.heightAt(x, y)).toBeCloseTo(x / 10, 5);
  expect(ground.heightAt(-1, 5)).toBeNull();
});

test("a ray meets the ground where it should, from any side", () => {
  const ground = slope();
  for (const [dx, dy, dz] of [
    [0, 0, -1],
    [1, 0.3, -0.2],
    [-1, 0.5, -0.4],
    [0, 1, -0.3],
    [0.2, -1, -0.15],
  ]) {
    const length = Math.hypot(dx, dy, dz);
    const direction: Point = [dx / length, dy / length, dz / length];
    const at: Point = [150, 160, 15];
    const origin = at.map((value, k) => value - 70 * direction[k]) as Point;
    expect(ground.hit({ origin, direction })).toBeCloseTo(70, 3);
  }
  expect(ground.hit({ origin: [0, 0, 100], direction: [0, 0, 1] })).toBe(Infinity);
});

test("a level ground of two triangles is hit like any other", () => {
  const ground = new Ground(
    Float32Array.from([0, 0, 7, 100, 0, 7, 0, 60, 7, 100, 60, 7]),
    Uint32Array.from([0, 1, 3, 0, 3, 2]),
  );
  for (const [x, y] of [
    [1, 1],
    [99, 2],
    [50, 30],
    [3, 59],
  ]) {
    expect(ground.heightAt(x, y)).toBeCloseTo(7, 6);
    const down: Ray = { origin: [x - 3, y, 11], direction: [0.6, 0, -0.8] };
    expect(ground.hit(down)).toBeCloseTo(5, 6);
  }
  expect(ground.hit({ origin: [-50, 30, 11], direction: [0.6, 0, -0.8] })).toBe(Infinity);
});

test("the home view keeps off what is high", () => {
  const house = homeOf([0, 0, 0, 20, 12, 9], 1.6, 0);
  const tower = homeOf([0, 0, 0, 20, 12, 200], 1.6, 0);
  expect(house.distance).toBe(100);
  expect(tower.distance).toBe(500);
});
