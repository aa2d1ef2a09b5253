/** The camera as people think of it — a place looked at, how far, from where — and the mathematics of it. Pure. */

import type { Box, Camera, Point } from "../contract";

const RADIANS = Math.PI / 180;
/** Vertical field of view [°]: about that of a 50 mm lens, which shows buildings without distortion. */
export const FIELD_OF_VIEW_DEG = 32;
export const LARGEST_TILT_DEG = 86;
export const SMALLEST_DISTANCE_M = 25;
/** Share of the picture that the city takes in its home view. */
const HOME_FILLS = 0.97;
/** The home view is no nearer than this [m]. */
const NEAREST_HOME_M = 100;
/** And no nearer than this many times the height of what is highest. */
const HEIGHTS_AWAY = 2.5;

export function eyeOf({ target, distance, heading, tilt }: Camera): Point {
  const flat = distance * Math.sin(tilt * RADIANS);
  const h = heading * RADIANS;
  return [
    target[0] - flat * Math.sin(h),
    target[1] - flat * Math.cos(h),
    target[2] + distance * Math.cos(tilt * RADIANS),
  ];
}

/** The camera that stands at `eye` and looks at `target`. */
export function cameraFrom(eye: Point, target: Point): Camera {
  const [x, y, z] = [target[0] - eye[0], target[1] - eye[1], eye[2] - target[2]];
  const distance = Math.hypot(x, y, z);
  return { target, distance, heading: headingOf(Math.atan2(x, y) / RADIANS), tilt: Math.acos(z / distance) / RADIANS };
}

/** From 0 to 360. */
export function headingOf(angle_deg: number): number {
  return ((angle_deg % 360) + 360) % 360;
}

/** Upward direction of the picture in space: defined for views straight down as well. */
export function upOf({ heading, tilt }: Camera): Point {
  const h = heading * RADIANS;
  const t = tilt * RADIANS;
  return [Math.sin(h) * Math.cos(t), Math.cos(h) * Math.cos(t), Math.sin(t)];
}

/** Kept to angles and distances that make sense, and near the city. */
export function withinReason(camera: Camera, box: Box): Camera {
  const size = Math.hypot(box[3] - box[0], box[4] - box[1]);
  const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
  return {
    target: [
      clamp(camera.target[0], box[0] - size * 0.1, box[3] + size * 0.1),
      clamp(camera.target[1], box[1] - size * 0.1, box[4] + size * 0.1),
      camera.target[2],
    ],
    distance: clamp(camera.distance, SMALLEST_DISTANCE_M, Math.max(size * 4, 400)),
    heading: headingOf(camera.heading),
    tilt: clamp(camera.tilt, 0, LARGEST_TILT_DEG),
  };
}

/** The whole city, seen from the south-south-west as from a tall hill: as near as its corners allow. */
export function homeOf(box: Box, aspect: number, ground: number): Camera {
  const camera: Camera = {
    target: [(box[0] + box[3]) / 2, (box[1] + box[4]) / 2, ground],
    distance: 1,
    heading: 18,
    tilt: 55,
  };
  const eye = eyeOf(camera);
  const look = camera.target.map((value, k) => value - eye[k]);
  const up = upOf(camera);
  const right = [
    look[1] * up[2] - look[2] * up[1],
    look[2] * up[0] - look[0] * up[2],
    look[0] * up[1] - look[1] * up[0],
  ];
  const half = Math.tan((FIELD_OF_VIEW_DEG / 2) * RADIANS) * HOME_FILLS;
  const corners = [0, 3].flatMap((i) =>
    [1, 4].map((j) => [box[i], box[j], ground].map((v, k) => v - camera.target[k])),
  );
  const along = (corner: number[], axis: number[]): number =>
    corner.reduce((sum, value, k) => sum + value * axis[k], 0);
  const nearest = Math.max(NEAREST_HOME_M, HEIGHTS_AWAY * (box[5] - ground));
  let distance = nearest;
  // The view is moved up or down along the ground until the nearest and the farthest corner have as much room.
  for (let turn = 0; turn < 4; turn++) {
    distance = nearest;
    let [low, high] = [Infinity, -Infinity];
    for (const corner of corners) {
      const [x, y, z] = [along(corner, right), along(corner, up), along(corner, look)];
      distance = Math.max(distance, Math.abs(x) / (half * aspect) - z, Math.abs(y) / half - z);
    }
    for (const corner of corners) {
      const height = along(corner, up) / (distance + along(corner, look));
      low = Math.min(low, height);
      high = Math.max(high, height);
    }
    const shift = ((low + high) / 2) * distance * 0.8;
    const flat = Math.hypot(up[0], up[1]) || 1;
    const step = [(up[0] / flat) * shift, (up[1] / flat) * shift, 0].map((value) => value / Math.max(0.3, flat));
    for (const corner of corners) corner.forEach((_, k) => (corner[k] -= step[k]));
    camera.target = camera.target.map((value, k) => value + step[k]) as Point;
  }
  return { ...camera, distance };
}

/** A view on the way from one to another: the target in a straight line, the distance by its logarithm. */
export function between(a: Camera, b: Camera, share: number): Camera {
  const turn = headingOf(b.heading - a.heading + 180) - 180;
  return {
    target: [0, 1, 2].map((k) => a.target[k] + (b.target[k] - a.target[k]) * share) as Point,
    distance: a.distance * (b.distance / a.distance) ** share,
    heading: headingOf(a.heading + turn * share),
    tilt: a.tilt + (b.tilt - a.tilt) * share,
  };
}
