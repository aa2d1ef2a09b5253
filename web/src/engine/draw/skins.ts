/** Buildings whose surfaces the source models (level of detail 2 and more), and the faces of all, each with values of its own. */

import * as THREE from "three";
import type { SkinTile } from "../decode/meshes";
import { PAINT_GLSL } from "../look/paint";
import type { Palette } from "../look/palette";
import { casterMaterial, frameUniforms, LIGHT_GLSL, material, type Shared, sphereOf, TEXEL_GLSL } from "./kit";
import { Layer, ORDER } from "./layer";

const VERTEX = /* glsl */ `
uniform highp usampler2D uTriangles, uVertices;
${TEXEL_GLSL}
#ifdef CAST
out float vLevel;
#else
${PAINT_GLSL}
uniform vec3 uWall, uRoof;
out vec3 vPlace;
flat out vec4 vColour;
flat out float vMark;
#endif
vec3 vertexAt(uint v) {
  uvec4 pair = texel(uVertices, int(v >> 1));
  uvec2 one = (v & 1u) == 0u ? pair.xy : pair.zw;
  return vec3(place(one.x), level(one.y));
}
void main() {
  uvec4 t = texel(uTriangles, gl_VertexID / 3);
  vec3 p = vertexAt(t[gl_VertexID % 3]);
#ifdef OVER
  // Faces lie on the building that is drawn already: a little before it, more so from afar.
  vec3 a = vertexAt(t.x);
  vec3 n = cross(vertexAt(t.y) - a, vertexAt(t.z) - a);
  p += n / max(length(n), 1e-6) * (0.05 + 0.0006 * distance(cameraPosition, p));
#endif
#ifdef CAST
  vLevel = p.z;
#else
  int row = int(t.w & 0x0fffffffu);
  float state;
  vec4 paint = paintOf(row, state);
  vColour = vec4(state == 0.0 ? ((t.w >> 28) == 1u ? uRoof : uWall) : paint.rgb, state);
  vMark = marking(row);
  vPlace = p;
#endif
  gl_Position = projectionMatrix * viewMatrix * vec4(p, 1.0);
}`;

const FRAGMENT = /* glsl */ `
${LIGHT_GLSL}
in vec3 vPlace;
flat in vec4 vColour;
flat in float vMark;
out vec4 colour;
void main() {
  vec3 n = normalize(cross(dFdx(vPlace), dFdy(vPlace)));
  vec3 c = vColour.w == 2.0 ? hatched(gl_FragCoord.xy) : vColour.rgb;
  c = mix(c, uAccent, vMark);
  bool legend = uReal == 0.0 && vColour.w > 0.0 && n.z > 0.5;
  colour = vec4(hazed(legend ? c : c * light(vPlace, n), vPlace, cameraPosition), 1.0);
}`;

/** What picking keeps of a tile. */
export interface KeptSkins extends SkinTile {
  sphere: THREE.Sphere;
}

export class Skins extends Layer {
  readonly kept: KeptSkins[] = [];
  readonly #look = { uWall: { value: new THREE.Vector3() }, uRoof: { value: new THREE.Vector3() } };

  /** @param over Whether they lie upon buildings that are drawn by another layer. */
  constructor(
    name: string,
    shared: Shared,
    readonly over = false,
  ) {
    super(name, shared);
  }

  add(tile: SkinTile): void {
    const sphere = sphereOf(tile.low, tile.high);
    const uniforms = {
      ...frameUniforms(tile.frame),
      ...this.paint.uniforms,
      ...this.#look,
      uTriangles: { value: this.table(tile.triangles.slice()) },
      uVertices: { value: this.table(tile.vertices.slice()) },
    };
    const geometry = new THREE.BufferGeometry();
    geometry.setDrawRange(0, tile.n * 3);
    geometry.boundingSphere = sphere;
    const vertex = this.over ? `#define OVER\n${VERTEX}` : VERTEX;
    const options = { shared: this.shared, uniforms, vertex, fragment: FRAGMENT };
    this.mesh(geometry, material({ ...options, parameters: { side: THREE.DoubleSide } }), ORDER.solids);
    if (!this.over) this.mesh(geometry, casterMaterial(options), 0, this.casters);
    this.kept.push({ ...tile, sphere });
    this.tiles++;
  }

  dress(palette: Palette): void {
    this.#look.uWall.value.fromArray(palette.wall);
    this.#look.uRoof.value.fromArray(palette.roof);
  }
}
