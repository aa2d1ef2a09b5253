/** The layers of a scene: which files they want, and what becomes of them. */

import * as THREE from "three";
import type { Box, Point, Scene, SceneLayer } from "./contract";
import type { Shared } from "./draw/kit";
import { Areas } from "./draw/areas";
import { Buildings } from "./draw/buildings";
import type { Layer } from "./draw/layer";
import { Lines, ranksOf } from "./draw/lines";
import { Pins } from "./draw/pins";
import { Skins } from "./draw/skins";
import { Terrain } from "./draw/terrain";
import { Trees } from "./draw/trees";
import type { Job } from "./decode/jobs";
import type { Wanted } from "./load";
import { type Palette, paletteOf } from "./look/palette";
import { coreOf } from "./view/core";
import { Ground } from "./view/ground";
import type { City } from "./view/picking";

/** Layers that are shown only when asked for: they would cover the plain city. */
const HIDDEN_AT_FIRST = new Set(["zones", "wards", "land_use", "barriers"]);
/** Classes of cover that are drawn by layers of their own. */
const ABOVE_GROUND = new Set(["building", "road"]);
/** Ground is lifted no more than this for lines to lie on it, however coarse its mesh [m]. */
const HIGHEST_LIFT_M = 0.6;
/** Draw order of what is fetched: ground, then houses from near to far, then the rest. */
const TURN: Record<SceneLayer["type"], number> = {
  mesh: 0,
  prisms: 1,
  skins: 1,
  cover: 2,
  areas: 3,
  lines: 4,
  points: 5,
};

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

  /** What to fetch, in order of distance from `near`; `changed` is called whenever something new can be drawn. */
  wanted(near: Point, changed: () => void): Wanted[] {
    return Object.entries(this.description.layers).flatMap(([name, layer]) => {
      const tiles =
        layer.tiles ?? (layer.file ? [{ file: layer.file, bytes: layer.bytes ?? 0, box: layer.box, n: 1 }] : []);
      const late = HIDDEN_AT_FIRST.has(name) ? 10 : 0;
      return tiles.map((tile) => ({
        file: tile.file,
        bytes: tile.bytes,
        job: this.#jobOf(layer),
        order: (TURN[layer.type] + late) * 1e6 + Math.min(9e5, distanceTo(tile.box, near)),
        use: (result: unknown) => {
          this.#use(name, layer, result as never);
          changed();
        },
      }));
    });
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

  #jobOf(layer: SceneLayer): Job {
    if (layer.type === "lines")
      return { type: "lines", rank: ranksOf(layer.kinds ?? [], paletteOf("light", "thematic")) };
    if (layer.type === "cover") {
      const above = (layer.classes ?? []).flatMap((name, k) => (ABOVE_GROUND.has(name) ? [k] : []));
      return { type: "cover", above };
    }
    return { type: layer.type };
  }

  #use(name: string, layer: SceneLayer, result: never): void {
    if (layer.type === "mesh") {
      const mesh: Parameters<Terrain["add"]>[0] = result;
      this.ground = new Ground(mesh.positions.slice(), mesh.triangles.slice());
      this.foot = mesh.bottom;
      this.terrain!.add(mesh, this.ground.low, this.ground.high);
    } else if (layer.type === "cover") this.terrain?.setCover(result, layer.classes ?? [], layer.box ?? this.box);
    else if (layer.type === "prisms") this.buildings!.add(result);
    else if (layer.type === "skins") this.skins!.add(result);
    else if (layer.type === "areas") {
      const { fill, outline }: { fill: never; outline: never } = result;
      for (const one of this.named(name)) if (one instanceof Areas) one.add(fill);
      for (const one of this.named(name)) if (one instanceof Lines) one.add(outline);
    } else for (const one of this.named(name) as (Lines | Trees | Pins)[]) one.add(result);
  }
}

function put<T>(list: T[], value: T): T {
  list.push(value);
  return value;
}

function distanceTo(box: Box | undefined, [x, y]: Point): number {
  if (!box) return 0;
  return (
    Math.hypot(Math.max(box[0] - x, x - box[3], 0), Math.max(box[1] - y, y - box[4], 0)) +
    0.01 * Math.hypot((box[0] + box[3]) / 2 - x, (box[1] + box[4]) / 2 - y)
  );
}
