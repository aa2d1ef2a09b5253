/** Traffic as ribbons on the right-hand side of each direction: drawn from the texels of the links, moved by nothing but values. */

import * as THREE from "three";
import type { Flows as Given } from "../contract";
import { LIFT_GLSL, material, quadGeometry, QUADS, type Shared, TEXEL_GLSL, type Uniforms } from "./kit";
import { NODE_GLSL, type Strips } from "./lines";
import { ORDER } from "./layer";

/** Colours that ribbons may have. */
export const MOST_COLOURS = 8;
/** Links in a row of the textures of values. */
const WIDTH = 2048;
/** How much is seen of a ribbon behind houses. */
const BEHIND = 0.3;

/** Value of a link by its row. */
export const FLOW_GLSL = /* glsl */ `
uniform highp sampler2D uFlows; // width [pixels], colour, speed of cars and of motorbikes [m/s]
uniform highp isampler2D uOpposite; // row of the link the other way, −1 where there is none
ivec2 ofRow(int row) { return ivec2(row & 2047, row >> 11); }
`;

const VERTEX = /* glsl */ `
uniform int uFirst;
uniform float uPixel;
uniform vec3 uColours[${MOST_COLOURS}];
${TEXEL_GLSL}
${NODE_GLSL}
${LIFT_GLSL}
${FLOW_GLSL}
out float vAcross; // from the left border [pixels]
flat out vec4 vBand; // colour, width [pixels]

void main() {
  int segment = uFirst + (gl_VertexID >> 3);
  bool back = (gl_VertexID & 4) != 0;
  int corner = gl_VertexID & 3;
  Node a = nodeAt(segment), b = nodeAt(segment + 1);
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if (isLast(a)) return;
  int other = texelFetch(uOpposite, ofRow(a.row), 0).r;
  int row = back ? other : a.row;
  if (row < 0) return;
  vec4 flow = texelFetch(uFlows, ofRow(row), 0);
  float wide = flow.x;
  if (wide <= 0.0) return;
  bool second = corner == 1 || corner == 2;
  Node at = a;
  if (second) at = b;
  float metre = uPixel * distance(cameraPosition, at.p); // of a pixel
  // Half a pixel more on both sides for the soft border; both directions leave a pixel free between them.
  float across = corner > 1 ? wide + 0.5 : -0.5;
  float right = other < 0 ? across - 0.5 * wide : across + 0.6;
  vec3 p = vec3(at.p.xy - at.mitre * (back ? -right : right) * metre, at.p.z);
  vAcross = across;
  vBand = vec4(uColours[int(flow.y)], wide);
  gl_Position = projectionMatrix * viewMatrix * vec4(lifted(p, 2.0), 1.0);
}`;

const FRAGMENT = /* glsl */ `
uniform float uAlpha;
in float vAcross;
flat in vec4 vBand;
out vec4 colour;
void main() {
  float inside = min(vAcross, vBand.w - vAcross);
  float alpha = clamp(inside + 0.5, 0.0, 1.0) * uAlpha;
  if (alpha < 0.02) discard;
  // A rim sets pale ribbons off from paper.
  float rim = vBand.w > 3.0 ? 1.0 - smoothstep(0.3, 1.3, inside) : 0.25;
  colour = vec4(vBand.rgb * (1.0 - 0.34 * rim), alpha);
}`;

/** Values of links on the card, for ribbons and for vehicles. */
export class FlowValues {
  readonly uniforms = {
    uFlows: { value: null as THREE.DataTexture | null },
    uDensity: { value: null as THREE.DataTexture | null },
    uOpposite: { value: null as THREE.DataTexture | null },
    uColours: { value: Array.from({ length: MOST_COLOURS }, () => new THREE.Vector3()) },
  };
  #rows = 0;

