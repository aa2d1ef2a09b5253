/** Buildings at level of detail 1: walls and roofs pulled from a table of edges; far tiles as their largest boxes. */

import * as THREE from "three";
import type { Outlines, PrismTile } from "../decode/prisms";
import type { Palette } from "../look/palette";
import { PAINT_GLSL } from "../look/paint";
import {
  casterMaterial,
  frameUniforms,
  indexGeometry,
  LIGHT_GLSL,
  material,
  quadGeometry,
  QUADS,
  sphereOf,
  TEXEL_GLSL,
  texelTexture,
} from "./kit";
import { type Eye, Layer, ORDER } from "./layer";

const BOX_QUADS = 5;

const VERTEX_HEAD = /* glsl */ `
uniform highp usampler2D uTexels;
uniform int uFirst;
uniform vec3 uWall, uRoof, uOtherRoof;
uniform float uRoofShare, uVariety;
${TEXEL_GLSL}
#ifdef CAST
out float vLevel;
void finish(vec3 p, vec3 n, vec4 wall, int row) {
  vLevel = p.z;
  gl_Position = projectionMatrix * viewMatrix * vec4(p, 1.0);
}
#else
${PAINT_GLSL}
out vec3 vPlace;
out vec2 vWall; // along and up the wall [m]
flat out vec4 vColour; // and how it is painted
flat out vec4 vFacing; // normal, and how strongly marked
flat out vec4 vSize; // length and height of the wall, whether its ends are corners of the building
flat out float vSeed;
void finish(vec3 p, vec3 n, vec4 wall, int row) {
  vPlace = p;
  float state;
  vec4 paint = paintOf(row, state);
  vSeed = fract(float(row) * 0.61803399);
  vec3 plain = mix(uWall, mix(uRoof, uOtherRoof, step(uRoofShare, vSeed)), n.z) * (1.0 + (fract(vSeed * 7.0) - 0.5) * uVariety);
  vColour = vec4(state == 0.0 ? plain : paint.rgb, state);
  vFacing = vec4(n, marking(row));
  vSize = wall;
  gl_Position = projectionMatrix * viewMatrix * vec4(p, 1.0);
}
#endif
`;

const WALLS = /* glsl */ `${VERTEX_HEAD}
void main() {
  uvec4 edge = texel(uTexels, uFirst + (gl_VertexID >> 2));
  int corner = gl_VertexID & 3;
  bool second = corner == 1 || corner == 2;
  vec2 a = place(edge.x), b = place(edge.y);
  float base = level(edge.z), top = level(edge.z >> 16);
  vec2 along = b - a;
  float size = max(length(along), 0.001);
  vec3 p = vec3(second ? b : a, corner > 1 ? top : base);
#ifndef CAST
  vWall = vec2(second ? size : 0.0, p.z - base);
#endif
  vec4 wall = vec4(size, top - base, float((edge.w >> 30) & 1u), float(edge.w >> 31));
  finish(p, vec3(along.y, -along.x, 0.0) / size, wall, int(edge.w & 0x3fffffffu));
}`;

const ROOFS = /* glsl */ `${VERTEX_HEAD}
void main() {
  uvec4 edge = texel(uTexels, gl_VertexID);
#ifndef CAST
  vWall = vec2(-1.0);
#endif
  finish(vec3(place(edge.x), level(edge.z >> 16)), vec3(0.0, 0.0, 1.0), vec4(0.0), int(edge.w & 0x3fffffffu));
}`;

const BOXES = /* glsl */ `${VERTEX_HEAD}
uniform float uSwell; // the few that are drawn stand for the many that are not
const vec2 SIDE[4] = vec2[4](vec2(0.0, 0.0), vec2(1.0, 0.0), vec2(1.0, 1.0), vec2(0.0, 1.0));
void main() {
  int quad = gl_VertexID >> 2;
  int corner = gl_VertexID & 3;
  uvec4 box = texel(uTexels, uFirst + quad / ${BOX_QUADS});
  int face = quad % ${BOX_QUADS};
  vec2 a = place(box.x), b = place(box.y);
  vec2 middle = 0.5 * (a + b);
  a = middle + (a - middle) * uSwell;
  b = middle + (b - middle) * uSwell;
  float base = level(box.z), top = level(box.z >> 16);
  bool second = corner == 1 || corner == 2;
  vec2 c = face == 4 ? SIDE[corner] : SIDE[(face + (second ? 1 : 0)) & 3];
  vec3 p = vec3(mix(a, b, c), face == 4 || corner > 1 ? top : base);
  vec3 n = face == 4 ? vec3(0.0, 0.0, 1.0)
    : face == 0 ? vec3(0.0, -1.0, 0.0) : face == 1 ? vec3(1.0, 0.0, 0.0) : face == 2 ? vec3(0.0, 1.0, 0.0) : vec3(-1.0, 0.0, 0.0);
#ifndef CAST
  vWall = vec2(-1.0, p.z - base);
#endif
  finish(p, n, vec4(0.0), int(box.w));
}`;

