import type { Layer } from "./layer";

/** Stops of public transport as pins. */
export const stops: Layer = { table: "stops", scene: ["stops"], icon: "stop", groups: [], visible: true, near: 40 };
