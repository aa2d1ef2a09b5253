import type { Layer } from "./layer";

/** Areas of one use, as a tint of the ground. */
export const landUse: Layer = {
  table: "land_use",
  scene: ["land_use"],
  icon: "park",
  groups: [{ group: "ground", columns: ["class"] }],
  visible: true,
  kind: "class",
};
