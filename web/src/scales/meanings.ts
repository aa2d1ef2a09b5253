/**
 * Colours that stand for a meaning and so never depend on which other values a city has.
 *
 * Uses of buildings follow the custom of land-use plans: homes warm, trade red, work violet, public blue, the rest grey.
 * Within a family lightness tells values apart, so that they differ without colour vision too.
 */

import type { Status } from "../api/types";
import { rgb, type Rgb } from "./palettes";

const colours = (pairs: Record<string, string>): Record<string, Rgb> =>
  Object.fromEntries(Object.entries(pairs).map(([value, hex]) => [value, rgb(hex)]));

const FUNCTIONS = colours({
  residential: "#f2cf7e",
  apartments: "#e69f00",
  mixed: "#d9713c",
  retail: "#b3294b",
  hotel: "#d9799b",
  office: "#8a6bb3",
  industrial: "#5b4a7d",
  warehouse: "#a79bbd",
  school: "#56b4e9",
  university: "#2f86c4",
  health: "#0d5a94",
  public: "#1f4e79",
  culture: "#2aa198",
  worship: "#0f7c6f",
  sport: "#5db075",
  agricultural: "#9dbb61",
  transport: "#6b7a80",
  utility: "#4c5759",
  outbuilding: "#bdbab0",
  other: "#9a9a94",
});

const ROADS = colours({
  motorway: "#7a1f3d",
  trunk: "#a63446",
  primary: "#d55e00",
  secondary: "#e69f00",
  tertiary: "#efc75e",
  unclassified: "#b9b29d",
  residential: "#8f99a3",
  living_street: "#a9b6c0",
  service: "#c9cbc8",
  alley: "#c3a6c4",
  track: "#a58f6e",
  pedestrian: "#cc79a7",
  footway: "#56b4e9",
  cycleway: "#009e73",
  path: "#86b38b",
  steps: "#3d6f99",
  busway: "#4b3f8f",
  ferry: "#0072b2",
});

const MEANINGS: Record<string, Record<string, Rgb>> = {
  "buildings.function": FUNCTIONS,
  "links.class": ROADS,
};

/** Fixed colours of the values of a column, undefined where it has none. */
export function meaningColours(table: string, column: string): Record<string, Rgb> | undefined {
  return MEANINGS[`${table}.${column}`];
}

/** From firm to soft: the firmer, the stronger the colour. */
export const STATUS_COLOURS: Record<Status, Rgb> = {
  measured: rgb("#00706e"),
  modelled: rgb("#56a0d3"),
  entered: rgb("#d98b00"),
  estimated: rgb("#c9a9c9"),
};

export const NO: Rgb = rgb("#c9c7c0");
export const YES: Rgb = rgb("#0072b2");
