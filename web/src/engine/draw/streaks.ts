/** Lines in space with colours along them and widths in pixels: reach of a point, desire lines, lines of public transport. */

import * as THREE from "three";
import type { Streaks as Given } from "../contract";
import { disposeOf } from "./flows";
import { material, quadGeometry, QUADS, type Shared } from "./kit";
import { ORDER } from "./layer";

const WIDTH = 1024;
/** How much is seen of a line behind houses. */
const BEHIND = 0.35;

const VERTEX = /* glsl */ `
uniform highp sampler2D uPlaces; // place and width [pixels]; a width of 0 ends a line
uniform sampler2D uColours;
uniform vec2 uPage; // [pixels]
uniform int uFirst;
out float vAcross; // from the middle [pixels]
flat out float vHalf;
out vec4 vColour;
ivec2 at(int i) { return ivec2(i & ${WIDTH - 1}, i >> 10); }
void main() {
  int i = uFirst + (gl_VertexID >> 2);
  int corner = gl_VertexID & 3;
  vec4 a = texelFetch(uPlaces, at(i), 0), b = texelFetch(uPlaces, at(i + 1), 0);
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (a.w == 0.0) return;
  vec4 p = projectionMatrix * viewMatrix * vec4(a.xyz, 1.0);
  vec4 q = projectionMatrix * viewMatrix * vec4(b.xyz, 1.0);
  if (p.w < 0.5 && q.w < 0.5) return;
  if (p.w < 0.5) p = mix(q, p, (q.w - 0.5) / (q.w - p.w));
  if (q.w < 0.5) q = mix(p, q, (p.w - 0.5) / (p.w - q.w));
  vec2 along = (q.xy / q.w - p.xy / p.w) * uPage;
  along = length(along) > 1e-4 ? normalize(along) : vec2(1.0, 0.0);
  bool second = corner == 1 || corner == 2;
  float side = corner > 1 ? 1.0 : -1.0;
  vHalf = 0.5 * a.w;
  vAcross = side * (vHalf + 0.5);
  vec4 here = p;
  if (second) here = q;
  // A little longer than it is, so that pieces of a bend touch.
  vec2 off = vec2(-along.y, along.x) * vAcross + along * (second ? 1.0 : -1.0) * min(0.35 * vHalf, 1.5);
  here.xy += off / uPage * 2.0 * here.w;
  here.z -= 0.0004 * here.w;
  vColour = second ? texelFetch(uColours, at(i + 1), 0) : texelFetch(uColours, at(i), 0);
  gl_Position = here;
}`;

const FRAGMENT = /* glsl */ `
uniform float uAlpha;
in float vAcross;
flat in float vHalf;
in vec4 vColour;
out vec4 colour;
void main() {
  float alpha = clamp(vHalf + 0.5 - abs(vAcross), 0.0, 1.0) * vColour.a * uAlpha;
  if (alpha < 0.02) discard;
  colour = vec4(vColour.rgb, alpha);
}`;

export class Streaks {
  readonly group = new THREE.Group();
  readonly #look = {
    uPlaces: { value: null as THREE.DataTexture | null },
    uColours: { value: null as THREE.DataTexture | null },
    uPage: { value: new THREE.Vector2(1, 1) },
  };

  constructor(
    private readonly shared: Shared,
    { xyz, size, rgba, width }: Given,
  ) {
    this.group.matrixAutoUpdate = false;
    const n = xyz.length / 3;
    const rows = Math.max(1, Math.ceil((n + 1) / WIDTH));
    const places = new Float32Array(rows * WIDTH * 4);
    const colours = new Uint8Array(rows * WIDTH * 4);
    colours.set(rgba);
    let v = 0;
    for (let line = 0; line < size.length; line++) {
      for (let k = 0; k < size[line]; k++, v++) {
        places.set([xyz[v * 3], xyz[v * 3 + 1], xyz[v * 3 + 2], k === size[line] - 1 ? 0 : width[line]], v * 4);
      }
    }
    this.#look.uPlaces.value = texture(places, rows, THREE.FloatType);
    this.#look.uColours.value = texture(colours, rows, THREE.UnsignedByteType);
    const everywhere = new THREE.Sphere(new THREE.Vector3(), 1e9);
    for (let first = 0; first < n - 1; first += QUADS) {
      const geometry = quadGeometry(Math.min(QUADS, n - 1 - first), everywhere);
      for (const behind of [true, false]) this.#mesh(geometry, first, behind);
    }
  }

  resize(width: number, height: number): void {
    this.#look.uPage.value.set(width, height);
  }

  #mesh(geometry: THREE.BufferGeometry, first: number, behind: boolean): void {
    const uniforms = { ...this.#look, uFirst: { value: first }, uAlpha: { value: behind ? BEHIND : 1 } };
    const parameters: THREE.ShaderMaterialParameters = {
      transparent: true,
      depthWrite: false,
      depthFunc: behind ? THREE.GreaterDepth : THREE.LessEqualDepth,
      side: THREE.DoubleSide,
    };
    const mesh = new THREE.Mesh(
      geometry,
      material({ shared: this.shared, uniforms, vertex: VERTEX, fragment: FRAGMENT, parameters }),
    );
    mesh.frustumCulled = false;
    mesh.renderOrder = behind ? ORDER.behind : ORDER.flows;
    mesh.matrixAutoUpdate = false;
    this.group.add(mesh);
  }

  dispose(): void {
    disposeOf(this.group);
    this.#look.uPlaces.value?.dispose();
    this.#look.uColours.value?.dispose();
  }
}

function texture(
  values: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
  rows: number,
  type: THREE.TextureDataType,
): THREE.DataTexture {
  const made = new THREE.DataTexture(values, WIDTH, rows, THREE.RGBAFormat, type);
  made.needsUpdate = true;
  return made;
}
