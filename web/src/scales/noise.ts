/** Levels of noise have the same colours on every map, so that two cities can be compared. */

import type { ClassMethod } from "./breaks";
import { rgb, type Rgb } from "./palettes";

/** Borders of the classes: 5 dB each, as the Environmental Noise Directive has them. */
export const NOISE_DB: readonly number[] = [45, 50, 55, 60, 65, 70, 75];

/**
 * B. Weninger, A color scheme for the presentation of sound immission in maps, EuroNoise 2015; coloringnoise.com: bright
 * for quiet, dark for loud, readable with any colour vision. Below 45 dB the colour of 40 dB stands for all.
 */
export const NOISE_COLOURS: readonly Rgb[] = [
  "#b8d6d1",
  "#cee4cc",
  "#e2f2bf",
  "#f3c683",
  "#e87e4d",
  "#cd463e",
  "#a11a4d",
  "#75085c",
].map(rgb);

export const noiseClass = (level_db: number): number => {
  const found = NOISE_DB.findIndex((end) => level_db < end);
  return found < 0 ? NOISE_DB.length : found;
};

/** Borders and colours of levels from a least to a greatest; null for what is no noise, or where a reader chose others. */
export function noiseClasses(
  unit: string,
  method: ClassMethod,
  minimum: number,
  maximum: number,
): { breaks: number[]; colours: readonly Rgb[] } | null {
  if (unit !== "dB" || method !== "rounded" || !(maximum >= minimum)) return null;
  const [first, last] = [noiseClass(minimum), noiseClass(maximum)];
  const inner = NOISE_DB.slice(first, last);
  const low = first === 0 ? Math.min(minimum, NOISE_DB[0] - 5) : NOISE_DB[first - 1];
  const high = last === NOISE_DB.length ? Math.max(maximum, NOISE_DB[last - 1] + 5) : NOISE_DB[last];
  return { breaks: [low, ...inner, high], colours: NOISE_COLOURS.slice(first, last + 1) };
}