  set({ width, colour, colours, speed, density }: Given): void {
    const n = width.length;
    const zero = new Float32Array(0);
    const [car, motorbike] = speed ?? [zero, zero];
    const values = new Float32Array(room(n) * 4);
    const vehicles = new Float32Array(density ? room(n) * 4 : 4);
    for (let row = 0; row < n; row++) {
      values[row * 4] = width[row];
      values[row * 4 + 1] = colour[row];
      values[row * 4 + 2] = car[row] || 0;
      values[row * 4 + 3] = motorbike[row] || 0;
      density?.forEach((of, k) => (vehicles[row * 4 + k] = of[row] || 0));
    }
    this.#put("uFlows", values, THREE.RGBAFormat, THREE.FloatType);
    this.#put("uDensity", vehicles, THREE.RGBAFormat, THREE.FloatType);
    colours
      .slice(0, MOST_COLOURS)
      .forEach(([r, g, b], k) => this.uniforms.uColours.value[k].set(r, g, b).divideScalar(255));
    this.#rows = n;
  }

  /** The way back of every link that is drawn. */
  setOpposite(opposite: ReadonlyMap<number, number>): void {
    const values = new Int32Array(room(this.#rows)).fill(-1);
    for (const [drawn, other] of opposite) if (drawn < this.#rows) values[drawn] = other;
    this.#put("uOpposite", values, THREE.RedIntegerFormat, THREE.IntType, "R32I");
  }

  #put(
    name: "uFlows" | "uDensity" | "uOpposite",
    values: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>,
    format: THREE.PixelFormat,
    type: THREE.TextureDataType,
    internal?: THREE.PixelFormatGPU,
  ): void {
    const uniform = this.uniforms[name];
    uniform.value?.dispose();
    const size = values.length / (format === THREE.RGBAFormat ? 4 : 1);
    const [wide, high] = size < WIDTH ? [size, 1] : [WIDTH, size / WIDTH];
    const texture = new THREE.DataTexture(values, wide, high, format, type);
    if (internal) texture.internalFormat = internal;
    texture.needsUpdate = true;
    uniform.value = texture;
  }

  dispose(): void {
    const { uFlows, uDensity, uOpposite } = this.uniforms;
    for (const { value } of [uFlows, uDensity, uOpposite]) value?.dispose();
  }
}

/** Places in a texture for so many links. */
const room = (n: number): number => Math.max(1, Math.ceil(n / WIDTH)) * WIDTH;

/** The ribbons of a city. */
export class Ribbons {
  readonly group = new THREE.Group();
  readonly #done = new Set<Strips>();

  constructor(
    private readonly shared: Shared,
    private readonly values: FlowValues,
    private readonly lift: number,
  ) {
    this.group.matrixAutoUpdate = false;
  }

  /** Draw what is there of the links. */
  add(strips: readonly Strips[]): void {
    for (const one of strips) {
      if (this.#done.has(one)) continue;
      this.#done.add(one);
      const most = QUADS / 2;
      for (let first = 0; first < one.n - 1; first += most) {
        const geometry = quadGeometry(Math.min(most, one.n - 1 - first) * 2, one.sphere);
        const uniforms: Uniforms = {
          ...one.uniforms,
          ...this.values.uniforms,
          uFirst: { value: first },
          uLift: { value: this.lift },
        };
        for (const behind of [true, false]) this.#mesh(geometry, uniforms, behind);
      }
    }
  }

  #mesh(geometry: THREE.BufferGeometry, uniforms: Uniforms, behind: boolean): void {
    const parameters: THREE.ShaderMaterialParameters = {
      transparent: true,
      depthWrite: false,
      depthFunc: behind ? THREE.GreaterDepth : THREE.LessEqualDepth,
      side: THREE.DoubleSide,
    };
    const own = { ...uniforms, uAlpha: { value: behind ? BEHIND : 1 } };
    const mesh = new THREE.Mesh(
      geometry,
      material({ shared: this.shared, uniforms: own, vertex: VERTEX, fragment: FRAGMENT, parameters }),
    );
    mesh.renderOrder = behind ? ORDER.behind : ORDER.flows;
    mesh.matrixAutoUpdate = false;
    this.group.add(mesh);
  }

  dispose(): void {
    disposeOf(this.group);
  }
}

export function disposeOf(group: THREE.Group): void {
  group.traverse((object) => {
    if (!(object instanceof THREE.Mesh || object instanceof THREE.Points)) return;
    object.geometry.dispose();
    (object.material as THREE.Material).dispose();
  });
  group.removeFromParent();
}
