import type { Layer } from "./layer";

/** Walls and roofs of buildings, each with values of its own. */
export const faces: Layer = {
  table: "surfaces",
  scene: ["faces"],
  icon: "building",
  groups: [{ group: "form", columns: ["kind", "tilt_deg", "azimuth_deg", "area_m2", "height_m"] }],
  visible: false,
  kind: "kind",
};
