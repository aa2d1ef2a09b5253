/** Roads, railways and other lines: ribbons of their true width with mitred bends and round ends; bridges as decks. */

import * as THREE from "three";
import { type StripTile, FIRST, LAST, BRIDGE, MITRE, ROW_BITS, TUNNEL } from "../decode/strips";
import { PAINT_GLSL } from "../look/paint";
import type { Palette } from "../look/palette";
import {
  casterMaterial,
  frameUniforms,
  LIFT_GLSL,
  LIGHT_GLSL,
  material,
  quadGeometry,
  QUADS,
  type Shared,
  sphereOf,
  TEXEL_GLSL,
  type Uniforms,
} from "./kit";
import { Layer, ORDER } from "./layer";

/** Metres in a pixel beyond which no line fades. */
const NEVER = 1e9;
/** Row of what has no opposite. */
const NONE = 0xffffffff;
/** Kinds that a layer may tell apart. */
export const KINDS = 32;

/** A vertex of a line; TEXEL_GLSL comes before. */
export const NODE_GLSL = /* glsl */ `
uniform highp usampler2D uTexels;
struct Node { vec3 p; vec2 mitre; float width; int kind; uint flags; int row; };
Node nodeAt(int i) {
  uvec4 t = texel(uTexels, i);
  ivec2 m = ivec2(int(t.z << 16) >> 16, int(t.z) >> 16);
  return Node(vec3(place(t.x), level(t.y)), vec2(m) / ${MITRE}.0, float((t.y >> 16) & 255u) * 0.1, int(t.y >> 24),
    t.w & ~${ROW_BITS}u, int(t.w & ${ROW_BITS}u));
}
bool isLast(Node node) { return (node.flags & ${LAST}u) != 0u; }
`;

const READ = /* glsl */ `
uniform int uFirst;
uniform float uPixel;
uniform vec4 uFill[${KINDS}];
uniform vec4 uForm[${KINDS}]; // least width [pixels], fades where a pixel covers [m], pair of rails, scale of width
${TEXEL_GLSL}
${NODE_GLSL}
`;

const FLAT = /* glsl */ `
${READ}
${LIFT_GLSL}
${PAINT_GLSL}
uniform vec4 uCasing[${KINDS}];
uniform float uPass, uOutline; // 0 casing, 1 fill; width of an outline [pixels], 0 for ribbons
out vec3 vPlace;
out vec3 vBand; // across −1 … 1, along in half widths, half width [pixels]
flat out vec4 vColour;
flat out vec4 vForm; // length in half widths, round at its start and end, pair of rails
flat out float vState;

void main() {
  int segment = uFirst + (gl_VertexID >> 2);
  int corner = gl_VertexID & 3;
  Node a = nodeAt(segment), b = nodeAt(segment + 1);
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if ((a.flags & ${LAST}u) != 0u || (a.flags & ${BRIDGE}u) != 0u) return;
  vec4 form = uForm[a.kind];
  float state;
  vec4 paint = paintOf(a.row, state);
  float mark = marking(a.row);
  float metre = uPixel * distance(cameraPosition, 0.5 * (a.p + b.p)); // of a pixel
  float alpha = 1.0 - smoothstep(0.7 * form.y, form.y, metre);
  if ((a.flags & ${TUNNEL}u) != 0u) alpha *= 0.35;
  if (state > 0.0) alpha = 1.0;
  if (mark > 0.0) alpha = 1.0;
  if (alpha <= 0.0) return;
  float least = uOutline > 0.0 ? uOutline : max(form.x, state > 0.0 ? 1.5 : 0.0) + (mark > 0.0 ? 1.5 : 0.0);
  float half_ = 0.5 * max(a.width * form.w, least * metre);
  float fine = uOutline > 0.0 ? 0.0 : clamp(0.14 * half_, 0.0, 0.5) + 0.55 * metre;
  if (uPass == 0.0) {
    if (half_ / metre < 0.9 && state == 0.0) return; // too thin on the screen for a casing
    half_ += fine;
  }
  half_ += 0.5 * metre * uPass; // room for the soft border
  bool second = corner == 1 || corner == 2;
  float side = corner > 1 ? 1.0 : -1.0;
  vec2 along = b.p.xy - a.p.xy;
  float size = max(length(along), 0.001);
  along /= size;
  vec3 p = second ? b.p : a.p;
  bool start = (a.flags & ${FIRST}u) != 0u, end = (b.flags & ${LAST}u) != 0u;
  p.xy += (second ? b.mitre : a.mitre) * side * half_;
  float t = second ? size : 0.0;
  if (uOutline == 0.0 && (second ? end : start)) {
    p.xy += along * (second ? half_ : -half_);
    t += second ? half_ : -half_;
  }
  vBand = vec3(side, t / half_, half_ / metre);
  vForm = vec4(size / half_, start ? 1.0 : 0.0, end ? 1.0 : 0.0, state == 0.0 ? form.z : 0.0);
  vec4 plain = uPass == 0.0 ? uCasing[a.kind] : uFill[a.kind];
  vec3 c = state == 0.0 ? plain.rgb : uPass == 0.0 ? mix(uCasing[a.kind].rgb, paint.rgb * 0.55, 0.35) : paint.rgb;
  vColour = vec4(c, alpha * (state == 1.0 ? paint.a : 1.0));
  vState = state + (mark > 0.0 ? 10.0 * mark : 0.0);
  vPlace = p;
  gl_Position = projectionMatrix * viewMatrix * vec4(lifted(p, uOutline > 0.0 ? 3.0 : 0.35), 1.0);
}`;

