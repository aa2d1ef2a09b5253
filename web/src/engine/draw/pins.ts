/** Stops, facilities and transformers: small pins of constant size on the screen. */

import * as THREE from "three";
import type { PointTile } from "../decode/points";
import { PAINT_GLSL } from "../look/paint";
import type { Palette } from "../look/palette";
import { frameUniforms, LIGHT_GLSL, material, quadGeometry, QUADS, sphereOf, TEXEL_GLSL } from "./kit";
import { Layer, ORDER } from "./layer";

/**
 * Height of the head of a pin above its foot, as a share of its distance, and its radius [pixels]. From afar, where there
 * may be thousands in sight, pins shrink to dots on the ground.
 */
const PIN = { stem: 0.011, radius: 4.5, near: 900, far: 4500, leastStem: 0.002, leastRadius: 2 };

/** Stem, as a share of the distance, and radius [pixels] of a pin so far away [m]. */
export function pinAt(away: number): { stem: number; radius: number } {
  const share = Math.min(1, Math.max(0, (away - PIN.near) / (PIN.far - PIN.near)));
  const far = share * share * (3 - 2 * share);
  return {
    stem: PIN.stem + (PIN.leastStem - PIN.stem) * far,
    radius: PIN.radius + (PIN.leastRadius - PIN.radius) * far,
  };
}

const glsl = (value: number): string => value.toFixed(4);

const VERTEX = /* glsl */ `
uniform highp usampler2D uTexels;
uniform int uFirst;
uniform float uPixel, uScale;
uniform vec3 uPin;
${TEXEL_GLSL}
${PAINT_GLSL}
out vec2 vAt; // from the middle of the head [pixels]
flat out vec4 vColour;
flat out vec3 vSize; // radius, stem [pixels], strength of its mark
void main() {
  uvec4 t = texel(uTexels, uFirst + (gl_VertexID >> 2));
  int corner = gl_VertexID & 3;
  int row = int(t.w);
  vec3 foot = vec3(place(t.x), level(t.y));
  float away = distance(cameraPosition, foot);
  float far = smoothstep(${glsl(PIN.near)}, ${glsl(PIN.far)}, away);
  float rise = away * mix(${glsl(PIN.stem)}, ${glsl(PIN.leastStem)}, far);
  vec3 head = foot + vec3(0.0, 0.0, rise + float(t.z & 65535u) * 0.01);
  float state;
  vec4 paint = paintOf(row, state);
  float mark = marking(row);
  float radius = (mix(${glsl(PIN.radius)}, ${glsl(PIN.leastRadius)}, far) + (mark > 0.0 ? 2.0 : 0.0)) * uScale;
  vec4 a = projectionMatrix * viewMatrix * vec4(head, 1.0);
  vec4 b = projectionMatrix * viewMatrix * vec4(foot, 1.0);
  float pixelHeight = 2.0 / abs(projectionMatrix[1][1]) / uPixel; // of the picture
  float stem = max(0.0, (a.y / a.w - b.y / b.w) * 0.5 * pixelHeight * uScale);
  vec2 at = vec2(corner == 1 || corner == 2 ? 1.0 : -1.0, corner > 1 ? 1.0 : -1.0) * (radius + 2.0 * uScale);
  if (corner < 2) at.y -= stem;
  vAt = at;
  vSize = vec3(radius, stem, mark);
  vColour = vec4(state == 1.0 ? paint.rgb : uPin, state);
  float aspect = projectionMatrix[1][1] / projectionMatrix[0][0];
  a.xy += at / (pixelHeight * uScale) * 2.0 * vec2(1.0 / aspect, 1.0) * a.w;
  a.z -= 0.002 * a.w;
  gl_Position = a;
}`;

const FRAGMENT = /* glsl */ `
${LIGHT_GLSL}
in vec2 vAt;
flat in vec4 vColour;
flat in vec3 vSize;
out vec4 colour;
void main() {
  float r = length(vAt);
  float disc = clamp(vSize.x - r + 0.5, 0.0, 1.0);
  float rim = min(1.6 * uScale, 0.36 * vSize.x);
  float heart = clamp(vSize.x - rim - r + 0.5, 0.0, 1.0);
  float stem = vAt.y < 0.0 ? clamp(0.6 * uScale - abs(vAt.x) + 0.5, 0.0, 1.0) * step(-vSize.y, vAt.y) * 0.7 : 0.0;
  vec3 c = vColour.w == 2.0 ? hatched(gl_FragCoord.xy) : vColour.rgb;
  c = mix(c, uAccent, vSize.z);
  c = mix(vec3(1.0), c, max(heart, disc > 0.0 ? 0.0 : 1.0));
  float alpha = max(disc, stem);
  if (alpha < 0.02) discard;
  colour = vec4(c, alpha);
}`;

export class Pins extends Layer {
  readonly kept: PointTile[] = [];
  readonly #look = { uPin: { value: new THREE.Vector3() } };

  add(tile: PointTile): void {
    const sphere = sphereOf(tile.low, tile.high);
    sphere.radius += 100;
    const uniforms = {
      ...frameUniforms(tile.frame),
      ...this.paint.uniforms,
      ...this.#look,
      uTexels: { value: this.table(tile.points.slice()) },
    };
    const parameters = { transparent: true, depthWrite: false, side: THREE.DoubleSide };
    for (let first = 0; first < tile.n; first += QUADS) {
      const geometry = quadGeometry(Math.min(QUADS, tile.n - first), sphere);
      const own = { ...uniforms, uFirst: { value: first } };
      const options = { shared: this.shared, uniforms: own, vertex: VERTEX, fragment: FRAGMENT, parameters };
      this.mesh(geometry, material(options), ORDER.pins);
    }
    this.kept.push(tile);
    this.tiles++;
  }

  dress(palette: Palette): void {
    const { pin, place, current } = palette;
    this.#look.uPin.value.fromArray({ facilities: place, transformers: current }[this.name] ?? pin);
  }
}
