import type { Layer } from "./layer";

/** Administrative units of the lowest tier. */
export const wards: Layer = {
  table: "wards",
  scene: ["wards"],
  icon: "zones",
  groups: [{ group: "people", columns: ["residents"] }],
  visible: false,
};
