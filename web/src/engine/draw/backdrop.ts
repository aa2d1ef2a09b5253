/** What is seen beside the city: the table the model stands on, and the sky. One triangle behind everything. */

import * as THREE from "three";
import type { Box } from "../contract";
import type { Palette } from "../look/palette";
import type { Light } from "../look/sun";
import { material, type Shared } from "./kit";
import { ORDER } from "./layer";

const VERTEX = /* glsl */ `
uniform mat4 uRays;
out vec3 vRay;
void main() {
  vec2 p = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  vec4 far = uRays * vec4(p, 1.0, 1.0);
  vRay = far.xyz / far.w - cameraPosition;
  gl_Position = vec4(p, 1.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
uniform vec3 uTable, uTop, uLow, uSun;
uniform vec4 uEdges; // west, south, east, north of the model
uniform float uFoot, uBlock, uReal;
in vec3 vRay;
out vec4 colour;

// Distance outside a rectangle.
float outside(vec2 p) { return length(max(max(uEdges.xy - p, p - uEdges.zw), 0.0)); }

void main() {
  vec3 ray = normalize(vRay);
  vec3 sky = mix(uLow, uTop, smoothstep(0.0, 0.55, ray.z));
  if (uReal > 0.0 && ray.z > -0.2) sky += vec3(0.16, 0.11, 0.05) * pow(max(dot(ray, uSun), 0.0), 24.0) * step(0.0, uSun.z);
  vec3 c = sky;
  if (ray.z < 0.0) {
    float away = (uFoot - cameraPosition.z) / ray.z;
    vec3 p = cameraPosition + ray * away;
    // Two shadows of the block: a tight one where it touches the table, a wide one away from the light.
    float size = length(uEdges.zw - uEdges.xy);
    float touch = exp(-outside(p.xy) / (0.006 * size));
    float thrown = exp(-outside(p.xy + uSun.xy / max(uSun.z, 0.35) * 0.012 * size) / (0.03 * size));
    vec3 table = uTable * (1.0 - uBlock * (0.16 * touch + 0.13 * thrown));
    c = mix(table, uLow, 1.0 - exp(-max(away - size, 0.0) / (2.2 * size)));
  }
  // Noise below one step of the screen keeps the gradient from banding.
  c += (fract(sin(dot(gl_FragCoord.xy, vec2(12.9898, 78.233))) * 43758.5453) - 0.5) / 255.0;
  colour = vec4(c, 1.0);
}`;

export class Backdrop {
  readonly mesh: THREE.Mesh;
  readonly #look = {
    uRays: { value: new THREE.Matrix4() },
    uTable: { value: new THREE.Vector3() },
    uTop: { value: new THREE.Vector3() },
    uLow: { value: new THREE.Vector3() },
    uEdges: { value: new THREE.Vector4() },
    uFoot: { value: 0 },
    uBlock: { value: 0 },
  };

  constructor(shared: Shared) {
    const geometry = new THREE.BufferGeometry();
    geometry.setDrawRange(0, 3);
    const parameters = { depthWrite: false, depthFunc: THREE.LessEqualDepth };
    const options = { shared, uniforms: this.#look, vertex: VERTEX, fragment: FRAGMENT, parameters };
    this.mesh = new THREE.Mesh(geometry, material(options));
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = ORDER.sky;
    geometry.boundingSphere = new THREE.Sphere(new THREE.Vector3(), 1e9);
  }

  dress(palette: Palette, light: Light): void {
    this.#look.uTable.value.fromArray(palette.table.map((part, k) => part * (light.ambient[k] + light.sunlight[k])));
    this.#look.uTop.value.fromArray(light.skyTop);
    this.#look.uLow.value.fromArray(light.skyLow);
  }

  /** @param block Whether the model has a ground of its own, which stands on the table as a block. */
  place(box: Box, foot: number, block: boolean): void {
    this.#look.uBlock.value = block ? 1 : 0;
    this.#look.uEdges.value.set(box[0], box[1], box[3], box[4]);
    this.#look.uFoot.value = foot;
  }

  prepare(camera: THREE.Camera): void {
    this.#look.uRays.value.copy(camera.matrixWorld).multiply(camera.projectionMatrixInverse);
  }

  dispose(): void {
    this.mesh.geometry.dispose();
    (this.mesh.material as THREE.Material).dispose();
  }
}