const FLAT_FRAGMENT = /* glsl */ `
${LIGHT_GLSL}
uniform float uPass;
in vec3 vPlace;
in vec3 vBand;
flat in vec4 vColour;
flat in vec4 vForm;
flat in float vState;
out vec4 colour;
void main() {
  float beyond = max(vForm.y > 0.0 ? -vBand.y : 0.0, vForm.z > 0.0 ? vBand.y - vForm.x : 0.0);
  float across = abs(vBand.x);
  float r = beyond > 0.0 ? length(vec2(across, beyond)) : across;
  float alpha = clamp((1.0 - r) * vBand.z + 0.15, 0.0, 1.0);
  float mark = floor(vState * 0.1 * 100.0) * 0.01;
  float state = vState > 2.5 ? 0.0 : vState;
  vec3 c = state == 2.0 ? hatched(gl_FragCoord.xy) : vColour.rgb;
  if (vForm.w > 0.0) {
    // A pair of rails where there is room for it, else one thin line.
    float rail = 1.0 - smoothstep(0.14, 0.14 + 1.2 / vBand.z, abs(across - 0.55));
    alpha *= vBand.z > 2.6 ? rail : 1.0;
    if (beyond > 0.0) discard;
  }
  if (vState > 2.5) c = mix(c, uAccent, 0.85);
  alpha *= vColour.a;
  if (alpha < 0.02) discard;
  bool legend = uReal == 0.0 && state > 0.0;
  c *= legend ? vec3(1.0) : light(vPlace, vec3(0.0, 0.0, 1.0));
  colour = vec4(hazed(c, vPlace, cameraPosition), alpha);
}`;

/** Faces of a piece of bridge: the deck, its two sides, two parapets from inside, and the underside. */
const FACES = 6;

const DECK = /* glsl */ `
${READ}
uniform float uDeck; // thickness [m]
#ifdef CAST
out float vLevel;
#else
${PAINT_GLSL}
out vec3 vPlace;
flat out vec4 vColour;
flat out vec4 vNormal;
#endif

void main() {
  int quad = gl_VertexID >> 2;
  int segment = uFirst + quad / ${FACES};
  int face = quad % ${FACES};
  int corner = gl_VertexID & 3;
  Node a = nodeAt(segment), b = nodeAt(segment + 1);
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if ((a.flags & ${LAST}u) != 0u || (a.flags & ${BRIDGE}u) == 0u) return;
  bool second = corner == 1 || corner == 2;
  bool upper = corner > 1;
  float half_ = 0.5 * max(a.width * uForm[a.kind].w, 2.0);
  vec2 across;
  float z;
  if (face == 0) { across = vec2(upper ? 1.0 : -1.0); z = 0.0; }
  else if (face < 3) { across = vec2(face == 1 ? -1.0 : 1.0); z = upper ? 0.5 : -uDeck; }
  else if (face < 5) { across = vec2((face == 3 ? -1.0 : 1.0) * 0.96); z = upper ? 0.5 : 0.0; }
  else { across = vec2(upper ? -1.0 : 1.0); z = -uDeck; }
  Node at = a;
  if (second) at = b;
  vec2 along = normalize(b.p.xy - a.p.xy + 1e-6);
  vec3 p = vec3(at.p.xy + at.mitre * across.x * (half_ + 0.35), at.p.z + z + 0.12);
#ifdef CAST
  vLevel = p.z;
#else
  float state;
  vec4 paint = paintOf(a.row, state);
  vec3 n = face == 0 ? vec3(0.0, 0.0, 1.0) : face == 5 ? vec3(0.0, 0.0, -1.0)
    : vec3(along.y, -along.x, 0.0) * (face == 1 || face == 4 ? 1.0 : -1.0);
  vColour = vec4(face == 0 ? (state == 0.0 ? uFill[a.kind].rgb : paint.rgb) : uFill[a.kind].rgb * 0.93, face == 0 ? state : 0.0);
  vNormal = vec4(n, marking(a.row));
  vPlace = p;
#endif
  gl_Position = projectionMatrix * viewMatrix * vec4(p, 1.0);
}`;

