/** What lies under a place of the picture: a ray through the city on the page, without the graphics card. */

import type { Box, Pick, Point } from "../contract";
import { LAST, ROW_BITS } from "../decode/strips";
import type { Areas } from "../draw/areas";
import type { Buildings } from "../draw/buildings";
import type { KeptStrips, Lines } from "../draw/lines";
import { pinAt, type Pins } from "../draw/pins";
import type { KeptSkins, Skins } from "../draw/skins";
import { type Trees, UNKNOWN_TREE_M } from "../draw/trees";
import type { Ground } from "./ground";
import { hitPrisms } from "./prism";
import { along, enterBox, hitTriangle, nearSegment, type Ray } from "./ray";

export interface City {
  box: Box;
  ground: Ground | null;
  buildings: Buildings | null;
  skins: Skins | null;
  faces: Skins | null;
  lines: Lines[];
  trees: Trees | null;
  pins: Pins[];
  areas: Areas[];
}

interface Hit {
  layer: string;
  row: number;
  distance: number;
}

/** Faces are hit this far behind the building on which they lie [m]. */
const ON_IT_M = 0.5;
/** Lines and pins are hit within this many pixels. */
const REACH = 5;

/** @param pixel Metres that a pixel covers at a distance of 1 m. */
export function pickIn(city: City, ray: Ray, pixel: number): Pick | null {
  const solid = solidHit(city, ray);
  const ground = groundHit(city, ray);
  const surface = Math.min(solid?.distance ?? Infinity, ground);
  const hit =
    pinHit(city, ray, pixel, surface) ??
    (solid && solid.distance < ground ? solid : null) ??
    treeHit(city, ray, surface) ??
    lineHit(city, ray, pixel, surface) ??
    areaHit(city, ray, ground);
  return hit && { layer: hit.layer, row: hit.row, point: along(ray, hit.distance) };
}

/** The place on buildings or ground that a ray meets first. */
export function surfaceIn(city: City, ray: Ray): Point | null {
  const distance = Math.min(solidHit(city, ray)?.distance ?? Infinity, groundHit(city, ray));
  return distance < Infinity ? along(ray, distance) : null;
}

function solidHit(city: City, ray: Ray): Hit | null {
  let best: Hit | null = null;
  if (city.buildings?.visible)
    for (const tile of city.buildings.outlines()) {
      const limit = best?.distance ?? Infinity;
      if (enterBox(ray, tile.low, tile.high) >= limit) continue;
      const hit = hitPrisms(ray, tile.frame, tile.outlines, limit);
      if (hit) best = { layer: "buildings", row: tile.outlines.row[hit.prism], distance: hit.distance };
    }
  for (const skins of [city.skins, city.faces])
    if (skins?.visible)
      for (const tile of skins.kept) {
        const limit = (best?.distance ?? Infinity) + (skins.over ? ON_IT_M : 0);
        if (enterBox(ray, tile.low, tile.high) >= limit) continue;
        best = hitSkin(ray, tile, skins.name, best, limit);
      }
  return best;
}

function hitSkin(
  ray: Ray,
  { frame, n, vertices, triangles }: KeptSkins,
  layer: string,
  best: Hit | null,
  limit: number,
): Hit | null {
  const corner = new Float64Array(9);
  for (let t = 0; t < n; t++) {
    for (let k = 0; k < 3; k++) {
      const v = triangles[t * 4 + k] * 2;
      corner[k * 3] = frame.x0 + frame.step * (vertices[v] & 65535);
      corner[k * 3 + 1] = frame.y0 + frame.step * (vertices[v] >>> 16);
      corner[k * 3 + 2] = frame.z0 + frame.z_step * vertices[v + 1];
    }
    const distance = hitTriangle(ray, corner, 0, 3, 6);
    if (distance < limit) [best, limit] = [{ layer, row: triangles[t * 4 + 3] & ROW_BITS, distance }, distance];
  }
  return best;
}

function groundHit({ ground, box }: City, ray: Ray): number {
  if (ground) return ground.hit(ray);
  const level = ray.direction[2] < 0 ? (box[2] - ray.origin[2]) / ray.direction[2] : Infinity;
  return level > 0 ? level : Infinity;
}

