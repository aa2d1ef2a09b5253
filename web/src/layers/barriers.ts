import type { Layer } from "./layer";

/** Walls, fences and dykes. */
export const barriers: Layer = {
  table: "barriers",
  scene: ["barriers"],
  icon: "barrier",
  groups: [{ group: "form", columns: ["kind", "height_m"] }],
  visible: true,
  kind: "kind",
};
