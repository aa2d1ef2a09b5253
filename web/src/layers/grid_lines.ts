import type { Layer } from "./layer";

/** Lines and cables of the electricity grid, above the streets that they lie under. */
export const gridLines: Layer = {
  table: "grid_lines",
  scene: ["grid_lines"],
  icon: "power",
  groups: [{ group: "form", columns: ["cable", "rating_a", "length_m", "open"] }],
  visible: false,
  kind: "cable",
  near: 5,
};
