/** Where the sun stands, and the light it gives. */

import { getPosition } from "suncalc";
import type { Look, Point, Theme } from "../contract";
import { mix, type Rgb, rgb, scale, smoothstep } from "./colour";
import type { Palette } from "./palette";

export interface Sun {
  /** Above the horizon, refraction counted in [°]. */
  altitude_deg: number;
  /** Clockwise from true north [°]. */
  azimuth_deg: number;
  /** Towards the sun, on the grid of the city. */
  direction: Point;
}

const RADIANS = Math.PI / 180;

/**
 * The sun over a place.
 *
 * @param convergence_deg From grid north to true north, clockwise positive.
 */
export function sunAt(when: Date, [lon, lat]: [number, number], convergence_deg: number): Sun {
  const { altitude, azimuth } = getPosition(when, lat, lon);
  return { altitude_deg: altitude, azimuth_deg: azimuth, direction: towards(altitude, azimuth + convergence_deg) };
}

/** Unit vector at an altitude and a heading on the grid [°]. */
export function towards(altitude_deg: number, heading_deg: number): Point {
  const flat = Math.cos(altitude_deg * RADIANS);
  const heading = heading_deg * RADIANS;
  return [flat * Math.sin(heading), flat * Math.cos(heading), Math.sin(altitude_deg * RADIANS)];
}

export interface Light {
  /** Towards the light that casts shadows. */
  direction: Point;
  /** On a level surface under open sky these two add up to the brightness of the scene. */
  ambient: Rgb;
  sunlight: Rgb;
  /** Share of its own light a window has, 0 by day and 1 by night. */
  night: number;
  skyTop: Rgb;
  skyLow: Rgb;
  haze: number;
}

/** Light of a model on a table: level surfaces keep their colours to the last bit, at any hour. */
function modelLight(sun: Sun, theme: Theme, palette: Palette): Light {
  // Low suns are lifted so that the shadows of a model stay readable; below the horizon a lamp stands in the north-west.
  const up = sun.altitude_deg > -1;
  const heading = up ? Math.atan2(sun.direction[0], sun.direction[1]) / RADIANS : 315;
  const direction = towards(up ? Math.max(sun.altitude_deg, 10) : 45, heading);
  const ambient = theme === "dark" ? rgb("#8f97a6") : rgb("#b9bdc6");
  const sunlight: Rgb = [1 - ambient[0], 1 - ambient[1], 1 - ambient[2]];
  return { direction, ambient, sunlight, night: 0, skyTop: palette.horizon, skyLow: palette.horizon, haze: 0 };
}

/** Light of the day: warm and long when the sun is low, lamps in the windows when it is gone. */
function dayLight(sun: Sun): Light {
  const altitude = sun.altitude_deg;
  const day = smoothstep(-6, 12, altitude);
  const low = smoothstep(-6, 1, altitude) * (1 - smoothstep(4, 24, altitude));
  const direct = smoothstep(-0.5, 9, altitude);
  const ambient = mix(rgb("#2b3550"), mix(rgb("#8b97ab"), rgb("#8a82a0"), low), day);
  const sunlight = mix(rgb("#7d766a"), rgb("#a2734d"), low);
  return {
    direction: towards(Math.max(altitude, 4), Math.atan2(sun.direction[0], sun.direction[1]) / RADIANS),
    ambient,
    sunlight: scale(sunlight, direct),
    night: 1 - smoothstep(-5, 3, altitude),
    skyTop: mix(rgb("#0b1020"), mix(rgb("#7fa6cf"), rgb("#7c8bb0"), low), day),
    skyLow: mix(rgb("#1a2136"), mix(rgb("#dfe8ee"), rgb("#f0c7a0"), low), day),
    haze: 1,
  };
}

export function lightOf(sun: Sun, look: Look, theme: Theme, palette: Palette): Light {
  return look === "realistic" ? dayLight(sun) : modelLight(sun, theme, palette);
}
