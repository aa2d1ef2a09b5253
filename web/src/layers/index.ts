/** The layers in the order in which they are listed. */

import { barriers } from "./barriers";
import { buildings } from "./buildings";
import { faces } from "./faces";
import { facilities } from "./facilities";
import { gridLines } from "./grid_lines";
import { landUse } from "./land_use";
import type { Layer } from "./layer";
import { links } from "./links";
import { railways } from "./railways";
import { stops } from "./stops";
import { transformers } from "./transformers";
import { trees } from "./trees";
import { wards } from "./wards";
import { waterBodies } from "./water_bodies";
import { waterways } from "./waterways";
import { zones } from "./zones";

export const LAYERS: readonly Layer[] = [
  buildings,
  faces,
  links,
  railways,
  stops,
  facilities,
  trees,
  waterBodies,
  waterways,
  landUse,
  barriers,
  gridLines,
  transformers,
  zones,
  wards,
];

/** Layer that shows rows of a table, or that a layer of the scene belongs to. */
export function layerOf(name: string): Layer | undefined {
  return LAYERS.find((layer) => layer.table === name) ?? LAYERS.find((layer) => layer.scene.includes(name));
}

/** Whether a layer of the scene is to be seen, by what was chosen for its table. */
export function isShown(name: string, chosen: Record<string, boolean> = {}): boolean {
  const layer = layerOf(name);
  return layer ? (chosen[layer.table] ?? layer.visible) : true;
}
