import type { Layer } from "./layer";

/** Buildings: blocks from footprints, or surfaces where the source models them. */
export const buildings: Layer = {
  table: "buildings",
  scene: ["buildings", "surfaces"],
  icon: "building",
  groups: [
    { group: "form", columns: ["height_m", "storeys", "floor_area_m2", "ground_m", "min_height_m", "roof_shape"] },
    { group: "use", columns: ["function", "year_built", "dwellings"] },
    { group: "people", columns: ["residents", "jobs"] },
  ],
  visible: true,
  kind: "function",
  near: 9,
};
