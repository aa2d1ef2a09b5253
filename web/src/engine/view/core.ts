/** What a scene is about, of all that it holds. Pure. */

import type { Box, Scene } from "../contract";

/** The ground is shown whole unless it is this many times as large as what is built on it. */
const MOST_GROUND = 3;
/** Room around buildings, as a share of their extent. */
const MARGIN = 0.04;

/** The ground, or the buildings where the ground is far larger or not there; all there is without buildings. */
export function coreOf({ box, layers }: Scene): Box {
  const ground = layers.terrain?.box;
  const built = around(
    Object.values(layers)
      .filter(({ type }) => type === "prisms" || type === "skins")
      .flatMap(({ tiles }) => tiles?.map((tile) => tile.box) ?? []),
  );
  if (!built) return ground ?? box;
  const [bottom, top] = [Math.min(built[2], ground?.[2] ?? built[2]), Math.max(built[5], ground?.[5] ?? built[5])];
  if (ground && areaOf(ground) <= MOST_GROUND * areaOf(built))
    return [ground[0], ground[1], bottom, ground[3], ground[4], top];
  const room = MARGIN * Math.max(built[3] - built[0], built[4] - built[1]);
  return [built[0] - room, built[1] - room, bottom, built[3] + room, built[4] + room, top];
}

function areaOf(box: Box): number {
  return (box[3] - box[0]) * (box[4] - box[1]);
}

function around(boxes: Box[]): Box | null {
  if (!boxes.length) return null;
  return boxes.reduce((all, box) => all.map((v, k) => (k < 3 ? Math.min(v, box[k]) : Math.max(v, box[k]))) as Box);
}
