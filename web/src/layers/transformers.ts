import type { Layer } from "./layer";

/** Transformers of the electricity grid as pins. */
export const transformers: Layer = {
  table: "transformers",
  scene: ["transformers"],
  icon: "power",
  groups: [{ group: "form", columns: ["rating_kva", "u_primary_v", "raised_m"] }],
  visible: false,
  near: 40,
};
