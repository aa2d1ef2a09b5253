/** Energy: load curves, and the load of every building by the hour. */

import { bytes, json } from "./bytes";
import type { CurveFacts, FeederFacts, HoursFacts } from "./schema";

/** Tables whose rows have load curves. */
export const CURVED = ["buildings", "wards", "transformers"] as const;
export const isCurved = (table: string): table is (typeof CURVED)[number] =>
  (CURVED as readonly string[]).includes(table);
export type Curved = (typeof CURVED)[number] | "city";

export const curve = (key: string, table: Curved, id: number, signal?: AbortSignal): Promise<CurveFacts> =>
  json(`api/cities/${key}/loads/of/${table}/${id}`, signal);

export const feeder = (key: string, transformer: number, signal?: AbortSignal): Promise<FeederFacts> =>
  json(`api/cities/${key}/feeders/${transformer}`, signal);

export const hours = (key: string): Promise<HoursFacts> => json(`api/cities/${key}/loads`);

/** Codes of all buildings, one hour of the average day of a month after the other. */
export const hourCodes = async (key: string, month: number): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await bytes(`api/cities/${key}/loads/${month}`));
