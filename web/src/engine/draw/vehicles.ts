/**
 * Vehicles on the links: as many as the traffic has, as fast as it is, each where it would be at that moment.
 *
 * On a link, vehicles of a kind follow each other at the distance that their number and speed leave them, shifted a little
 * by chance. Every piece of a street draws those that are on it, so that none has to be moved by the page.
 */

import * as THREE from "three";
import { FIRST, LAST, ROW_BITS } from "../decode/strips";
import { disposeOf, FLOW_GLSL, type FlowValues } from "./flows";
import { LIFT_GLSL, material, type Shared, TEXEL_GLSL } from "./kit";
import { ORDER } from "./layer";
import { NODE_GLSL, type Strips } from "./lines";

/** Cars, motorbikes, buses, trucks: length and width [m], and least length on the screen [pixels]. */
const KINDS = [
  [4.5, 1.9, 4.2],
  [2.2, 1.1, 3],
  [12, 2.6, 7],
  [8, 2.5, 5.6],
] as const;
export const N_KINDS = KINDS.length;
/** A piece of street with fewer vehicles than this on it shows none [vehicles]. */
const LEAST = 0.004;
/** Shift by chance, as a share of the distance between two vehicles. */
const SHIFT = 0.4;
/** Vehicles drawn at most. */
const MOST = 400_000;

const VERTEX = /* glsl */ `
in vec4 slot; // segment, its start along the link [m], number on the segment, kind and direction
uniform float uTime, uPixel, uScale;
uniform vec3 uKinds[${N_KINDS}];
uniform highp sampler2D uDensity;
${TEXEL_GLSL}
${NODE_GLSL}
${LIFT_GLSL}
${FLOW_GLSL}
out vec2 vAlong; // direction of travel on the screen
flat out vec4 vColour; // and half the width over half the length
const vec3 FORM[${N_KINDS}] = vec3[${N_KINDS}](${KINDS.map((k) => `vec3(${k.map((v) => v.toFixed(1)).join(", ")})`).join(", ")});
float hash(float n) { return fract(sin(n * 12.9898) * 43758.5453); }

void main() {
  int segment = int(slot.x);
  int kind = int(slot.w) >> 1;
  bool back = (int(slot.w) & 1) != 0;
  Node a = nodeAt(segment), b = nodeAt(segment + 1);
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  gl_PointSize = 1.0;
  int other = texelFetch(uOpposite, ofRow(a.row), 0).r;
  int row = back ? other : a.row;
  if (row < 0) return;
  float density = texelFetch(uDensity, ofRow(row), 0)[kind];
  vec4 flow = texelFetch(uFlows, ofRow(row), 0);
  float speed = kind == 1 ? flow.w : flow.z;
  if (density <= 0.0 || speed <= 0.0) return;
  float apart = 1.0 / density;
  vec2 way = b.p.xy - a.p.xy;
  float size = max(length(way), 0.001);
  float gone = speed * uTime + hash(float(row) * 4.0 + float(kind)) * apart;
  // The number of a vehicle stays with it from segment to segment, and so does its shift.
  float number = floor((gone - slot.y) / apart) + 1.0 - slot.z;
  float x = gone - slot.y - number * apart + ${SHIFT.toFixed(2)} * apart * (hash(number + float(row) * 0.618) - 0.5);
  if (x < 0.0 || x >= size) return;
  float share = x / size;
  if (back) share = 1.0 - share;
  float chance = hash(number * 1.7 + float(kind));
  float aside = a.width * (other < 0 ? 0.5 * (chance - 0.5) : 0.16 + 0.16 * chance);
  vec2 right = vec2(way.y, -way.x) / size * (back ? -1.0 : 1.0);
  vec3 p = mix(a.p, b.p, share) + vec3(right * aside, 0.8);
  float metre = uPixel * distance(cameraPosition, p);
  vec4 here = projectionMatrix * viewMatrix * vec4(lifted(p, 1.0), 1.0);
  vec4 there = projectionMatrix * viewMatrix * vec4(p + vec3(way / size * (back ? -1.0 : 1.0), 0.0), 1.0);
  float aspect = projectionMatrix[1][1] / projectionMatrix[0][0];
  vec2 turn = (there.xy / there.w - here.xy / here.w) * vec2(aspect, 1.0);
  vAlong = length(turn) > 1e-6 ? normalize(turn) : vec2(1.0, 0.0);
  vColour = vec4(uKinds[kind], max(FORM[kind].y / FORM[kind].x, 0.45));
  gl_PointSize = max(FORM[kind].z, FORM[kind].x / metre) * uScale + 1.0;
  gl_Position = here;
}`;

