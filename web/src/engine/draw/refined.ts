/** A picture with smooth edges, for machines without a graphics card: drawn once, when nothing has moved for a while. */

import * as THREE from "three";
import { material, type Shared } from "./kit";

const SAMPLES = 4;

const VERTEX = /* glsl */ `
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

const FRAGMENT = /* glsl */ `
uniform sampler2D uPicture;
out vec4 colour;
void main() { colour = vec4(texelFetch(uPicture, ivec2(gl_FragCoord.xy), 0).rgb, 1.0); }`;

export class Refined {
  #target: THREE.WebGLRenderTarget | null = null;
  readonly #look = { uPicture: { value: null as THREE.Texture | null } };
  readonly #scene = new THREE.Scene();
  readonly #camera = new THREE.Camera();
  readonly #material: THREE.RawShaderMaterial;

  constructor(shared: Shared) {
    const geometry = new THREE.BufferGeometry();
    geometry.setDrawRange(0, 3);
    geometry.boundingSphere = new THREE.Sphere(new THREE.Vector3(), 1e9);
    const parameters = { depthTest: false, depthWrite: false };
    this.#material = material({ shared, uniforms: this.#look, vertex: VERTEX, fragment: FRAGMENT, parameters });
    const mesh = new THREE.Mesh(geometry, this.#material);
    mesh.frustumCulled = false;
    this.#scene.add(mesh);
  }

  /** Draw through `render`, which is given the target to draw into, and put the picture on the screen. */
  draw(renderer: THREE.WebGLRenderer, render: (target: THREE.WebGLRenderTarget) => void): void {
    const size = renderer.getDrawingBufferSize(new THREE.Vector2());
    if (this.#target?.width !== size.x || this.#target.height !== size.y) {
      this.#target?.dispose();
      this.#target = new THREE.WebGLRenderTarget(size.x, size.y, { samples: SAMPLES });
    }
    render(this.#target);
    this.#look.uPicture.value = this.#target.texture;
    renderer.setRenderTarget(null);
    renderer.render(this.#scene, this.#camera);
  }

  dispose(): void {
    this.#target?.dispose();
    this.#material.dispose();
  }
}
