/** The layers of a scene: which files they want, and what becomes of them. */

import * as THREE from "three";
import type { Box, Scene, SceneLayer } from "./contract";
import type { Shared } from "./draw/kit";
import { Areas } from "./draw/areas";
import { Buildings } from "./draw/buildings";
import type { Layer } from "./draw/layer";
import { Lines } from "./draw/lines";
import { Pins } from "./draw/pins";
import { Skins } from "./draw/skins";
import { Terrain } from "./draw/terrain";
import { Trees } from "./draw/trees";
import { HIDDEN_AT_FIRST, type Wanted } from "./load";
import type { Palette } from "./look/palette";
import { coreOf } from "./view/core";
import { Ground } from "./view/ground";
import type { City } from "./view/picking";

/** Ground is lifted no more than this for lines to lie on it, however coarse its mesh [m]. */
const HIGHEST_LIFT_M = 0.6;

export class LoadedCity implements City {
  readonly layers: Layer[] = [];
  readonly scene = new THREE.Scene();
  readonly casters = new THREE.Scene();
  /** What the city is about, of all that is in its box. */
  readonly core: Box;
  ground: Ground | null = null;
  foot: number;
  terrain: Terrain | null = null;
  buildings: Buildings | null = null;
  skins: Skins | null = null;
  faces: Skins | null = null;
  trees: Trees | null = null;
  readonly lines: Lines[] = [];
  readonly areas: Areas[] = [];
  readonly pins: Pins[] = [];

  constructor(
    readonly description: Scene,
    private readonly shared: Shared,
  ) {
    this.core = coreOf(description);
    this.foot = description.box[2] - (description.layers.terrain ? 12 : 0);
    const lift = Math.min(HIGHEST_LIFT_M, 0.15 + (description.layers.terrain?.error_m ?? 0) / 2);
    for (const [name, layer] of Object.entries(description.layers)) {
      for (const one of this.#layersOf(name, layer, lift)) {
        one.visible = !HIDDEN_AT_FIRST.has(name);
        this.layers.push(one);
        this.scene.add(one.group);
        this.casters.add(one.casters);
      }
    }
    this.scene.matrixWorldAutoUpdate = this.casters.matrixWorldAutoUpdate = false;
  }

  get box(): Box {
    return this.description.box;
  }

  /** Layers of a name: an area has its outlines beside it, and modelled surfaces are those of the buildings. */
  named(name: string): Layer[] {
    const own = this.description.layers[name]?.type === "skins" ? "buildings" : name;
    return this.layers.filter((layer) => layer.name === own);
  }

  dress(palette: Palette): void {
    for (const layer of this.layers) layer.dress(palette);
  }

  /** Take what a file of a layer holds. */
  use({ name, layer }: Wanted, result: never): void {
    if (layer.type === "mesh") {
      const mesh: Parameters<Terrain["add"]>[0] = result;
      this.ground = new Ground(mesh.positions.slice(), mesh.triangles.slice());
      this.foot = mesh.bottom;
      this.terrain!.add(mesh, this.ground.low, this.ground.high);
    } else if (layer.type === "cover") this.terrain?.setCover(result, layer.classes ?? [], layer.box ?? this.box);
    else if (layer.type === "prisms") this.buildings!.add(result);
    else if (layer.type === "skins") this.skins!.add(result);
    else if (layer.type === "faces") this.faces!.add(result);
    else if (layer.type === "areas") {
      const { fill, outline }: { fill: never; outline: never } = result;
      for (const one of this.named(name)) if (one instanceof Areas) one.add(fill);
      for (const one of this.named(name)) if (one instanceof Lines) one.add(outline);
    } else for (const one of this.named(name) as (Lines | Trees | Pins)[]) one.add(result);
  }

  dispose(): void {
    for (const layer of this.layers) layer.dispose();
  }

  #layersOf(name: string, layer: SceneLayer, lift: number): Layer[] {
    const { shared } = this;
    switch (layer.type) {
      case "mesh":
        return [(this.terrain = new Terrain(name, shared))];
      case "prisms":
        return [(this.buildings = new Buildings(name, shared))];
      case "skins":
        return [(this.skins = new Skins("buildings", shared))];
      case "faces":
        return [(this.faces = new Skins(name, shared, true))];
      case "lines":
        return [put(this.lines, new Lines(name, shared, layer.kinds ?? [], lift))];
      case "areas": {
        const areas = put(this.areas, new Areas(name, shared, lift));
        return name === "zones" || name === "wards"
          ? [areas, new Lines(name, shared, [], lift, name === "wards" ? 1.8 : 1)]
          : [areas];
      }
      case "points":
        if (name === "trees") return [(this.trees = new Trees(name, shared))];
        return [put(this.pins, new Pins(name, shared))];
      case "cover":
        return [];
    }
  }
}

function put<T>(list: T[], value: T): T {
  list.push(value);
  return value;
}
