import type { Layer } from "./layer";

/** Roads and paths as ribbons of their width. */
export const links: Layer = {
  table: "links",
  scene: ["links"],
  icon: "road",
  groups: [
    { group: "traffic", columns: ["class", "lanes", "width_m", "free_speed_m_s", "capacity_veh_h"] },
    {
      group: "flow",
      columns: [
        ...["saturation", "volume_pcu_h", "volume_car_veh_h", "volume_motorbike_veh_h", "volume_bus_veh_h"],
        ...["volume_truck_veh_h", "volume_bicycle_veh_h"],
        ...["speed_car_m_s", "speed_motorbike_m_s", "time_car_s", "time_motorbike_s"],
      ],
    },
    { group: "open", columns: ["walk", "bicycle", "motorbike", "car", "bus", "truck"] },
    { group: "form", columns: ["length_m", "bridge", "tunnel", "roundabout"] },
  ],
  visible: true,
  kind: "class",
  near: 5,
};
