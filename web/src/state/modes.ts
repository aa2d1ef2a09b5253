/** Ways of going that a reach is drawn for. */

export const REACH_MODES = ["walk", "bicycle", "motorbike", "car", "transit"] as const;
export type ReachMode = (typeof REACH_MODES)[number];
