/**
 * What the reader looks at, as the part of the address after `#`: short, readable, and safe to edit by hand.
 *
 * Only what differs from the start is written. What cannot be read is left out.
 */

import { isLanguage, type Language } from "../i18n/language";
import { CLASS_METHODS, type ClassMethod } from "../scales/breaks";
import type { Camera, Look } from "../engine/contract";
import { isDate, type LocalTime } from "./clock";
import { FLOWS, type FlowOf } from "./flows";
import { REACH_MODES, type ReachMode } from "./modes";

export type ThemeChoice = "system" | "light" | "dark";
/** `difference`: to the scenario that the city is held against. */
export type Aspect = "value" | "status" | "confidence" | "difference";
export const ASPECTS: readonly Aspect[] = ["value", "status", "confidence", "difference"];

export interface ColourChoice {
  column: string;
  aspect: Aspect;
  method: ClassMethod | null;
}

export interface Selection {
  table: string;
  id: number;
}

/** Everything an address can say; what it does not say is absent. */
export interface Address {
  city?: string;
  /** Scenario that the city is held against. */
  reference?: string;
  /** Whether that one stands beside it. */
  side?: boolean;
  camera?: Camera;
  /** Layers whose visibility differs from the start. */
  layers?: Record<string, boolean>;
  colours?: Record<string, ColourChoice>;
  time?: LocalTime;
  shadows?: boolean;
  look?: Look;
  theme?: ThemeChoice;
  language?: Language;
  selected?: Selection;
  travel?: TravelAddress;
  /** Buildings have the colours of their load. */
  load?: boolean;
  panel?: string;
}

/** What of travel is drawn over the city. */
export interface TravelAddress {
  flows?: FlowOf;
  /** Mode of the desire lines; all modes where empty. */
  desire?: string;
  reach?: { mode: ReachMode; minutes: number; x: number; y: number };
  lines?: boolean;
  /** Field over the ground. */
  ground?: string;
}

const tidy = (value: number, decimals: number): string => String(Number(value.toFixed(decimals)));

