/** Heights of the city from above, smoothed: what stands around a place darkens it, as in a model under a wide lamp. */

import * as THREE from "three";
import type { Box } from "../contract";
import { material, type Shared, type Uniforms } from "./kit";
import type { Circle } from "./shadow";

/** Texels along the map of heights, and along its two smoothings. */
const SIZE = 1024;
const FINE = 512;
const WIDE = 256;
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
uniform vec2 uStep; // of 0.6 spreads, in the direction of the pass
in vec2 vAt;
out vec4 colour;
void main() {
  float sum = 0.0, weight = 0.0;
  for (int i = -4; i <= 4; i++) {
    float w = exp(-0.18 * float(i * i));
    sum += w * texture(uFrom, vAt + uStep * float(i)).r;
    weight += w;
  }
  colour = vec4(sum / weight, 0.0, 0.0, 1.0);
}`;

const JOIN = /* glsl */ `
uniform sampler2D uFine, uWide;
in vec2 vAt;
out vec4 colour;
void main() { colour = vec4(texture(uFine, vAt).r, texture(uWide, vAt).r, 0.0, 1.0); }`;

export class Occlusion {
  #heights = target(SIZE, THREE.RedFormat, true);
  #fine = [target(FINE, THREE.RedFormat), target(FINE, THREE.RedFormat)];
  #wide = [target(WIDE, THREE.RedFormat), target(WIDE, THREE.RedFormat)];
  #both = target(FINE, THREE.RGFormat);
  #camera = new THREE.OrthographicCamera();
  #blur = { uFrom: { value: null as THREE.Texture | null }, uStep: { value: new THREE.Vector2() } };
  #blurring: THREE.Scene;
  #joining: THREE.Scene;
  #covered: Omit<Circle, "z"> | null = null;

  constructor(private readonly shared: Shared) {
    this.#blurring = pass(shared, BLUR, this.#blur);
    const parts = { uFine: { value: this.#fine[1].texture }, uWide: { value: this.#wide[1].texture } };
    this.#joining = pass(shared, JOIN, parts);
  }

  get bytes(): number {
    return SIZE * SIZE * (2 + 4) + 2 * FINE * FINE * 2 + 2 * WIDE * WIDE * 2 + FINE * FINE * 4;
  }

  /** Whether there is a map of the city as it is. */
  get known(): boolean {
    return this.#covered !== null;
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

    // The wide smoothing goes on where the fine one ends.
    const step = SPREADS.map((spread, k) => 0.6 * Math.max(spread / (2 * radius), [1, 1.5][k] / SIZE));
    this.#smooth(renderer, this.#heights, this.#fine, step[0]);
    this.#smooth(renderer, this.#fine[1], this.#wide, step[1]);
    renderer.setRenderTarget(this.#both);
    renderer.render(this.#joining, this.#camera);
    renderer.setRenderTarget(null);
    this.shared.uHeights.value = this.#both.texture;
    this.shared.uHeightsFrame.value.set(x - radius, y - radius, 0.5 / radius, 0.5 / radius);
    return true;
  }

  /** First across, then up. */
  #smooth(
    renderer: THREE.WebGLRenderer,
    from: THREE.WebGLRenderTarget,
    to: THREE.WebGLRenderTarget[],
    step: number,
  ): void {
    to.forEach((target, k) => {
      this.#blur.uFrom.value = (k ? to[0] : from).texture;
      this.#blur.uStep.value.set(k ? 0 : step, k ? step : 0);
      renderer.setRenderTarget(target);
      renderer.render(this.#blurring, this.#camera);
    });
  }

  dispose(): void {
    for (const one of [this.#heights, ...this.#fine, ...this.#wide, this.#both]) one.dispose();
  }
}

/** A triangle over the whole target. */
function pass(shared: Shared, fragment: string, uniforms: Uniforms): THREE.Scene {
  const geometry = new THREE.BufferGeometry();
  geometry.setDrawRange(0, 3);
  geometry.boundingSphere = new THREE.Sphere(new THREE.Vector3(), 1e9);
  const parameters = { depthTest: false, depthWrite: false };
  const mesh = new THREE.Mesh(geometry, material({ shared, uniforms, vertex: VERTEX, fragment, parameters }));
  mesh.frustumCulled = false;
  const scene = new THREE.Scene();
  scene.add(mesh);
  return scene;
}

function target(size: number, format: THREE.PixelFormat, depthBuffer = false): THREE.WebGLRenderTarget {
  return new THREE.WebGLRenderTarget(size, size, {
    type: THREE.HalfFloatType,
    format,
    depthBuffer,
    minFilter: THREE.LinearFilter,
    magFilter: THREE.LinearFilter,
  });
}
