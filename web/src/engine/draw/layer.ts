/** What every drawn layer has: a group of its own, casters of shadow, paint, and a count of its bytes on the card. */

import * as THREE from "three";
import type { Paint } from "../contract";
import { PaintTextures } from "../look/paint";
import type { Palette } from "../look/palette";
import { type Shared, texelTexture } from "./kit";

/** What a layer needs to know of the eye before a picture is drawn. */
export interface Eye {
  position: THREE.Vector3;
  /** Metres that a pixel covers at a distance of 1 m. */
  pixel: number;
  /** Triangles that may be drawn. */
  budget: number;
}

/** Layer of three.js for casters that stand upright, or darken no corners: seen by the sun, not from above. */
export const UPRIGHT = 1;

export abstract class Layer {
  readonly group = new THREE.Group();
  readonly casters = new THREE.Group();
  readonly paint = new PaintTextures();
  tiles = 0;
  #bytes = 0;
  #tables: THREE.Texture[] = [];
  #uploaded = 0;

  constructor(
    readonly name: string,
    protected readonly shared: Shared,
  ) {
    for (const group of [this.group, this.casters]) {
      group.matrixAutoUpdate = false;
      group.matrixWorldAutoUpdate = false;
    }
  }

  get bytes(): number {
    return this.#bytes + this.paint.bytes;
  }

  set visible(on: boolean) {
    this.group.visible = this.casters.visible = on;
  }

  get visible(): boolean {
    return this.group.visible;
  }

  /** Colours of the plain look. */
  abstract dress(palette: Palette): void;

  /** Level of detail and the like. */
  prepare(_eye: Eye): void {}

  setPaint(paint: Paint | null): void {
    this.paint.set(paint);
  }

  setBlend(next: Paint | null, share: number): void {
    this.paint.blend(next, share);
  }

  dispose(): void {
    for (const group of [this.group, this.casters])
      group.traverse((object) => {
        if (!(object instanceof THREE.Mesh)) return;
        object.geometry.dispose();
        (object.material as THREE.Material).dispose();
      });
    for (const table of this.#tables) table.dispose();
    this.paint.dispose();
  }

  /** Textures made since the last call: they are put on the card at once, so that their numbers leave memory. */
  takeNew(): THREE.Texture[] {
    const fresh = this.#tables.slice(this.#uploaded);
    this.#uploaded = this.#tables.length;
    return fresh;
  }

  /** Texels as a texture of this layer. */
  protected table(data: Uint32Array<ArrayBuffer>): THREE.Texture {
    const texture = texelTexture(data);
    this.#tables.push(texture);
    this.#bytes += data.byteLength;
    return texture;
  }

  protected hold(...arrays: { byteLength: number }[]): void {
    for (const array of arrays) this.#bytes += array.byteLength;
  }

  protected mesh(geometry: THREE.BufferGeometry, material: THREE.Material, order: number, to = this.group): THREE.Mesh {
    const mesh = new THREE.Mesh(geometry, material);
    mesh.renderOrder = order;
    mesh.matrixAutoUpdate = false;
    to.add(mesh);
    return mesh;
  }

  /** A caster of shadow that is not seen from above. */
  protected upright(geometry: THREE.BufferGeometry, material: THREE.Material): THREE.Mesh {
    const mesh = this.mesh(geometry, material, 0, this.casters);
    mesh.layers.set(UPRIGHT);
    return mesh;
  }
}

/** Order of drawing: what hides most comes first; what lies on the ground follows it. */
export const ORDER = {
  solids: 0,
  ground: 10,
  areas: 20,
  casing: 30,
  lines: 31,
  cables: 32,
  behind: 34,
  flows: 35,
  vehicles: 36,
  sky: 40,
  outlines: 50,
  pins: 60,
  measure: 70,
};