const FRAGMENT = /* glsl */ `
in vec2 vAlong;
flat in vec4 vColour;
out vec4 colour;
void main() {
  vec2 at = (gl_PointCoord - 0.5) * vec2(2.0, -2.0);
  vec2 own = vec2(dot(at, vAlong), dot(at, vec2(-vAlong.y, vAlong.x)));
  vec2 d = abs(own) - vec2(0.9, vColour.w * 0.9);
  if (max(d.x, d.y) > 0.06) discard;
  colour = vec4(max(d.x, d.y) > -0.12 ? vec3(1.0) : vColour.rgb, 1.0);
}`;

export class Vehicles {
  readonly group = new THREE.Group();
  readonly look = {
    uTime: { value: 0 },
    uKinds: { value: Array.from({ length: N_KINDS }, () => new THREE.Vector3()) },
  };

  constructor(
    private readonly shared: Shared,
    private readonly values: FlowValues,
    private readonly lift: number,
  ) {
    this.group.matrixAutoUpdate = false;
  }

  /** Places for the vehicles of all streets, by their number in a metre of each link. */
  fill(strips: readonly Strips[], opposite: ReadonlyMap<number, number>, density: readonly Float32Array[]): void {
    disposeOf(this.group);
    this.group.clear();
    for (const one of strips) {
      const slots = slotsOf(one, opposite, density);
      if (!slots.length) continue;
      const geometry = new THREE.BufferGeometry();
      geometry.setAttribute("slot", new THREE.BufferAttribute(slots, 4));
      geometry.setDrawRange(0, slots.length / 4);
      geometry.boundingSphere = one.sphere;
      const uniforms = {
        ...one.uniforms,
        ...this.values.uniforms,
        ...this.look,
        uFirst: { value: 0 },
        uLift: { value: this.lift },
      };
      const points = new THREE.Points(
        geometry,
        material({ shared: this.shared, uniforms, vertex: VERTEX, fragment: FRAGMENT }),
      );
      points.renderOrder = ORDER.vehicles;
      points.matrixAutoUpdate = false;
      this.group.add(points);
    }
  }

  dispose(): void {
    disposeOf(this.group);
  }
}

/** Segment, its start along the link, number on the segment, kind and direction of every place for a vehicle. */
export function slotsOf(
  { points, frame, n }: Pick<Strips, "points" | "frame" | "n">,
  opposite: ReadonlyMap<number, number>,
  density: readonly Float32Array[],
): Float32Array<ArrayBuffer> {
  const place = (i: number): [number, number] => [
    (points[i * 4] & 65535) * frame.step,
    (points[i * 4] >>> 16) * frame.step,
  ];
  const way = (i: number): number => Math.hypot(place(i + 1)[0] - place(i)[0], place(i + 1)[1] - place(i)[1]);
  const slots: number[] = [];
  for (let begin = 0, end = 0; begin < n; begin = end + 1) {
    for (end = begin; end < n - 1 && !(points[end * 4 + 3] & LAST);) end++;
    if (!(points[begin * 4 + 3] & FIRST)) continue;
    const row = points[begin * 4 + 3] & ROW_BITS;
    let whole = 0;
    for (let i = begin; i < end; i++) whole += way(i);
    for (const [back, of] of [row, opposite.get(row) ?? -1].entries()) {
      if (of < 0) continue;
      let gone = 0;
      for (let i = begin; i < end && slots.length < MOST * 4; i++) {
        const size = way(i);
        density.forEach((inMetre, kind) => {
          const expected = (inMetre[of] || 0) * size;
          if (expected < LEAST) return;
          const start = back ? whole - gone - size : gone;
          for (let k = -1; k <= Math.ceil(expected); k++) slots.push(i, start, k, kind * 2 + back);
        });
        gone += size;
      }
    }
  }
  return new Float32Array(slots);
}
