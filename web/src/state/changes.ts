/** Changes as they are drawn, and as a scenario writes them. Pure. */

import type { ChangeEntry, ProblemFacts, ScenarioFacts, WrittenScenario } from "../api/scenarios";
import type { Language } from "../i18n/language";
import { fold } from "./fold";
import { faultOf, read, written, type Corner, type Fault } from "./sketch";

export const MODES = ["motorbike", "car", "bus", "truck", "bicycle", "walk"] as const;
export type Mode = (typeof MODES)[number];
export const FUELS = ["any", "petrol", "diesel"] as const;
export type Fuel = (typeof FUELS)[number];

export interface CloseRoad {
  kind: "close_links";
  /** Roads by id, with what to call them. */
  links: ReadonlyMap<number, string>;
  /** Name of the street where these are all its roads: it is then written by its name. */
  street: string;
  modes: readonly Mode[];
}

export interface AddBuilding {
  kind: "add_buildings";
  ring: readonly Corner[];
  storeys: number;
  function: string;
  /** Whether what stands there is torn down. */
  replace: boolean;
}

export interface Restrict {
  kind: "restrict_mode";
  ring: readonly Corner[];
  mode: Mode;
  fuel: Fuel;
}

export interface Rezone {
  kind: "rezone";
  ring: readonly Corner[];
  landUse: string;
  floorAreaRatio: number | null;
  height_m: number | null;
}

/** A change that is written by hand: it stays as it is. */
export interface Other {
  kind: "other";
  entry: ChangeEntry;
  words: Record<Language, string>;
}

export type Drawn = CloseRoad | AddBuilding | Restrict | Rezone;
export type Drawing = Drawn["kind"];
export type ChangeDraft = Drawn | Other;

/** Stands for all roads in place of a name. */
export const EVERYTHING = "all";

/** Height of a storey for the picture only; the server takes that of the country [m]. */
export const STOREY_M = 3;

export function fresh(kind: Drawing): Drawn {
  switch (kind) {
    case "close_links":
      return { kind, links: new Map(), street: "", modes: ["motorbike", "car", "bus", "truck"] };
    case "add_buildings":
      return { kind, ring: [], storeys: 4, function: "residential", replace: false };
    case "restrict_mode":
      return { kind, ring: [], mode: "car", fuel: "diesel" };
    case "rezone":
      return { kind, ring: [], landUse: "residential", floorAreaRatio: null, height_m: null };
  }
}

export type Lack = Fault | "no-links" | "no-modes" | "storeys";

/** What a change still lacks, null where it is whole. */
export function lackOf(change: ChangeDraft): Lack | null {
  switch (change.kind) {
    case "other":
      return null;
    case "close_links":
      return change.links.size === 0 && !change.street ? "no-links" : change.modes.length === 0 ? "no-modes" : null;
    case "add_buildings":
      if (!Number.isInteger(change.storeys) || change.storeys < 1 || change.storeys > 200) return "storeys";
      return faultOf(change.ring);
    default:
      return faultOf(change.ring);
  }
}

/** A change as its scenario lists it. */
export function entryOf(change: ChangeDraft, origin: Corner): ChangeEntry {
  switch (change.kind) {
    case "other":
      return change.entry;
    case "close_links":
      return { kind: change.kind, links: change.street || { ids: [...change.links.keys()] }, modes: change.modes };
    case "add_buildings":
      return {
        kind: change.kind,
        buildings: [{ geometry: written(change.ring, origin), storeys: change.storeys, function: change.function }],
        ...(change.replace ? { replace: true } : {}),
      };
    case "restrict_mode":
      return { kind: change.kind, area: written(change.ring, origin), mode: change.mode, fuel: change.fuel };
    case "rezone":
      return {
        kind: change.kind,
        area: written(change.ring, origin),
        land_use: change.landUse,
        ...(change.floorAreaRatio === null ? {} : { floor_area_ratio: change.floorAreaRatio }),
        ...(change.height_m === null ? {} : { height_m: change.height_m }),
      };
  }
}

const isOnly = (entry: object, keys: readonly string[]): boolean =>
  Object.keys(entry).every((key) => key === "kind" || keys.includes(key));

/** A change of a scenario as it could have been drawn; as it is where it could not. */
export function draftOf(entry: ChangeEntry, words: Other["words"], origin: Corner): ChangeDraft {
  return drawnOf(entry, origin) ?? { kind: "other", entry, words };
}

