/** Buildings at level of detail 1: walls and roofs pulled from a table of edges; far tiles as boxes, and farther ones as blocks of many. */

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
const vec2 SIDE[4] = vec2[4](vec2(0.0, 0.0), vec2(1.0, 0.0), vec2(1.0, 1.0), vec2(0.0, 1.0));
void main() {
  int quad = gl_VertexID >> 2;
  int corner = gl_VertexID & 3;
  uvec4 box = texel(uTexels, uFirst + quad / ${BOX_QUADS});
  int face = quad % ${BOX_QUADS};
  vec2 a = place(box.x), b = place(box.y);
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
#ifndef ROOF
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
#endif
  // A painted roof is its legend: neither light nor shadow changes it.
  bool legend = uReal == 0.0 && vColour.w > 0.0 && n.z > 0.5;
  c = legend ? c : c * e;
  c = mix(c, vec3(1.0, 0.83, 0.52), glow * 0.85);
  colour = vec4(hazed(c, vPlace, cameraPosition), 1.0);
}`;

interface BuildingTile extends Omit<PrismTile, "edges" | "roofs" | "boxes"> {
  /** The three levels of detail, nearest first: made when they are first seen, with the triangles of each. */
  levels: (THREE.Mesh[] | null)[];
  make: (() => THREE.Mesh[])[];
  triangles: number[];
  centre: THREE.Vector3;
  radius: number;
}

/** Share of the triangles that tiles drawn whole may take. */
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
    const edges = { ...common, uTexels: { value: this.table(tile.edges) } };
    const boxes = { ...common, uTexels: { value: this.table(tile.boxes) } };
    const both = (geometry: THREE.BufferGeometry, vertex: string, uniforms: typeof common): THREE.Mesh[] => {
      const fragment = vertex === ROOFS ? `#define ROOF\n${BUILDING_FRAGMENT}` : BUILDING_FRAGMENT;
      const options = { shared: this.shared, uniforms, vertex, fragment };
      return [
        this.mesh(geometry, material(options), ORDER.solids),
        vertex === WALLS
          ? this.upright(geometry, casterMaterial(options))
          : this.mesh(geometry, casterMaterial(options), 0, this.casters),
      ];
    };
    /** Quadrangles `from` … `to`, `each` of them to a texel, in as many draws as it takes. */
    const run = (from: number, to: number, each: number, vertex: string, uniforms: typeof common): THREE.Mesh[] => {
      const most = Math.floor(QUADS / each);
      const meshes: THREE.Mesh[] = [];
      for (let first = from; first < to; first += most) {
        const geometry = quadGeometry(Math.min(most, to - first) * each, sphere);
        meshes.push(...both(geometry, vertex, { ...uniforms, uFirst: { value: first } } as typeof common));
      }
      return meshes;
    };
    const { edges: _edges, roofs, boxes: _boxes, ...rest } = tile;
    const make = [
      () => [...run(0, rest.nEdges, 1, WALLS, edges), ...both(indexGeometry(roofs, sphere), ROOFS, edges)],
      () => run(0, rest.n, BOX_QUADS, BOXES, boxes),
      () => run(rest.n, rest.n + rest.nBlocks, BOX_QUADS, BOXES, boxes),
    ];
    const triangles = [tile.nEdges * 2 + roofs.length / 3, tile.n * BOX_QUADS * 2, tile.nBlocks * BOX_QUADS * 2];
    this.hold(roofs);
    const levels = [null, null, null];
    this.drawn.push({ ...rest, levels, make, triangles, centre: sphere.center, radius: sphere.radius });
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

  /** From near to far, as the triangles allow: tiles whole, then a box for every prism, then blocks. */
  override prepare({ position, pixel, budget }: Eye): void {
    const away = new Map(this.drawn.map((tile) => [tile, Math.max(1, position.distanceTo(tile.centre) - tile.radius)]));
    const sorted = [...this.drawn].sort((a, b) => away.get(a)! - away.get(b)!);
    let spent = 0;
    let blocks = sorted.reduce((sum, { triangles }) => sum + triangles[2], 0);
    for (const tile of sorted) {
      const [whole, boxes, few] = tile.triangles;
      blocks -= few; // of the tiles behind this one
      const close = 1 / (away.get(tile)! * pixel) > CLOSE;
      const level = close || spent + whole + blocks < budget * NEAR_SHARE ? 0 : spent + boxes + blocks < budget ? 1 : 2;
      spent += tile.triangles[level];
      tile.levels[level] ??= tile.make[level]();
      tile.levels.forEach((meshes, k) => meshes?.forEach((mesh) => (mesh.visible = k === level)));
    }
  }

  get count(): number {
    return this.drawn.reduce((sum, tile) => sum + tile.n, 0);
  }

  outlines(): { low: readonly number[]; high: readonly number[]; frame: PrismTile["frame"]; outlines: Outlines }[] {
    return this.drawn;
  }
}
