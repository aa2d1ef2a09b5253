/** The plain look of the city: an architect's model in paper and wood, by day and by lamplight. */

import type { Look, Theme } from "../contract";
import { type Rgb, rgb } from "./colour";

export interface Palette {
  /** What the model stands on, at the feet and at the horizon. */
  table: Rgb;
  horizon: Rgb;
  /** Cut sides of the ground. */
  plinth: Rgb;
  wall: Rgb;
  roof: Rgb;
  /** Roofs of the other kind, and the share of the first. */
  otherRoof: Rgb;
  roofShare: number;
  /** How much buildings differ in brightness. */
  variety: number;
  edge: Rgb;
  crown: Rgb;
  trunk: Rgb;
  /** Two greys of the hatching of what has no value. */
  missing: [Rgb, Rgb];
  /** What is pointed at and chosen. */
  accent: Rgb;
  /** Stops, and places that serve people. */
  pin: Rgb;
  place: Rgb;
  /** The electricity grid. */
  current: Rgb;
  outline: Rgb;
  cover: Record<string, Rgb>;
  ground: Rgb;
  water: Rgb;
  lines: Record<string, LineStyle>;
}

export interface LineStyle {
  fill: Rgb;
  casing: Rgb;
  /** Never thinner than this on the screen [pixels]. */
  least: number;
  /** Fades out where a pixel covers more than this [m]. */
  fades: number;
  /** 0 a band, 1 a pair of rails. */
  rails: 0 | 1;
  /** Drawn above lines of lower rank. */
  rank: number;
}

const FAR = 1000;

function band(fill: string, casing: string, least: number, fades: number, rank: number): LineStyle {
  return { fill: rgb(fill), casing: rgb(casing), least, fades, rails: 0, rank };
}

function rails(fill: string, casing: string, rank: number): LineStyle {
  return { fill: rgb(fill), casing: rgb(casing), least: 1.1, fades: FAR, rails: 1, rank };
}

interface Tones {
  major: string;
  street: string;
  path: string;
  casing: string;
  rail: string;
  bed: string;
  water: string;
  barrier: string;
  green: string;
  cable: string;
}

/** Styles of line kinds, from the least to the most important. */
function lineStyles(t: Tones): Record<string, LineStyle> {
  const styles: Record<string, LineStyle> = {};
  const set = (names: string, style: (rank: number) => LineStyle): void => {
    for (const name of names.split(" ")) styles[name] = style(Object.keys(styles).length);
  };
  set("other", (rank) => band(t.street, t.casing, 0.4, 8, rank));
  set("river canal stream drain", (rank) => band(t.water, t.water, 0.9, FAR, rank));
  set("wall retaining_wall fence kerb", (rank) => band(t.barrier, t.barrier, 0, 1.2, rank));
  set("hedge dyke", (rank) => band(t.green, t.green, 0, 1.2, rank));
  set("ferry", (rank) => band(t.water, t.water, 0, 0.1, rank));
  set("path track steps footway cycleway", (rank) => band(t.path, t.casing, 0.35, 3.2, rank));
  set("alley service pedestrian living_street", (rank) => band(t.street, t.casing, 0.4, 8, rank));
  set("unclassified residential busway", (rank) => band(t.street, t.casing, 0.55, 25, rank));
  set("tertiary secondary", (rank) => band(t.major, t.casing, 0.9, FAR, rank));
  set("primary trunk motorway", (rank) => band(t.major, t.casing, 1.3, FAR, rank));
  set("cable", (rank) => band(t.cable, t.cable, 1.8, 12, rank));
  set("rail subway monorail funicular light_rail tram", (rank) => rails(t.rail, t.bed, rank));
  return styles;
}

