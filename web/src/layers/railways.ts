import type { Layer } from "./layer";

/** Railways and tramways as double lines. */
export const railways: Layer = {
  table: "railways",
  scene: ["railways"],
  icon: "tram",
  groups: [{ group: "use", columns: ["class", "bridge", "tunnel"] }],
  visible: true,
  kind: "class",
};