export const BUILDING_FRAGMENT = /* glsl */ `
${LIGHT_GLSL}
uniform vec3 uEdge;
in vec3 vPlace;
in vec2 vWall;
flat in vec4 vColour;
flat in vec4 vFacing;
flat in vec4 vSize;
flat in float vSeed;
out vec4 colour;

float hash(vec2 p) { return fract(sin(dot(p, vec2(12.9898, 78.233))) * 43758.5453); }

void main() {
  vec3 n = vFacing.xyz;
  vec3 c = vColour.rgb;
  if (vColour.w == 2.0) c = hatched(gl_FragCoord.xy);
  if (vFacing.w > 0.0) c = mix(c, uAccent, vFacing.w);
  vec3 e = light(vPlace, n);
  float glow = 0.0;
  if (vWall.x >= 0.0) {
    vec2 pixel = fwidth(vWall);
    float coarse = max(pixel.x, pixel.y);
    if (uReal > 0.0 && coarse < 1.2 && vSize.y > 3.5) {
      // Windows: a rhythm of 3.1 m by storeys of some 3 m, centred on the wall.
      vec2 bay = vec2(3.1, vSize.y / max(1.0, floor(vSize.y / 3.0)));
      float bays = floor(vSize.x / bay.x);
      vec2 at = vec2((vWall.x - 0.5 * (vSize.x - bays * bay.x)) / bay.x, vWall.y / bay.y);
      vec2 f = fract(at);
      vec2 soft = pixel / bay + 0.02;
      vec2 inside = smoothstep(vec2(0.28) - soft, vec2(0.28) + soft, f) *
        (1.0 - smoothstep(vec2(0.72, 0.82) - soft, vec2(0.72, 0.82) + soft, f));
      float window = at.x < 0.0 || at.x > bays ? 0.0 : inside.x * inside.y * (1.0 - smoothstep(0.5, 1.2, coarse));
      c = mix(c, c * vec3(0.52, 0.58, 0.64), window * (1.0 - uNight * 0.6));
      glow = window * uNight * step(0.62, hash(floor(at) + vSeed * 91.0));
    }
    if (coarse < 2.2) {
      // Edges of the mass: the border of the roof, and corners where the wall turns.
      float rim = 1.0 - smoothstep(0.6, 1.4, (vSize.y - vWall.y) / max(pixel.y, 0.02));
      float ends = min(vSize.z > 0.0 ? vWall.x : 1e3, vSize.w > 0.0 ? vSize.x - vWall.x : 1e3);
      float corner = 1.0 - smoothstep(0.4, 1.1, ends / max(pixel.x, 0.02));
      float strength = (1.0 - smoothstep(0.4, 2.2, coarse)) * max(rim, corner * 0.7) * (1.0 - vFacing.w);
      c = mix(c, uReal > 0.0 ? c * 0.8 : uEdge, strength * 0.55);
    }
    e *= mix(0.9, 1.0, smoothstep(0.0, 5.0, vWall.y));
  }
  // A painted roof is its legend: neither light nor shadow changes it.
  bool legend = uReal == 0.0 && vColour.w > 0.0 && n.z > 0.5;
  c = legend ? c : c * e;
  c = mix(c, vec3(1.0, 0.83, 0.52), glow * 0.85);
  colour = vec4(hazed(c, vPlace, cameraPosition), 1.0);
}`;

interface BuildingTile extends Omit<PrismTile, "edges" | "roofs" | "boxes"> {
  full: THREE.Mesh[];
  far: THREE.Mesh[];
  centre: THREE.Vector3;
  radius: number;
  triangles: number;
  swell: THREE.IUniform<number>;
}

/** Share of the triangles that near tiles may take. */
const NEAR_SHARE = 0.65;
/** Nearer than this many pixels to a metre, a tile is always drawn whole. */
const CLOSE = 1.2;

