import type { Layer } from "./layer";

/** Schools, hospitals, shops and other places that serve people, as pins. */
export const facilities: Layer = {
  table: "facilities",
  scene: ["facilities"],
  icon: "pin",
  groups: [{ group: "use", columns: ["kind", "capacity"] }],
  visible: false,
  kind: "kind",
  near: 40,
};
