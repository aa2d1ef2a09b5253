/** Trees: a low crown of a few faces on a thin trunk, pulled from a table of places. */

import * as THREE from "three";
import type { PointTile } from "../decode/points";
import { PAINT_GLSL } from "../look/paint";
import type { Palette } from "../look/palette";
import { casterMaterial, frameUniforms, LIGHT_GLSL, material, sphereOf, TEXEL_GLSL } from "./kit";
import { type Eye, Layer, ORDER } from "./layer";

/** Height of a tree of which it is not known [m]. */
export const UNKNOWN_TREE_M = 7;

/** Rings of a crown: radius and height as shares of its size, from its foot to its top. */
const SIDES = 6;
const RINGS = [
  [0.0, 0.0],
  [0.78, 0.16],
  [1.0, 0.46],
  [0.68, 0.82],
  [0.0, 1.0],
];
const CROWN = shape(RINGS, SIDES);
const FAR_CROWN = shape([RINGS[0], [1.0, 0.42], RINGS[4]], 5);
const TRUNK = 9;

/** Corners of the triangles of a body of revolution: across, height, and turn. */
function shape(rings: number[][], sides: number): number[][] {
  const corners: number[][] = [];
  const at = (ring: number, side: number): number[] => [
    ...rings[ring],
    (side % sides) / sides + (ring % 2) * (0.5 / sides),
  ];
  for (let ring = 0; ring + 1 < rings.length; ring++)
    for (let side = 0; side < sides; side++) {
      const [a, b, c, d] = [at(ring, side), at(ring, side + 1), at(ring + 1, side), at(ring + 1, side + 1)];
      if (rings[ring][0] > 0) corners.push(a, b, c);
      if (rings[ring + 1][0] > 0) corners.push(b, d, c);
    }
  return corners;
}

function table(name: string, corners: number[][]): string {
  const list = corners.map((c) => `vec3(${c.map((value) => value.toFixed(4)).join(", ")})`);
  return `const vec3 ${name}[${corners.length}] = vec3[${corners.length}](${list.join(", ")});`;
}

function vertexCode(corners: number[][], trunk: boolean): string {
  const each = corners.length + (trunk ? TRUNK : 0);
  return /* glsl */ `
uniform highp usampler2D uTexels;
${TEXEL_GLSL}
${table("CORNER", corners)}
#ifdef CAST
out float vLevel;
#else
${PAINT_GLSL}
uniform vec3 uCrown, uTrunk;
out vec3 vPlace, vNormal;
flat out vec4 vColour;
flat out float vMark;
#endif
void main() {
  int tree = gl_VertexID / ${each};
  int k = gl_VertexID % ${each};
  uvec4 t = texel(uTexels, tree);
  int row = int(t.w);
  float tall = (t.z & 65535u) == 0u ? ${UNKNOWN_TREE_M.toFixed(1)} : max(float(t.z & 65535u) * 0.01, 2.0);
  float wide = float(t.z >> 16) * 0.01;
  if (wide == 0.0) wide = 0.55 * tall;
  float seed = fract(float(row) * 0.61803399);
  vec3 foot = vec3(place(t.x), level(t.y));
  float crownFoot = min(0.3 * tall, 3.5);
  vec3 p, n;
  bool isTrunk = k >= ${corners.length};
  if (isTrunk) {
    int c = k - ${corners.length};
    int side = c / 3;
    int corner = c % 3;
    float angle = 2.0944 * float(corner == 1 ? side + 1 : side);
    float r = 0.03 * wide + 0.06;
    n = vec3(cos(angle), sin(angle), 0.0);
    p = foot + vec3(n.xy * r, corner == 2 ? crownFoot + 0.2 * tall : -0.3);
  } else {
    vec3 c = CORNER[k];
    float angle = 6.2832 * (c.z + seed);
    float r = 0.5 * wide * c.x;
    n = normalize(vec3(cos(angle) * c.x, sin(angle) * c.x, (c.y - 0.42) * 1.6));
    p = foot + vec3(cos(angle) * r, sin(angle) * r, mix(crownFoot, tall, c.y));
  }
#ifdef CAST
  vLevel = foot.z; // trees darken no corners
#else
  float state;
  vec4 paint = paintOf(row, state);
  vec3 plain = uCrown * (0.93 + 0.14 * seed);
  vColour = vec4(isTrunk ? uTrunk : state == 0.0 ? plain : paint.rgb, isTrunk ? 0.0 : state);
  vMark = isTrunk ? 0.0 : marking(row);
  vPlace = p;
  vNormal = n;
#endif
  gl_Position = projectionMatrix * viewMatrix * vec4(p, 1.0);
}`;
}

const FRAGMENT = /* glsl */ `
${LIGHT_GLSL}
in vec3 vPlace, vNormal;
flat in vec4 vColour;
flat in float vMark;
out vec4 colour;
void main() {
  vec3 n = normalize(vNormal);
  vec3 c = vColour.w == 2.0 ? hatched(gl_FragCoord.xy) : vColour.rgb;
  c = mix(c, uAccent, vMark);
  // Leaves let light through: soft around the crown, darker below.
  float facing = dot(n, uSun) * 0.5 + 0.5;
  float painted = uReal == 0.0 && vColour.w > 0.0 ? 0.5 : 1.0;
  vec3 e = uAmbient * mix(0.72, 1.0, 0.5 + 0.5 * n.z) + uSunlight * (0.15 + 1.05 * facing * facing);
  colour = vec4(hazed(c * mix(vec3(1.0), e, painted), vPlace, cameraPosition), 1.0);
}`;

interface TreeTile extends PointTile {
  near: THREE.Mesh[];
  far: THREE.Mesh[];
  sphere: THREE.Sphere;
}

export class Trees extends Layer {
  readonly drawn: TreeTile[] = [];
  readonly #look = { uCrown: { value: new THREE.Vector3() }, uTrunk: { value: new THREE.Vector3() } };

  add(tile: PointTile): void {
    const sphere = sphereOf(tile.low, tile.high);
    sphere.radius += 10;
    const uniforms = {
      ...frameUniforms(tile.frame),
      ...this.paint.uniforms,
      ...this.#look,
      uTexels: { value: this.table(tile.points) },
    };
    const meshes = (corners: number[][], trunk: boolean): THREE.Mesh[] => {
      const geometry = new THREE.BufferGeometry();
      geometry.setDrawRange(0, tile.n * (corners.length + (trunk ? TRUNK : 0)));
      geometry.boundingSphere = sphere;
      const options = { shared: this.shared, uniforms, vertex: vertexCode(corners, trunk), fragment: FRAGMENT };
      return [
        this.mesh(geometry, material({ ...options, parameters: { side: THREE.DoubleSide } }), ORDER.solids),
        this.upright(geometry, casterMaterial(options)),
      ];
    };
    this.drawn.push({ ...tile, sphere, near: meshes(CROWN, true), far: meshes(FAR_CROWN, false) });
    this.tiles++;
  }

  dress(palette: Palette): void {
    this.#look.uCrown.value.fromArray(palette.crown);
    this.#look.uTrunk.value.fromArray(palette.trunk);
  }

  override prepare({ position, pixel }: Eye): void {
    for (const tile of this.drawn) {
      const away = Math.max(1, position.distanceTo(tile.sphere.center) - tile.sphere.radius);
      const near = 8 / (away * pixel) > 7 || (tile.n < 1000 && 8 / (away * pixel) > 3);
      for (const mesh of tile.near) mesh.visible = near;
      for (const mesh of tile.far) mesh.visible = !near;
    }
  }
}