export class Buildings extends Layer {
  readonly drawn: BuildingTile[] = [];
  readonly #look = {
    uWall: { value: new THREE.Vector3() },
    uRoof: { value: new THREE.Vector3() },
    uEdge: { value: new THREE.Vector3() },
    uOtherRoof: { value: new THREE.Vector3() },
    uRoofShare: { value: 1 },
    uVariety: { value: 0 },
  };

  add(tile: PrismTile): void {
    const sphere = sphereOf(tile.low, tile.high);
    const common = { ...frameUniforms(tile.frame), ...this.paint.uniforms, ...this.#look };
    const edges = { ...common, uTexels: { value: texelTexture(tile.edges) } };
    const swell = { value: 1 };
    const boxes = { ...common, uTexels: { value: texelTexture(tile.boxes) }, uSwell: swell };
    const full: THREE.Mesh[] = [];
    const far: THREE.Mesh[] = [];
    const both = (to: THREE.Mesh[], geometry: THREE.BufferGeometry, vertex: string, uniforms: typeof common): void => {
      const options = { shared: this.shared, uniforms, vertex, fragment: BUILDING_FRAGMENT };
      to.push(this.mesh(geometry, material(options), ORDER.solids));
      to.push(this.mesh(geometry, casterMaterial(options), 0, this.casters));
    };
    for (let first = 0; first < tile.nEdges; first += QUADS) {
      const geometry = quadGeometry(Math.min(QUADS, tile.nEdges - first), sphere);
      both(full, geometry, WALLS, { ...edges, uFirst: { value: first } } as typeof common);
    }
    both(full, indexGeometry(tile.roofs, sphere), ROOFS, edges);
    const most = Math.floor(QUADS / BOX_QUADS);
    for (let first = 0; first < tile.n; first += most) {
      const geometry = quadGeometry(Math.min(most, tile.n - first) * BOX_QUADS, sphere);
      both(far, geometry, BOXES, { ...boxes, uFirst: { value: first } } as typeof common);
    }
    this.hold(tile.edges, tile.roofs, tile.boxes);
    const { edges: _e, roofs, boxes: _b, ...rest } = tile;
    const triangles = tile.nEdges * 2 + roofs.length / 3;
    this.drawn.push({ ...rest, full, far, centre: sphere.center, radius: sphere.radius, triangles, swell });
    this.tiles++;
  }

  dress(palette: Palette): void {
    this.#look.uWall.value.fromArray(palette.wall);
    this.#look.uRoof.value.fromArray(palette.roof);
    this.#look.uEdge.value.fromArray(palette.edge);
    this.#look.uOtherRoof.value.fromArray(palette.otherRoof);
    this.#look.uRoofShare.value = palette.roofShare;
    this.#look.uVariety.value = palette.variety;
  }

  /**
   * Near tiles whole, as far as the triangles go; of every other tile its largest prisms, as boxes swollen so
   * that they cover about as much as all of them would.
   */
  override prepare({ position, pixel, budget }: Eye): void {
    const away = new Map(this.drawn.map((tile) => [tile, Math.max(1, position.distanceTo(tile.centre) - tile.radius)]));
    const sorted = [...this.drawn].sort((a, b) => away.get(a)! - away.get(b)!);
    let spent = 0;
    let rest = 0;
    const whole = new Set<BuildingTile>();
    for (const tile of sorted) {
      const close = 1 / (away.get(tile)! * pixel) > CLOSE;
      if (close || spent + tile.triangles < budget * NEAR_SHARE) {
        spent += tile.triangles;
        whole.add(tile);
      } else rest += tile.n * BOX_QUADS * 2;
    }
    const share = Math.min(1, Math.max(0.04, (budget * (1 - NEAR_SHARE)) / Math.max(rest, 1)));
    const most = Math.floor(QUADS / BOX_QUADS);
    for (const tile of this.drawn) {
      const near = whole.has(tile);
      for (const mesh of tile.full) mesh.visible = near;
      const drawn = Math.ceil(tile.n * share);
      tile.far.forEach((mesh, i) => {
        const here = Math.min(most, drawn - Math.floor(i / 2) * most);
        mesh.visible = !near && here > 0;
        mesh.geometry.setDrawRange(0, Math.max(0, here) * BOX_QUADS * 6);
      });
      tile.swell.value = Math.min(1.5, share ** -0.18);
    }
  }

  get count(): number {
    return this.drawn.reduce((sum, tile) => sum + tile.n, 0);
  }

  outlines(): { low: readonly number[]; high: readonly number[]; frame: PrismTile["frame"]; outlines: Outlines }[] {
    return this.drawn;
  }
}