function pinHit({ pins }: City, ray: Ray, pixel: number, surface: number): Hit | null {
  let best: Hit | null = null;
  for (const layer of pins.filter((one) => one.visible))
    for (const { frame, n, points } of layer.kept)
      for (let i = 0; i < n; i++) {
        const foot = placeOf(frame, points, i);
        const away = Math.hypot(...foot.map((value, k) => value - ray.origin[k]));
        const pin = pinAt(away);
        const head: Point = [foot[0], foot[1], foot[2] + away * pin.stem + (points[i * 4 + 2] & 65535) / 100];
        const near = nearSegment(ray, head, head);
        if (near.at > 0 && near.at < surface + 0.02 * away && near.away < (pin.radius + 2) * pixel * away)
          if (near.at < (best?.distance ?? Infinity))
            best = { layer: layer.name, row: points[i * 4 + 3], distance: near.at };
      }
  return best;
}

function treeHit({ trees }: City, ray: Ray, surface: number): Hit | null {
  let best: Hit | null = null;
  if (trees?.visible)
    for (const { frame, n, points, low, high } of trees.drawn) {
      const wide = 12;
      if (
        enterBox(
          ray,
          low.map((v) => v - wide),
          high.map((v) => v + wide),
        ) === Infinity
      )
        continue;
      for (let i = 0; i < n; i++) {
        const foot = placeOf(frame, points, i);
        const tall = Math.max(2, (points[i * 4 + 2] & 65535) / 100 || UNKNOWN_TREE_M);
        const radius = Math.min(0.4 * tall, (points[i * 4 + 2] >>> 16) / 200 || 0.28 * tall);
        const near = nearSegment(
          ray,
          [foot[0], foot[1], foot[2] + 0.4 * tall],
          [foot[0], foot[1], foot[2] + tall - radius],
        );
        const distance = near.at - Math.sqrt(Math.max(0, radius * radius - near.away * near.away));
        if (near.at > 0 && near.away < radius && distance < Math.min(surface, best?.distance ?? Infinity))
          best = { layer: trees.name, row: points[i * 4 + 3], distance };
      }
    }
  return best;
}

function lineHit({ lines }: City, ray: Ray, pixel: number, surface: number): Hit | null {
  let best: (Hit & { share: number }) | null = null;
  for (const layer of lines.filter((one) => one.visible))
    for (const tile of layer.kept) {
      const reach = 8 + REACH * pixel * Math.min(surface, 1e5);
      if (
        enterBox(
          ray,
          tile.low.map((v) => v - reach),
          tile.high.map((v) => v + reach),
        ) === Infinity
      )
        continue;
      eachSegment(tile, (i, a, b) => {
        const near = nearSegment(ray, a, b);
        const least = REACH * pixel * near.at;
        const allowed = Math.max(0.5 * widthOf(tile.points, i), least);
        const share = near.away / allowed;
        if (near.at > 0 && share < 1 && near.at < surface + 3 + 4 * near.away && share < (best?.share ?? 1))
          best = { layer: layer.name, row: tile.points[i * 4 + 3] & ROW_BITS, distance: near.at, share };
      });
    }
  return best;
}

function eachSegment({ frame, n, points }: KeptStrips, visit: (i: number, a: Point, b: Point) => void): void {
  if (n < 1) return;
  let a = placeOf(frame, points, 0);
  for (let i = 0; i + 1 < n; i++) {
    const b = placeOf(frame, points, i + 1);
    if (!(points[i * 4 + 3] & LAST)) visit(i, a, b);
    a = b;
  }
}

function widthOf(points: Uint32Array, i: number): number {
  return ((points[i * 4 + 1] >>> 16) & 255) / 10;
}

function areaHit({ areas }: City, ray: Ray, ground: number): Hit | null {
  if (ground === Infinity) return null;
  const [x, y] = along(ray, ground);
  const down: Ray = { origin: [x, y, 1e5], direction: [0, 0, -1] };
  for (const layer of areas.filter((one) => one.visible).reverse())
    for (const { positions, rows, triangles } of layer.kept)
      for (let t = 0; t < triangles.length; t += 3)
        if (hitTriangle(down, positions, triangles[t] * 3, triangles[t + 1] * 3, triangles[t + 2] * 3) < Infinity)
          return { layer: layer.name, row: rows[triangles[t]] & 0xffffff, distance: ground };
  return null;
}

function placeOf({ x0, y0, z0, step, z_step }: KeptStrips["frame"], points: Uint32Array, i: number): Point {
  const xy = points[i * 4];
  return [x0 + step * (xy & 65535), y0 + step * (xy >>> 16), z0 + z_step * (points[i * 4 + 1] & 65535)];
}
