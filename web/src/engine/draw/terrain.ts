/** The ground: a mesh coloured by what covers it, cut at its border like the block of a model. */

import * as THREE from "three";
import type { Box, Point, Tint } from "../contract";
import { type Cover, coverColours } from "../decode/cover";
import type { TerrainMesh } from "../decode/meshes";
import type { Palette } from "../look/palette";
import { casterMaterial, dropAfterUpload, LIGHT_GLSL, material, sphereOf } from "./kit";
import { Layer, ORDER } from "./layer";

const VERTEX = /* glsl */ `
in vec3 position;
#ifdef CAST
out float vLevel;
void main() {
  vLevel = position.z;
  gl_Position = projectionMatrix * viewMatrix * vec4(position, 1.0);
}
#else
in vec3 normal;
out vec3 vPlace, vNormal;
void main() {
  vPlace = position;
  vNormal = normal;
  gl_Position = projectionMatrix * viewMatrix * vec4(position, 1.0);
}
#endif`;

const GROUND = /* glsl */ `
${LIGHT_GLSL}
uniform sampler2D uCover;
uniform vec4 uCoverFrame;
uniform sampler2D uTint; // colours times their strength
uniform vec4 uTintFrame;
uniform vec3 uGround;
uniform float uRelief;
in vec3 vPlace, vNormal;
out vec4 colour;
void main() {
  vec3 c = uCoverFrame.z > 0.0 ? texture(uCover, (vPlace.xy - uCoverFrame.xy) * uCoverFrame.zw).rgb : uGround;
  vec3 n = normalize(vNormal);
  // Slopes of cities are gentle: drawn steeper than they are, they can be read.
  n = normalize(vec3(n.xy * uRelief, n.z));
  c *= light(vPlace, n);
  if (uTintFrame.z > 0.0) {
    vec2 at = (vPlace.xy - uTintFrame.xy) * uTintFrame.zw;
    vec4 tint = max(abs(at.x - 0.5), abs(at.y - 0.5)) < 0.5 ? texture(uTint, at) : vec4(0.0);
    c = c * (1.0 - tint.a) + tint.rgb;
  }
  colour = vec4(hazed(c, vPlace, cameraPosition), 1.0);
}`;

const SKIRT = /* glsl */ `
${LIGHT_GLSL}
uniform vec3 uPlinth;
uniform float uBottom;
in vec3 vPlace;
out vec4 colour;
void main() {
  vec3 n = normalize(cross(dFdx(vPlace), dFdy(vPlace)));
  vec3 e = uAmbient * 0.84 + uSunlight * clamp(dot(n, uSun) / max(uSun.z, 0.05), 0.0, 1.0);
  float down = smoothstep(0.0, 14.0, vPlace.z - uBottom);
  colour = vec4(hazed(uPlinth * e * mix(0.86, 1.0, down), vPlace, cameraPosition), 1.0);
}`;

export class Terrain extends Layer {
  readonly #look = {
    uGround: { value: new THREE.Vector3() },
    uPlinth: { value: new THREE.Vector3() },
    uBottom: { value: 0 },
    uRelief: { value: 1.8 },
    uCover: { value: null as THREE.Texture | null },
    uCoverFrame: { value: new THREE.Vector4(0, 0, 0, 0) },
    uTint: { value: null as THREE.Texture | null },
    uTintFrame: { value: new THREE.Vector4(0, 0, 0, 0) },
  };
  #cover: Cover | null = null;
  #classes: string[] = [];
  #palette: Palette | null = null;

  add(mesh: TerrainMesh, low: Point, high: Point): void {
    const sphere = sphereOf([low[0], low[1], mesh.bottom], high);
    const ground = new THREE.BufferGeometry();
    ground.setAttribute("position", kept(new THREE.BufferAttribute(mesh.positions, 3)));
    const normals = new THREE.InterleavedBuffer(mesh.normals, 4);
    ground.setAttribute("normal", new THREE.InterleavedBufferAttribute(normals, 3, 0, true));
    ground.setIndex(kept(new THREE.BufferAttribute(mesh.triangles, 1)));
    ground.boundingSphere = sphere;
    const options = { shared: this.shared, uniforms: this.#look, vertex: VERTEX, fragment: GROUND };
    this.mesh(ground, material(options), ORDER.ground);
    this.mesh(ground, casterMaterial(options), 0, this.casters);

    const skirt = new THREE.BufferGeometry();
    skirt.setAttribute("position", kept(new THREE.BufferAttribute(mesh.skirt, 3)));
    skirt.boundingSphere = sphere;
    const vertex = VERTEX.replace("in vec3 normal;", "const vec3 normal = vec3(0.0);");
    this.mesh(
      skirt,
      material({ ...options, vertex, fragment: SKIRT, parameters: { side: THREE.DoubleSide } }),
      ORDER.ground,
    );
    this.#look.uBottom.value = mesh.bottom;
    this.hold(mesh.positions, mesh.normals, mesh.triangles, mesh.skirt);
    this.tiles = 1;
  }

  setCover(cover: Cover, classes: string[], box: Box): void {
    this.#cover = cover;
    this.#classes = classes;
    this.#look.uCoverFrame.value.set(box[0], box[1], 1 / (box[3] - box[0]), 1 / (box[4] - box[1]));
    this.hold({ byteLength: Math.round((cover.cells.length * 4 * 4) / 3) });
    if (this.#palette) this.dress(this.#palette);
  }

  setTint(tint: Tint | null): void {
    const { uTint, uTintFrame } = this.#look;
    uTint.value?.dispose();
    uTint.value = null;
    uTintFrame.value.set(0, 0, 0, 0);
    if (!tint) return;
    const { rgba, width, height, box } = tint;
    const strong = Uint8Array.from(rgba, (value, k) => (k % 4 === 3 ? value : (value * rgba[k - (k % 4) + 3]) / 255));
    const texture = new THREE.DataTexture(strong, width, height, THREE.RGBAFormat);
    texture.magFilter = texture.minFilter = THREE.LinearFilter;
    texture.needsUpdate = true;
    uTint.value = texture;
    uTintFrame.value.set(box[0], box[1], 1 / (box[2] - box[0]), 1 / (box[3] - box[1]));
  }

  dress(palette: Palette): void {
    this.#palette = palette;
    this.#look.uGround.value.fromArray(palette.ground);
    this.#look.uPlinth.value.fromArray(palette.plinth);
    if (!this.#cover) return;
    const table = new Uint8Array(256 * 3);
    for (let k = 0; k < 256; k++)
      table.set(
        (palette.cover[this.#classes[k]] ?? palette.ground).map((part) => Math.round(part * 255)),
        k * 3,
      );
    const { width, height } = this.#cover;
    this.#look.uCover.value?.dispose();
    const texture = new THREE.DataTexture(coverColours(this.#cover, table), width, height, THREE.RGBAFormat);
    texture.magFilter = THREE.LinearFilter;
    texture.minFilter = THREE.LinearMipmapLinearFilter;
    texture.generateMipmaps = true;
    texture.needsUpdate = true;
    texture.onUpdate = () => void (texture.image.data = null as never);
    this.#look.uCover.value = texture;
  }

  override dispose(): void {
    super.dispose();
    this.#look.uCover.value?.dispose();
    this.#look.uTint.value?.dispose();
  }
}

function kept<A extends THREE.BufferAttribute>(attribute: A): A {
  dropAfterUpload(attribute);
  return attribute;
}
