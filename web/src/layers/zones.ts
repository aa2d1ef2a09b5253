import type { Layer } from "./layer";

/** Zones in which trips begin and end. */
export const zones: Layer = {
  table: "zones",
  scene: ["zones"],
  icon: "zones",
  groups: [
    { group: "people", columns: ["residents", "jobs", "dwellings"] },
    { group: "form", columns: ["floor_area_m2", "area_m2"] },
  ],
  visible: false,
};
