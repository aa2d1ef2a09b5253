/** What can be asked of the decoder: bytes of a file in, arrays ready for drawing out. */

import { readBundle } from "./bundle";
import { type Cover, coverOf } from "./cover";
import { type AreaTile, areaTile, type SkinTile, skinTile, type TerrainMesh, terrainMesh } from "./meshes";
import { type PointTile, pointTile } from "./points";
import { type PrismTile, prismTile } from "./prisms";
import { outlineTile, type StripTile, stripTile } from "./strips";

export type Job =
  | { type: "prisms" | "skins" | "faces" | "mesh" | "areas" | "points" }
  | { type: "lines"; rank: number[] }
  | { type: "cover"; above: number[] };

export interface Results {
  prisms: PrismTile;
  skins: SkinTile;
  faces: SkinTile;
  mesh: TerrainMesh;
  areas: { fill: AreaTile; outline: StripTile };
  points: PointTile;
  lines: StripTile;
  cover: Cover;
}

export function perform(job: Job, bytes: ArrayBuffer): Results[Job["type"]] {
  const bundle = readBundle(bytes);
  switch (job.type) {
    case "prisms":
      return prismTile(bundle);
    case "skins":
    case "faces":
      return skinTile(bundle);
    case "mesh":
      return terrainMesh(bundle);
    case "areas":
      return { fill: areaTile(bundle), outline: outlineTile(bundle) };
    case "points":
      return pointTile(bundle);
    case "lines":
      return stripTile(bundle, job.rank);
    case "cover":
      return coverOf(bundle, job.above);
  }
}

/** Buffers inside a result, to be handed over instead of copied. */
export function buffersOf(value: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) return [value.buffer as ArrayBuffer];
  if (value && typeof value === "object") return [...new Set(Object.values(value).flatMap(buffersOf))];
  return [];
}