export function writeAddress(address: Address): string {
  const parts: string[] = [];
  const add = (key: string, value: string | undefined): void => {
    if (value) parts.push(`${key}=${value}`);
  };
  add("city", address.city && encodeURIComponent(address.city));
  add("vs", address.reference && encodeURIComponent(address.reference));
  add("view", address.side ? "two" : undefined);
  if (address.camera) {
    const { target, distance, heading, tilt } = address.camera;
    const place = target.map((metres) => tidy(metres, 1)).join(",");
    add("at", `${place},${tidy(distance, 1)},${tidy(heading, 1)},${tidy(tilt, 1)}`);
  }
  const layers = Object.entries(address.layers ?? {});
  add(
    "show",
    layers
      .filter(([, on]) => on)
      .map(([name]) => name)
      .join(","),
  );
  add(
    "hide",
    layers
      .filter(([, on]) => !on)
      .map(([name]) => name)
      .join(","),
  );
  for (const [layer, { column, aspect, method }] of Object.entries(address.colours ?? {})) {
    const more = [aspect === "value" ? "" : aspect, method ?? ""].filter(Boolean);
    add(`by.${layer}`, [column, ...more].join(","));
  }
  if (address.time) {
    const { date, minutes } = address.time;
    const clock = `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
    add("time", `${date}T${clock}`);
  }
  add("shadows", address.shadows === undefined ? undefined : address.shadows ? "on" : "off");
  add("look", address.look);
  add("theme", address.theme);
  add("lang", address.language);
  add("sel", address.selected && `${address.selected.table}.${address.selected.id}`);
  const { flows, desire, reach, lines, ground } = address.travel ?? {};
  add("flows", flows);
  add("desire", desire === "" ? "all" : desire);
  add("reach", reach && [reach.mode, reach.minutes, tidy(reach.x, 1), tidy(reach.y, 1)].join(","));
  add("lines", lines ? "on" : undefined);
  add("ground", ground);
  add("load", address.load ? "on" : undefined);
  add("panel", address.panel);
  return parts.length ? `#${parts.join("&")}` : "";
}

const NAME = /^[a-z][a-z0-9_]{0,63}$/;

function oneOf<T extends string>(text: string | undefined, allowed: readonly T[]): T | undefined {
  return allowed.find((value) => value === text);
}

export function readAddress(hash: string): Address {
  const said = new Map<string, string>();
  for (const part of hash.replace(/^#/, "").split("&")) {
    const [key, ...rest] = part.split("=");
    try {
      if (key) said.set(key, decodeURIComponent(rest.join("=")));
    } catch {
      // A broken escape: this part says nothing.
    }
  }
  const address: Address = {
    city: said.get("city"),
    reference: said.get("vs") || undefined,
    side: said.get("view") === "two" && said.get("vs") ? true : undefined,
    camera: readCamera(said.get("at")),
    layers: readLayers(said.get("show"), said.get("hide")),
    colours: readColours(said),
    time: readTime(said.get("time")),
    shadows: { on: true, off: false }[said.get("shadows") ?? ""],
    look: oneOf(said.get("look"), ["thematic", "realistic"]),
    theme: oneOf(said.get("theme"), ["system", "light", "dark"]),
    language: isLanguage(said.get("lang")) ? (said.get("lang") as Language) : undefined,
    selected: readSelection(said.get("sel")),
    travel: readTravel(said),
    load: said.get("load") === "on" || undefined,
    panel: NAME.test(said.get("panel") ?? "") ? said.get("panel") : undefined,
  };
  return Object.fromEntries(Object.entries(address).filter(([, value]) => value !== undefined)) as Address;
}

function readTravel(said: ReadonlyMap<string, string>): TravelAddress | undefined {
  const desire = said.get("desire");
  const [mode, ...numbers] = said.get("reach")?.split(",") ?? [];
  const [minutes, x, y] = numbers.map(Number);
  const found = oneOf(mode, REACH_MODES);
  const travel: TravelAddress = {
    flows: oneOf(said.get("flows"), FLOWS),
    desire: desire === "all" ? "" : NAME.test(desire ?? "") ? desire : undefined,
    reach:
      found && numbers.length === 3 && [minutes, x, y].every(Number.isFinite) && minutes > 0 && minutes <= 120
        ? { mode: found, minutes, x, y }
        : undefined,
    lines: said.get("lines") === "on" || undefined,
    ground: NAME.test(said.get("ground") ?? "") ? said.get("ground") : undefined,
  };
  const some = Object.entries(travel).filter(([, value]) => value !== undefined);
  return some.length ? (Object.fromEntries(some) as TravelAddress) : undefined;
}

function readCamera(text: string | undefined): Camera | undefined {
  const numbers = text?.split(",").map(Number);
  if (numbers?.length !== 6 || !numbers.every(Number.isFinite)) return undefined;
  const [x, y, z, distance, heading, tilt] = numbers;
  if (Math.max(Math.abs(x), Math.abs(y)) > 1e7 || distance <= 0 || distance > 1e6) return undefined;
  return { target: [x, y, z], distance, heading: ((heading % 360) + 360) % 360, tilt: Math.min(Math.max(tilt, 0), 90) };
}

function readLayers(show: string | undefined, hide: string | undefined): Record<string, boolean> | undefined {
  const layers: Record<string, boolean> = {};
  for (const name of show?.split(",") ?? []) if (NAME.test(name)) layers[name] = true;
  for (const name of hide?.split(",") ?? []) if (NAME.test(name)) layers[name] = false;
  return Object.keys(layers).length ? layers : undefined;
}

function readColours(said: ReadonlyMap<string, string>): Record<string, ColourChoice> | undefined {
  const colours: Record<string, ColourChoice> = {};
  for (const [key, text] of said) {
    const layer = /^by\.(.+)$/.exec(key)?.[1];
    if (!layer || !NAME.test(layer)) continue;
    const [column, ...more] = text.split(",");
    if (!NAME.test(column)) continue;
    colours[layer] = {
      column,
      aspect: ASPECTS.find((aspect) => more.includes(aspect)) ?? "value",
      method: CLASS_METHODS.find((method) => more.includes(method)) ?? null,
    };
  }
  return Object.keys(colours).length ? colours : undefined;
}

function readTime(text: string | undefined): LocalTime | undefined {
  const found = /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):([0-5]\d)$/.exec(text ?? "");
  if (!found || !isDate(found[1])) return undefined;
  return { date: found[1], minutes: Number(found[2]) * 60 + Number(found[3]) };
}

function readSelection(text: string | undefined): Selection | undefined {
  const found = /^([a-z][a-z0-9_]*)\.(-?\d{1,15})$/.exec(text ?? "");
  return found ? { table: found[1], id: Number(found[2]) } : undefined;
}
