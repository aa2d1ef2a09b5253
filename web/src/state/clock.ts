/** Time on the clocks of a city, and the sun above it. */

import { getPosition, getTimes } from "suncalc";

/** A day and a time on the clock of the city. */
export interface LocalTime {
  /** Such as `2025-06-21`. */
  date: string;
  /** Since midnight. */
  minutes: number;
}

const ZONES: Record<string, string> = { fr: "Europe/Paris", vn: "Asia/Ho_Chi_Minh" };
export const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;

/** Time zone of a country, by its ISO code. */
export function zoneOf(country: string): string {
  return ZONES[country.toLowerCase()] ?? "UTC";
}

/** Minutes that the clocks of a zone are ahead of UTC at an instant. */
export function offsetMinutes(instant: Date, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  }).formatToParts(instant);
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.find((p) => p.type === type)?.value);
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"));
  return Math.round((local - Math.floor(instant.getTime() / MINUTE_MS) * MINUTE_MS) / MINUTE_MS);
}

/** The instant at which the clocks of a zone show a time; in the hour that clocks skip, the time after it. */
export function instantOf({ date, minutes }: LocalTime, zone: string): Date {
  const asUtc = Date.parse(`${date}T00:00:00Z`) + minutes * MINUTE_MS;
  const guess = new Date(asUtc - offsetMinutes(new Date(asUtc), zone) * MINUTE_MS);
  return new Date(asUtc - offsetMinutes(guess, zone) * MINUTE_MS);
}

/** What the clocks of a zone show at an instant. */
export function localOf(instant: Date, zone: string): LocalTime {
  const local = new Date(instant.getTime() + offsetMinutes(instant, zone) * MINUTE_MS);
  return { date: local.toISOString().slice(0, 10), minutes: local.getUTCHours() * 60 + local.getUTCMinutes() };
}

export function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toISOString().startsWith(text);
}

const DAY_MS = DAY_MINUTES * MINUTE_MS;

/** Days of a year. */
export function daysOf(year: number): number {
  return (Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / DAY_MS;
}

/** 1 for the first of January. */
export function dayOfYear(date: string): number {
  return (Date.parse(`${date}T00:00:00Z`) - Date.UTC(Number(date.slice(0, 4)), 0, 1)) / DAY_MS + 1;
}

export function dateOf(year: number, day: number): string {
  return new Date(Date.UTC(year, 0, day)).toISOString().slice(0, 10);
}

export interface SunDay {
  /** Minutes since midnight on the clock; null where the sun does not rise or set. */
  sunrise: number | null;
  sunset: number | null;
  alwaysUp: boolean;
  /** Height of the sun above the horizon [°] every `SUN_STEP` minutes from midnight to midnight. */
  altitudes: number[];
}

export const SUN_STEP = 20;

/** Course of the sun over one day. */
export function sunDay(date: string, zone: string, [longitude, latitude]: readonly [number, number]): SunDay {
  const at = (minutes: number): Date => instantOf({ date, minutes }, zone);
  const times = getTimes(at(DAY_MINUTES / 2), latitude, longitude);
  const clock = (instant: Date | null): number | null => (instant ? localOf(instant, zone).minutes : null);
  const midnight = at(0).getTime();
  return {
    sunrise: clock(times.sunrise),
    sunset: clock(times.sunset),
    alwaysUp: times.alwaysUp === true,
    altitudes: Array.from(
      { length: DAY_MINUTES / SUN_STEP + 1 },
      (_, i) => getPosition(new Date(midnight + i * SUN_STEP * MINUTE_MS), latitude, longitude).altitude,
    ),
  };
}

/** Height of the sun and where it stands, clockwise from true north [°]. */
export function sunAt(time: LocalTime, zone: string, [longitude, latitude]: readonly [number, number]) {
  const { altitude, azimuth } = getPosition(instantOf(time, zone), latitude, longitude);
  return { altitude_deg: altitude, azimuth_deg: (azimuth + 360) % 360 };
}

/** Height of the sun at which a city is modelled well by light and shadow [°]. */
const FAIR_ALTITUDE = 42;

/** A summer afternoon with the sun high enough to be bright and low enough for shadows. */
export function fairTime(year: number, zone: string, lonlat: readonly [number, number]): LocalTime {
  const date = `${year}-06-21`;
  const { altitudes } = sunDay(date, zone, lonlat);
  const noon = altitudes.indexOf(Math.max(...altitudes));
  const after = altitudes.findIndex((altitude, i) => i >= noon && altitude < FAIR_ALTITUDE);
  return { date, minutes: Math.min((after < 0 ? noon : after) * SUN_STEP, DAY_MINUTES - 1) };
}