const DECK_FRAGMENT = /* glsl */ `
${LIGHT_GLSL}
in vec3 vPlace;
flat in vec4 vColour;
flat in vec4 vNormal;
out vec4 colour;
void main() {
  vec3 c = vColour.w == 2.0 ? hatched(gl_FragCoord.xy) : vColour.rgb;
  c = mix(c, uAccent, vNormal.w);
  if (!(uReal == 0.0 && vColour.w > 0.0)) c *= light(vPlace, vNormal.xyz);
  colour = vec4(hazed(c, vPlace, cameraPosition), 1.0);
}`;

/** Faces of a piece of wall: its top, its two sides, and its two ends. */
const WALL_FACES = 5;
/** Height where it is not known, and half the thickness of a wall by kind [m]. */
const WALLS: Record<string, [height: number, half: number]> = {
  wall: [2, 0.15],
  retaining_wall: [1.5, 0.2],
  fence: [1.5, 0.06],
  hedge: [1.5, 0.4],
  dyke: [2, 2],
  kerb: [0.15, 0.1],
};
const OTHER_WALL: [number, number] = [1, 0.1];

const WALL = /* glsl */ `
${READ}
uniform vec2 uWall[${KINDS}]; // height where it is not known, half thickness [m]
#ifdef CAST
out float vLevel;
#else
${PAINT_GLSL}
out vec3 vPlace;
flat out vec4 vColour;
flat out vec4 vNormal;
#endif

void main() {
  int quad = gl_VertexID >> 2;
  int segment = uFirst + quad / ${WALL_FACES};
  int face = quad % ${WALL_FACES};
  int corner = gl_VertexID & 3;
  Node a = nodeAt(segment), b = nodeAt(segment + 1);
  gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
  if ((a.flags & ${LAST}u) != 0u) return;
  vec2 form = uWall[a.kind];
  float tall = a.width > 0.0 ? a.width : form.x;
  bool one = corner == 1 || corner == 2;
  bool other = corner > 1;
  // On the top, corners differ along and across; on the sides, along and in height; at the ends, across and in height.
  bool second = face < 3 ? one : face == 4;
  float across = face == 0 ? (other ? 1.0 : -1.0) : face == 1 ? -1.0 : face == 2 ? 1.0 : (one ? 1.0 : -1.0);
  bool upper = face == 0 || other;
  Node at = a;
  if (second) at = b;
  vec2 along = normalize(b.p.xy - a.p.xy + 1e-6);
  vec3 p = vec3(at.p.xy + at.mitre * across * form.y, at.p.z + (upper ? tall : -0.5));
#ifdef CAST
  vLevel = p.z;
#else
  float state;
  vec4 paint = paintOf(a.row, state);
  vec3 n = face == 0 ? vec3(0.0, 0.0, 1.0)
    : face < 3 ? vec3(along.y, -along.x, 0.0) * (face == 1 ? 1.0 : -1.0)
    : vec3(along, 0.0) * (face == 3 ? -1.0 : 1.0);
  vColour = vec4(state == 0.0 ? uFill[a.kind].rgb : paint.rgb, state);
  vNormal = vec4(n, marking(a.row));
  vPlace = p;
#endif
  gl_Position = projectionMatrix * viewMatrix * vec4(p, 1.0);
}`;

/** What ribbons and vehicles are drawn from. */
export interface Strips extends Pick<StripTile, "frame" | "n" | "points"> {
  uniforms: Uniforms;
  sphere: THREE.Sphere;
}

/** What picking keeps of a tile. */
export interface KeptStrips extends Pick<StripTile, "frame" | "n" | "low" | "high"> {
  points: Uint32Array;
}

export class Lines extends Layer {
  readonly kept: KeptStrips[] = [];
  readonly strips: Strips[] = [];
  readonly #opposite = new Map<number, number>();
  readonly #reverse = new Map<number, number>();
  readonly #kinds: string[];
  readonly #outline: number;
  readonly #look: Uniforms;
  readonly #walls: boolean;

