/** Areas that lie on the ground: water, and tints of land use, zones and wards. */

import * as THREE from "three";
import type { AreaTile } from "../decode/meshes";
import { PAINT_GLSL } from "../look/paint";
import type { Palette } from "../look/palette";
import { LIFT_GLSL, LIGHT_GLSL, dropAfterUpload, material, type Shared } from "./kit";
import { Layer, ORDER } from "./layer";

const VERTEX = /* glsl */ `
in vec3 position;
in uint row;
${LIFT_GLSL}
${PAINT_GLSL}
uniform vec4 uPlain;
out vec3 vPlace;
flat out vec4 vColour;
flat out vec2 vState;
void main() {
  int who = int(row & 0xffffffu);
  float state;
  vec4 paint = paintOf(who, state);
  vColour = state == 0.0 ? uPlain : vec4(paint.rgb, paint.a * 0.8);
  if (state == 2.0) vColour.a = 0.55;
  vState = vec2(state, marking(who));
  vColour.a = max(vColour.a, vState.y * 0.6);
  vPlace = position;
  gl_Position = projectionMatrix * viewMatrix * vec4(lifted(position, 0.0), 1.0);
}`;

const FRAGMENT = /* glsl */ `
${LIGHT_GLSL}
uniform float uWater;
in vec3 vPlace;
flat in vec4 vColour;
flat in vec2 vState;
out vec4 colour;

float hash(vec2 p) { return fract(sin(dot(p, vec2(127.1, 311.7))) * 43758.5453); }
float noise(vec2 p) {
  vec2 i = floor(p), f = fract(p);
  f = f * f * (3.0 - 2.0 * f);
  return mix(mix(hash(i), hash(i + vec2(1.0, 0.0)), f.x), mix(hash(i + vec2(0.0, 1.0)), hash(i + vec2(1.0, 1.0)), f.x), f.y);
}

void main() {
  vec3 c = vState.x == 2.0 ? hatched(gl_FragCoord.xy) : vColour.rgb;
  c = mix(c, uAccent, vState.y * 0.7);
  if (uWater > 0.0 && vState.x == 0.0) {
    // Still water: long soft streaks, and a little of the sky towards the horizon.
    vec3 eye = normalize(cameraPosition - vPlace);
    float streak = noise(vPlace.xy * vec2(0.012, 0.03)) * 0.6 + noise(vPlace.xy * vec2(0.05, 0.11) + 17.0) * 0.4;
    c *= 0.965 + 0.07 * streak;
    c = mix(c, uHazeColour, 0.35 * pow(1.0 - max(eye.z, 0.0), 3.0) * (0.4 + 0.6 * uReal));
  }
  c *= uReal == 0.0 && vState.x > 0.0 ? vec3(1.0) : light(vPlace, vec3(0.0, 0.0, 1.0));
  colour = vec4(hazed(c, vPlace, cameraPosition), vColour.a);
}`;

export class Areas extends Layer {
  readonly #look: Record<"uPlain" | "uLift" | "uWater", THREE.IUniform>;
  /** Triangles kept to be pointed at. */
  readonly kept: AreaTile[] = [];

  constructor(name: string, shared: Shared, error_m: number) {
    super(name, shared);
    this.#look = {
      uPlain: { value: new THREE.Vector4() },
      uLift: { value: error_m },
      uWater: { value: name === "water_bodies" ? 1 : 0 },
    };
  }

  add(tile: AreaTile): void {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(tile.positions, 3));
    const row = new THREE.BufferAttribute(tile.rows, 1);
    row.gpuType = THREE.IntType;
    dropAfterUpload(row);
    geometry.setAttribute("row", row);
    geometry.setIndex(new THREE.BufferAttribute(tile.triangles, 1));
    geometry.computeBoundingSphere();
    const uniforms = { ...this.paint.uniforms, ...this.#look };
    const parameters = { transparent: true, depthWrite: false };
    const options = { shared: this.shared, uniforms, vertex: VERTEX, fragment: FRAGMENT, parameters };
    this.mesh(geometry, material(options), ORDER.areas);
    this.hold(tile.positions, tile.rows, tile.triangles);
    this.kept.push({ ...tile });
    this.tiles++;
  }

  dress(palette: Palette): void {
    const water = this.#look.uWater.value > 0;
    const [r, g, b] = water ? palette.water : palette.outline;
    this.#look.uPlain.value.set(r, g, b, water ? 1 : 0.1);
  }
}
