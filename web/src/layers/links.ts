import type { Layer } from "./layer";

/** Roads and paths as ribbons of their width. */
export const links: Layer = {
  table: "links",
  scene: ["links"],
  icon: "road",
  groups: [
    { group: "traffic", columns: ["class", "lanes", "width_m", "free_speed_m_s", "capacity_veh_h"] },
    { group: "open", columns: ["walk", "bicycle", "motorbike", "car", "bus", "truck"] },
    { group: "form", columns: ["length_m", "bridge", "tunnel", "roundabout"] },
  ],
  visible: true,
  kind: "class",
  near: 5,
};