  /** @param outline Width of outlines in pixels; 0 for ribbons as wide as the lines. Barriers stand up as walls. */
  constructor(name: string, shared: Shared, kinds: string[], error_m: number, outline = 0) {
    super(name, shared);
    this.#walls = name === "barriers";
    this.#kinds = kinds.slice(0, KINDS);
    this.#outline = outline;
    const table = (): THREE.Vector4[] => Array.from({ length: KINDS }, () => new THREE.Vector4(0.5, 0.5, 0.5, 1));
    this.#look = {
      uFill: { value: table() },
      uCasing: { value: table() },
      uForm: { value: table() },
      uLift: { value: error_m },
      uOutline: { value: outline },
      uDeck: { value: 1.1 },
      uWall: { value: Array.from({ length: KINDS }, (_, k) => new THREE.Vector2(...(WALLS[kinds[k]] ?? OTHER_WALL))) },
    };
  }

  add(tile: StripTile): void {
    const sphere = sphereOf(tile.low, tile.high);
    sphere.radius += 20;
    const uniforms = {
      ...frameUniforms(tile.frame),
      ...this.paint.uniforms,
      ...this.#look,
      uTexels: { value: this.table(tile.points) },
    };
    const flat = { transparent: true, depthWrite: false };
    for (let first = 0; !this.#walls && first < tile.nFlat - 1; first += QUADS) {
      const geometry = quadGeometry(Math.min(QUADS, tile.nFlat - 1 - first), sphere);
      for (const pass of this.#outline ? [1] : [0, 1]) {
        const own = { ...uniforms, uFirst: { value: first }, uPass: { value: pass } };
        const options = {
          shared: this.shared,
          uniforms: own,
          vertex: FLAT,
          fragment: FLAT_FRAGMENT,
          parameters: { ...flat, side: THREE.DoubleSide },
        };
        this.mesh(geometry, material(options), pass ? this.#order : ORDER.casing);
      }
    }
    const [faces, vertex, begin] = this.#walls ? [WALL_FACES, WALL, 0] : [FACES, DECK, tile.nFlat];
    const most = Math.floor(QUADS / faces);
    for (let first = begin; first < tile.n - 1; first += most) {
      const geometry = quadGeometry(Math.min(most, tile.n - 1 - first) * faces, sphere);
      const own = { ...uniforms, uFirst: { value: first } };
      const options = { shared: this.shared, uniforms: own, vertex, fragment: DECK_FRAGMENT };
      this.mesh(geometry, material({ ...options, parameters: { side: THREE.DoubleSide } }), ORDER.solids);
      this.mesh(geometry, casterMaterial(options), 0, this.casters);
    }
    if (!this.#outline)
      this.kept.push({ frame: tile.frame, n: tile.n, low: tile.low, high: tile.high, points: tile.points });
    const { points, frame, n } = tile;
    this.strips.push({ points, frame, n, sphere, uniforms: { ...frameUniforms(frame), uTexels: uniforms.uTexels } });
    const [rows, reverse] = tile.opposite;
    reverse.forEach((other, i) => {
      if (other === NONE) return;
      this.#opposite.set(other, rows[i]);
      this.#reverse.set(rows[i], other);
    });
    this.tiles++;
  }

  get #order(): number {
    if (this.#outline) return ORDER.outlines;
    return this.name === "grid_lines" ? ORDER.cables : ORDER.lines;
  }

  /** The other way of each row that is drawn. */
  get reverse(): ReadonlyMap<number, number> {
    return this.#reverse;
  }

  /** Of two opposite links only one is drawn: the one that stands for a row. */
  drawnRow(row: number): number {
    return this.#opposite.get(row) ?? row;
  }

  dress(palette: Palette): void {
    for (let k = 0; k < KINDS; k++) {
      const style = palette.lines[this.#kinds[k]] ?? palette.lines[FALLBACK[this.name] ?? "other"];
      this.#look.uFill.value[k].set(...(this.#outline ? palette.outline : style.fill), 1);
      this.#look.uCasing.value[k].set(...style.casing, 1);
      this.#look.uForm.value[k].set(style.least, this.#outline ? NEVER : style.fades, style.rails, 1);
    }
  }
}

/** Style of kinds without one of their own. */
const FALLBACK: Record<string, string> = {
  railways: "rail",
  waterways: "stream",
  barriers: "wall",
  grid_lines: "cable",
};

/** Order in which kinds are drawn, least important first. */
export function ranksOf(kinds: string[], palette: Palette): number[] {
  return kinds.map((kind) => palette.lines[kind]?.rank ?? 0);
}
