/** The map of cast shadows: drawn anew only where the sun, the city or what is looked at has changed. */

import * as THREE from "three";
import type { Shared } from "./kit";

/** What a map covers: a circle on the ground. */
export interface Circle {
  x: number;
  y: number;
  z: number;
  radius: number;
}

/** A map covers this much more than is looked at, so that small moves need no new one. */
const MARGIN = 1.3;

export class Shadow {
  #target: THREE.WebGLRenderTarget;
  #camera = new THREE.OrthographicCamera();
  #covered: Circle | null = null;
  #size: number;
  #bias = new THREE.Matrix4().set(0.5, 0, 0, 0.5, 0, 0.5, 0, 0.5, 0, 0, 0.5, 0.5, 0, 0, 0, 1);

  constructor(
    private readonly shared: Shared,
    size: number,
  ) {
    this.#size = size;
    this.#camera.layers.enableAll();
    const depth = new THREE.DepthTexture(size, size, THREE.UnsignedIntType);
    depth.compareFunction = THREE.LessEqualCompare;
    depth.minFilter = depth.magFilter = THREE.LinearFilter;
    this.#target = new THREE.WebGLRenderTarget(size, size, { depthTexture: depth, format: THREE.RedFormat });
    shared.uShadowMap.value = depth;
  }

  get bytes(): number {
    return this.#size * this.#size * 5;
  }

  /** Make the map before anything is asked of it: shaders are bound to it even where there is no sun. */
  make(renderer: THREE.WebGLRenderer): void {
    renderer.initRenderTarget(this.#target);
  }

  /** Whether there is a map of the city as it is. */
  get known(): boolean {
    return this.#covered !== null;
  }

  /** The sun or the city has changed. */
  invalidate(): void {
    this.#covered = null;
  }

  /** Make sure that what is looked at has its shadows. */
  refresh(renderer: THREE.WebGLRenderer, casters: THREE.Scene, seen: Circle, tall: number): boolean {
    const old = this.#covered;
    const inside = old && Math.hypot(seen.x - old.x, seen.y - old.y) + seen.radius <= old.radius * 1.02;
    if (inside && seen.radius > old.radius / (MARGIN * 1.8)) return false;
    const radius = seen.radius * MARGIN;
    this.#covered = { ...seen, radius };
    this.#aim(seen, radius, tall);
    const { color } = renderer.state.buffers; // of this target, depth alone is read
    color.setMask(false);
    color.setLocked(true);
    renderer.setRenderTarget(this.#target);
    renderer.clear();
    renderer.render(casters, this.#camera);
    renderer.setRenderTarget(null);
    color.setLocked(false);
    color.setMask(true);
    return true;
  }

  #aim({ x, y, z }: Circle, radius: number, tall: number): void {
    const camera = this.#camera;
    const sun = this.shared.uSun.value;
    // Seen from the sun, a circle on the ground is an ellipse: its short axis stands upright in the map.
    const flat = Math.max(sun.z, 0.08);
    const high = radius * flat + tall * Math.sqrt(1 - flat * flat);
    const depth = radius * Math.sqrt(1 - flat * flat) + tall;
    camera.left = -radius;
    camera.right = radius;
    camera.top = high;
    camera.bottom = -high;
    camera.near = 0;
    camera.far = 2 * depth + 200;
    camera.up.set(0, 0, 1);
    camera.position.set(x, y, z).addScaledVector(sun, depth + 100);
    camera.lookAt(x, y, z);
    camera.updateMatrixWorld();
    camera.updateProjectionMatrix();
    this.shared.uShadowMatrix.value
      .copy(this.#bias)
      .multiply(camera.projectionMatrix)
      .multiply(camera.matrixWorldInverse);
    // A place is asked for one texel off its surface, so that no surface shades itself.
    const texel = (2 * radius) / this.#size;
    this.shared.uShadowTexel.value.set(1 / this.#size, Math.max(0.08, texel * 1.1));
  }

  dispose(): void {
    this.#target.dispose();
    this.#target.depthTexture?.dispose();
  }
}
