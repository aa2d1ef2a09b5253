import type { Layer } from "./layer";

/** Watercourses drawn as lines. */
export const waterways: Layer = {
  table: "waterways",
  scene: ["waterways"],
  icon: "water",
  groups: [{ group: "form", columns: ["kind", "width_m", "tunnel"] }],
  visible: true,
  kind: "kind",
};
