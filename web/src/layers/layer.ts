/** What a layer is: a table on the map, how it is named, what it may be coloured by. */

import type { IconName } from "../icons/icons";

export type GroupName = "form" | "use" | "people" | "traffic" | "flow" | "open" | "ground" | "results";

export interface ColumnGroup {
  group: GroupName;
  columns: readonly string[];
}

export interface Layer {
  /** Name of the table, and of the layer in the address. */
  table: string;
  /** Layers of the scene that show rows of the table. */
  scene: readonly string[];
  icon: IconName;
  /** Columns to colour by, in groups; those a city does not have are left out. */
  groups: readonly ColumnGroup[];
  /** Whether it is shown at the start. */
  visible: boolean;
  /** Column of the line under the title when an object is named. */
  kind?: string;
  /** How near the camera goes to one object, in times its radius. */
  near?: number;
}
