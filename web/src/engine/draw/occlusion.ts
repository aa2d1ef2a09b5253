/** Heights of the city from above, smoothed: what stands around a place darkens it, as in a model under a wide lamp. */

import * as THREE from "three";
import type { Box } from "../contract";
import { material, type Shared } from "./kit";
import type { Circle } from "./shadow";

const SIZE = 1024;
/** Spread of the two smoothings [m]. */
const SPREADS = [5, 22];
/** A city no larger than this has one map for all views; of larger ones the map shows what is looked at [m]. */
const WHOLE = 6000;
/** Half the width of a map at least: in finer ones the few samples of the smoothing would show [m]. */
const SMALLEST = 400;

const VERTEX = /* glsl */ `
out vec2 vAt;
void main() {
  vec2 p = vec2(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0);
  vAt = p * 0.5 + 0.5;
  gl_Position = vec4(p, 0.0, 1.0);
}`;

const BLUR = /* glsl */ `
uniform sampler2D uFrom;
uniform vec2 uStep; // in the direction of the pass
uniform vec2 uSigma; // of both channels, in texels
uniform float uFirst; // the first pass reads one channel for both
in vec2 vAt;
out vec4 colour;
void main() {
  vec2 sum = vec2(0.0), weight = vec2(0.0);
  for (int i = -8; i <= 8; i++) {
    vec2 x = float(i) * uSigma * 0.3; // each channel is sampled as widely as it is spread
    float w = exp(-0.5 * 0.09 * float(i * i));
    vec4 a = texture(uFrom, vAt + uStep * x.x), b = texture(uFrom, vAt + uStep * x.y);
    sum += w * vec2(a.r, uFirst > 0.0 ? b.r : b.g);
    weight += w;
  }
  colour = vec4(sum / weight, 0.0, 1.0);
}`;

export class Occlusion {
  #heights = target(SIZE);
  #half = [target(SIZE / 2), target(SIZE / 2)];
  #camera = new THREE.OrthographicCamera();
  #scene = new THREE.Scene();
  #look = {
    uFrom: { value: null as THREE.Texture | null },
    uStep: { value: new THREE.Vector2() },
    uSigma: { value: new THREE.Vector2() },
    uFirst: { value: 1 },
  };
  #covered: Omit<Circle, "z"> | null = null;

  constructor(private readonly shared: Shared) {
    const geometry = new THREE.BufferGeometry();
    geometry.setDrawRange(0, 3);
    const parameters = { depthTest: false, depthWrite: false };
    const mesh = new THREE.Mesh(
      geometry,
      material({ shared, uniforms: this.#look, vertex: VERTEX, fragment: BLUR, parameters }),
    );
    mesh.frustumCulled = false;
    geometry.boundingSphere = new THREE.Sphere(new THREE.Vector3(), 1e9);
    this.#scene.add(mesh);
  }

  get bytes(): number {
    return SIZE * SIZE * (2 + 4) + 2 * (SIZE / 2) ** 2 * 4;
  }

  invalidate(): void {
    this.#covered = null;
  }

  refresh(renderer: THREE.WebGLRenderer, casters: THREE.Scene, box: Box, seen: Circle): boolean {
    const whole = Math.max(SMALLEST, Math.max(box[3] - box[0], box[4] - box[1]) / 2 + 20);
    const small = whole <= WHOLE / 2 || seen.radius >= whole;
    const [x, y] = small ? [(box[0] + box[3]) / 2, (box[1] + box[4]) / 2] : [seen.x, seen.y];
    const radius = small ? whole : Math.min(whole, seen.radius * 1.6);
    const old = this.#covered;
    const near = old && Math.hypot(x - old.x, y - old.y) < radius * 0.3 && radius < old.radius * 1.15;
    if (near && radius > old.radius * 0.5) return false;
    this.#covered = { x, y, radius };
    const camera = this.#camera;
    camera.left = camera.bottom = -radius;
    camera.right = camera.top = radius;
    camera.near = 0;
    camera.far = box[5] - box[2] + 300;
    camera.position.set(x, y, box[5] + 100);
    camera.up.set(0, 1, 0);
    camera.lookAt(x, y, 0);
    camera.updateMatrixWorld();
    camera.updateProjectionMatrix();
    renderer.setClearColor(new THREE.Color(box[2], 0, 0), 1);
    renderer.setRenderTarget(this.#heights);
    renderer.clear();
    renderer.render(casters, camera);
    renderer.setClearColor(0, 1);

    const texel = (2 * radius) / SIZE;
    this.#look.uSigma.value.set(Math.max(1, SPREADS[0] / texel), Math.max(1.5, SPREADS[1] / texel));
    this.#pass(renderer, this.#heights.texture, this.#half[0], true);
    this.#pass(renderer, this.#half[0].texture, this.#half[1], false);
    renderer.setRenderTarget(null);
    this.shared.uHeights.value = this.#half[1].texture;
    this.shared.uHeightsFrame.value.set(x - radius, y - radius, 0.5 / radius, 0.5 / radius);
    return true;
  }

  #pass(renderer: THREE.WebGLRenderer, from: THREE.Texture, to: THREE.WebGLRenderTarget, first: boolean): void {
    this.#look.uFrom.value = from;
    this.#look.uFirst.value = first ? 1 : 0;
    this.#look.uStep.value.set(first ? 1 / SIZE : 0, first ? 0 : 1 / SIZE);
    renderer.setRenderTarget(to);
    renderer.render(this.#scene, this.#camera);
  }

  dispose(): void {
    for (const one of [this.#heights, ...this.#half]) one.dispose();
  }
}

function target(size: number): THREE.WebGLRenderTarget {
  return new THREE.WebGLRenderTarget(size, size, {
    type: THREE.HalfFloatType,
    format: THREE.RGFormat,
    minFilter: THREE.LinearFilter,
    magFilter: THREE.LinearFilter,
  });
}
