/** Travel: reach of a point, trips between zones, lines and departures. */

import { bytes, json } from "./bytes";
import type { ReachMode } from "../state/modes";
import type { BoardFacts, GridFacts, GridsFacts, IsochroneFacts, LinesFacts, TripsFacts } from "./schema";

const city = (key: string): string => `api/cities/${key}`;

export const reach = (
  key: string,
  [x, y]: readonly [number, number],
  mode: ReachMode,
  minutes: readonly number[],
  departure_s: number,
  signal?: AbortSignal,
): Promise<IsochroneFacts> =>
  json(
    `${city(key)}/isochrone?x=${x.toFixed(1)}&y=${y.toFixed(1)}&mode=${mode}&minutes=${minutes.join(",")}&departure_s=${departure_s}`,
    signal,
  );

export const trips = (key: string, mode: string | null, most: number, signal?: AbortSignal): Promise<TripsFacts> =>
  json(`${city(key)}/trips?modes=${mode ?? ""}&most=${most}`, signal);

export const lines = (key: string, signal?: AbortSignal): Promise<LinesFacts> => json(`${city(key)}/lines`, signal);

export const departures = (key: string, stop: number, after_s: number, signal?: AbortSignal): Promise<BoardFacts> =>
  json(`${city(key)}/stops/${stop}/departures?after_s=${after_s}`, signal);

/** Fields over the ground that simulations gave. */
export const grids = (key: string, signal?: AbortSignal): Promise<GridsFacts> => json(`${city(key)}/grids`, signal);

/** Codes of a field, row by row from the north-west; 0 where there is no value. */
export const gridCodes = async (key: string, { model, name }: GridFacts): Promise<Uint16Array> =>
  new Uint16Array(await bytes(`${city(key)}/grids/${model}/${name}`));
