import type { Layer } from "./layer";

/** Rivers, lakes and basins as areas. */
export const waterBodies: Layer = {
  table: "water_bodies",
  scene: ["water_bodies"],
  icon: "water",
  groups: [{ group: "use", columns: ["kind"] }],
  visible: true,
  kind: "kind",
};
