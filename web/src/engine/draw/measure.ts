/** A measured way or a sketch, drawn over the city: lines, ticks, and a dot at every point. */

import * as THREE from "three";
import type { Measured, Point } from "../contract";
import { material, quadGeometry, QUADS, type Shared } from "./kit";
import { ORDER } from "./layer";

export function measuredOf(points: Point[]): Measured {
  const step = (a: Point, b: Point): number => Math.hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]);
  const [first, last] = [points[0], points[points.length - 1]];
  return {
    points,
    length_m: points.slice(1).reduce((sum, point, i) => sum + step(points[i], point), 0),
    horizontal_m: points.length ? Math.hypot(last[0] - first[0], last[1] - first[1]) : 0,
    rise_m: points.length ? last[2] - first[2] : 0,
  };
}

/** A round spacing that gives some ten ticks. */
export function tickSpacing(length_m: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(length_m, 1e-3) / 10));
  return [1, 2, 5, 10].map((k) => k * power).find((spacing) => length_m / spacing <= 15)!;
}

const LINE = 0;
const TICK = 1;
const DOT = 2;

const VERTEX = /* glsl */ `
uniform vec2 uSize; // of the page [pixels]
uniform sampler2D uStrokes; // two texels each: from and kind, to
out vec2 vAt;
flat out vec3 vShape; // kind, half length, half width [pixels]
void main() {
  int stroke = gl_VertexID >> 2;
  int corner = gl_VertexID & 3;
  vec4 a = texelFetch(uStrokes, ivec2(0, stroke), 0);
  vec4 b = texelFetch(uStrokes, ivec2(1, stroke), 0);
  vec4 p = projectionMatrix * viewMatrix * vec4(a.xyz, 1.0);
  vec4 q = projectionMatrix * viewMatrix * vec4(b.xyz, 1.0);
  // What lies behind the eye is cut off in front of it.
  if (p.w < 0.5) p = mix(q, p, (q.w - 0.5) / (q.w - p.w));
  if (q.w < 0.5) q = mix(p, q, (p.w - 0.5) / (p.w - q.w));
  vec2 from = p.xy / p.w * 0.5 * uSize, to = q.xy / q.w * 0.5 * uSize;
  vec2 along = to - from;
  along = length(along) > 1e-3 ? normalize(along) : vec2(1.0, 0.0);
  vec2 across = vec2(-along.y, along.x);
  float x = corner == 1 || corner == 2 ? 1.0 : -1.0, y = corner > 1 ? 1.0 : -1.0;
  vec2 middle, half_;
  if (a.w == ${LINE}.0) { middle = 0.5 * (from + to); half_ = vec2(0.5 * distance(from, to), 1.4); }
  else if (a.w == ${TICK}.0) { middle = from; half_ = vec2(0.7, 5.0); }
  else { middle = from; half_ = vec2(4.6); }
  vec2 room = half_ + 2.0;
  vAt = vec2(x, y) * room;
  vShape = vec3(a.w, half_);
  vec2 at = middle + along * x * room.x + across * y * room.y;
  gl_Position = vec4(at / (0.5 * uSize), 0.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
uniform vec3 uAccent;
in vec2 vAt;
flat in vec3 vShape;
out vec4 colour;
void main() {
  vec2 d = abs(vAt) - vShape.yz;
  float away = vShape.x == ${DOT}.0 ? length(vAt) - vShape.y : max(d.x, d.y);
  float whole = clamp(1.7 - away, 0.0, 1.0), heart = clamp(0.5 - away, 0.0, 1.0);
  if (whole <= 0.0) discard;
  colour = vec4(mix(vec3(1.0), uAccent, heart), whole);
}`;

export class MeasuredWay {
  readonly mesh: THREE.Mesh;
  readonly #look = { uSize: { value: new THREE.Vector2(1, 1) }, uStrokes: { value: null as THREE.DataTexture | null } };

  constructor(shared: Shared) {
    const geometry = quadGeometry(0, new THREE.Sphere(new THREE.Vector3(), 1e9));
    const parameters = { transparent: true, depthTest: false, depthWrite: false, side: THREE.DoubleSide };
    this.mesh = new THREE.Mesh(
      geometry,
      material({ shared, uniforms: this.#look, vertex: VERTEX, fragment: FRAGMENT, parameters }),
    );
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = ORDER.measure;
    this.mesh.visible = false;
  }

  resize(width: number, height: number): void {
    this.#look.uSize.value.set(width, height);
  }

  /** A way with ticks along it. */
  set(points: Point[]): void {
    this.#show(strokesOf(points));
  }

  /** Any lines, without ticks; dots at the corners of the first. */
  sketch(lines: readonly (readonly Point[])[]): void {
    this.#show([
      ...lines.flatMap((line) => line.slice(1).map((to, i) => ({ from: line[i], to, kind: LINE }))),
      ...(lines[0] ?? []).map((point) => ({ from: point, to: point, kind: DOT })),
    ]);
  }

  #show(given: Stroke[]): void {
    const strokes = given.slice(0, QUADS);
    this.mesh.visible = strokes.length > 0;
    this.#look.uStrokes.value?.dispose();
    const data = new Float32Array(Math.max(1, strokes.length) * 8);
    strokes.forEach(({ from, to, kind }, i) => data.set([...from, kind, ...to, 0], i * 8));
    const texture = new THREE.DataTexture(data, 2, Math.max(1, strokes.length), THREE.RGBAFormat, THREE.FloatType);
    texture.needsUpdate = true;
    this.#look.uStrokes.value = texture;
    this.mesh.geometry.setDrawRange(0, strokes.length * 6);
  }

  dispose(): void {
    this.#look.uStrokes.value?.dispose();
    this.mesh.geometry.dispose();
    (this.mesh.material as THREE.Material).dispose();
  }
}

interface Stroke {
  from: Point;
  to: Point;
  kind: number;
}

function strokesOf(points: Point[]): Stroke[] {
  const spacing = tickSpacing(measuredOf(points).length_m);
  const strokes: Stroke[] = [];
  let done = 0;
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b] = [points[i], points[i + 1]];
    const length = Math.hypot(b[0] - a[0], b[1] - a[1], b[2] - a[2]);
    strokes.push({ from: a, to: b, kind: LINE });
    for (let at = (Math.floor(done / spacing) + 1) * spacing; at < done + length - 1e-6; at += spacing) {
      const share = (at - done) / length;
      strokes.push({ from: [0, 1, 2].map((k) => a[k] + (b[k] - a[k]) * share) as Point, to: b, kind: TICK });
    }
    done += length;
  }
  for (const point of points) strokes.push({ from: point, to: point, kind: DOT });
  return strokes;
}