const LIGHT: Palette = {
  table: rgb("#f1eee9"),
  horizon: rgb("#fbfaf8"),
  plinth: rgb("#d9d1c4"),
  wall: rgb("#f0ede6"),
  roof: rgb("#faf8f4"),
  otherRoof: rgb("#faf8f4"),
  roofShare: 1,
  variety: 0.035,
  edge: rgb("#b9b1a4"),
  crown: rgb("#b4c5a0"),
  trunk: rgb("#a8987f"),
  missing: [rgb("#d5d3cf"), rgb("#c2c0bb")],
  accent: rgb("#e8590c"),
  pin: rgb("#1864ab"),
  place: rgb("#7048a8"),
  current: rgb("#b45309"),
  outline: rgb("#8b8478"),
  ground: rgb("#e6e1d8"),
  water: rgb("#a9c3d1"),
  cover: {
    paved: rgb("#e4dfd5"),
    water: rgb("#a9c3d1"),
    grass: rgb("#d3dfc3"),
    trees: rgb("#c3d5b2"),
    crops: rgb("#e2e0c4"),
    bare: rgb("#e2dac9"),
    scrub: rgb("#cfd9bb"),
    wetland: rgb("#c2d3cb"),
    urban_dense: rgb("#e4dfd6"),
    urban_sparse: rgb("#e6e2d8"),
    urban_open: rgb("#e5e4d8"),
  },
  lines: lineStyles({
    major: "#fffefb",
    street: "#faf8f3",
    path: "#f3efe7",
    casing: "#cfc8bc",
    rail: "#8d8578",
    bed: "#dcd5c9",
    water: "#a9c3d1",
    barrier: "#d6cfc2",
    green: "#b4c5a0",
    cable: "#b45309",
  }),
};

const DARK: Palette = {
  table: rgb("#15181d"),
  horizon: rgb("#0e1013"),
  plinth: rgb("#2a2e35"),
  wall: rgb("#4a525e"),
  roof: rgb("#5a6371"),
  otherRoof: rgb("#5a6371"),
  roofShare: 1,
  variety: 0.05,
  edge: rgb("#8a95a5"),
  crown: rgb("#47604d"),
  trunk: rgb("#4c463e"),
  missing: [rgb("#474b52"), rgb("#5a5e66")],
  accent: rgb("#ff922b"),
  pin: rgb("#74c0fc"),
  place: rgb("#cdb4f6"),
  current: rgb("#fbbf24"),
  outline: rgb("#7d8795"),
  ground: rgb("#23282f"),
  water: rgb("#16303f"),
  cover: {
    paved: rgb("#272c33"),
    water: rgb("#16303f"),
    grass: rgb("#243229"),
    trees: rgb("#22352a"),
    crops: rgb("#2c3029"),
    bare: rgb("#2b2c2d"),
    scrub: rgb("#26332a"),
    wetland: rgb("#1f3133"),
    urban_dense: rgb("#24292f"),
    urban_sparse: rgb("#242a2f"),
    urban_open: rgb("#242b2e"),
  },
  lines: lineStyles({
    major: "#454d58",
    street: "#383f49",
    path: "#31373f",
    casing: "#171b20",
    rail: "#7f8998",
    bed: "#2b3037",
    water: "#16303f",
    barrier: "#59616d",
    green: "#47604d",
    cable: "#fbbf24",
  }),
};

/** Materials as daylight shows them. */
const REAL: Palette = {
  ...LIGHT,
  table: rgb("#cfd3cb"),
  plinth: rgb("#a89c88"),
  wall: rgb("#e3d9c8"),
  roof: rgb("#868a91"),
  otherRoof: rgb("#a88e7e"),
  roofShare: 0.62,
  variety: 0.16,
  edge: rgb("#8e8577"),
  crown: rgb("#6f8f55"),
  trunk: rgb("#77644d"),
  ground: rgb("#c9c4b8"),
  water: rgb("#5f8699"),
  cover: {
    paved: rgb("#c6c2b8"),
    water: rgb("#5f8699"),
    grass: rgb("#a3b981"),
    trees: rgb("#86a268"),
    crops: rgb("#c3bf8d"),
    bare: rgb("#c7b898"),
    scrub: rgb("#9cab78"),
    wetland: rgb("#8ea795"),
    urban_dense: rgb("#c3beb2"),
    urban_sparse: rgb("#c2c2b0"),
    urban_open: rgb("#bdc2a9"),
  },
  lines: lineStyles({
    major: "#8e8f92",
    street: "#98989a",
    path: "#b9b2a5",
    casing: "#d6d1c6",
    rail: "#5d5a57",
    bed: "#a59e93",
    water: "#5f8699",
    barrier: "#a39a8b",
    green: "#6f8f55",
    cable: "#b45309",
  }),
};

export function paletteOf(theme: Theme, look: Look): Palette {
  return look === "realistic" ? REAL : theme === "dark" ? DARK : LIGHT;
}
