import type { Layer } from "./layer";

/** Single trees with their height and crown. */
export const trees: Layer = {
  table: "trees",
  scene: ["trees"],
  icon: "tree",
  groups: [{ group: "form", columns: ["height_m", "crown_diameter_m", "species"] }],
  visible: true,
  kind: "species",
  near: 12,
};