function drawnOf(entry: ChangeEntry, origin: Corner): Drawn | null {
  switch (entry.kind) {
    case "close_links": {
      const given = entry.links as { ids?: unknown } | string | null;
      const ids = Array.isArray(given)
        ? given
        : typeof given === "object" && isOnly(given ?? {}, ["ids"])
          ? given?.ids
          : null;
      const modes = (entry.modes as Mode[] | undefined) ?? ["motorbike", "car", "bus", "truck"];
      if (typeof given === "string" && given !== EVERYTHING && isOnly(entry, ["links", "modes"]))
        return { kind: entry.kind, links: new Map(), street: given, modes };
      const known = Array.isArray(ids) && ids.every((id): id is number => Number.isInteger(id));
      if (!known || !isOnly(entry, ["links", "modes"])) return null;
      return { kind: entry.kind, links: new Map(ids.map((id) => [id, ""])), street: "", modes };
    }
    case "add_buildings": {
      const all = entry.buildings as Record<string, unknown>[] | undefined;
      if (!Array.isArray(all) || all.length !== 1 || !isOnly(entry, ["buildings", "replace"])) return null;
      const [one] = all;
      const ring = read(one.geometry, origin);
      const whole = typeof one.storeys === "number" && typeof one.function === "string";
      if (!ring || !whole || !isOnly(one, ["geometry", "storeys", "function"])) return null;
      const { storeys, function: use } = one as { storeys: number; function: string };
      return { kind: entry.kind, ring, storeys, function: use, replace: entry.replace === true };
    }
    case "restrict_mode": {
      const ring = read(entry.area, origin);
      if (!ring || !isOnly(entry, ["area", "mode", "fuel"])) return null;
      return { kind: entry.kind, ring, mode: entry.mode as Mode, fuel: (entry.fuel as Fuel | undefined) ?? "any" };
    }
    case "rezone": {
      const ring = read(entry.area, origin);
      if (!ring || !isOnly(entry, ["area", "land_use", "floor_area_ratio", "height_m"])) return null;
      const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
      return {
        kind: entry.kind,
        ring,
        landUse: String(entry.land_use),
        floorAreaRatio: number(entry.floor_area_ratio),
        height_m: number(entry.height_m),
      };
    }
    default:
      return null;
  }
}

/** Name of the file of a scenario, from its title: plain letters, and another one than those that are there. */
export function nameFor(title: string, taken: ReadonlySet<string>): string {
  const name =
    fold(title)
      .replace(/[^a-z0-9]+/g, "-")
      .replace(/^-+|-+$/g, "")
      .slice(0, 60) || "scenario";
  if (!taken.has(name)) return name;
  for (let n = 2; ; n++) if (!taken.has(`${name}-${n}`)) return `${name}-${n}`;
}

/** The scenario that is sent; a title in one language stands in for those that nobody wrote. */
export function scenarioOf(
  { name, title, base, year, models }: Omit<WrittenScenario, "change">,
  changes: readonly ChangeDraft[],
  origin: Corner,
): WrittenScenario {
  return { name, title, base, year, models, change: changes.map((change) => entryOf(change, origin)) };
}

/** Which change a problem speaks of, counted from 0; null where it speaks of the whole scenario. */
export function changeOf({ column, file }: ProblemFacts, kinds: readonly string[]): number | null {
  const told = /^change\.(\d+)\b/.exec(column) ?? /, change (\d+)/.exec(file);
  if (told) return Number(told[1]) - 1;
  // A line of the file, and the kind of change that begins there.
  const kind = /, line \d+: (\w+)$/.exec(file)?.[1];
  const places = kinds.flatMap((one, i) => (one === kind ? [i] : []));
  return places.length === 1 ? places[0] : null;
}

/** What two scenarios do not have in common, in words: lines that only one of them has. */
export function onlyIn(one: readonly string[], other: readonly string[]): string[] {
  const left = [...other];
  return one.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

/** A scenario and those it rests on, the first one first; today is not among them. */
export function lineage(name: string, all: readonly Pick<ScenarioFacts, "name" | "base">[]): string[] {
  const found: string[] = [];
  let at: string | null | undefined = name;
  while (at && at !== "today" && !found.includes(at)) {
    found.unshift(at);
    const wanted: string = at;
    at = all.find((one) => one.name === wanted)?.base;
  }
  return found;
}
