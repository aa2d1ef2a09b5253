/** The views a reader came through: back and forward, as in a browser. */

import type { Camera } from "../engine/contract";

/** Views apart by less than this count as one: share of the distance, and degrees. */
const NEAR_SHARE = 0.02;
const NEAR_DEG = 1;
const MOST_VIEWS = 100;

export function isNear(a: Camera, b: Camera): boolean {
  const scale = Math.min(a.distance, b.distance);
  const moved = Math.hypot(...a.target.map((value, i) => value - b.target[i]));
  const turned = Math.abs(((a.heading - b.heading + 540) % 360) - 180);
  return (
    moved < NEAR_SHARE * scale &&
    Math.abs(a.distance - b.distance) < NEAR_SHARE * scale &&
    turned < NEAR_DEG &&
    Math.abs(a.tilt - b.tilt) < NEAR_DEG
  );
}

export class Trail {
  #views: Camera[] = [];
  #at = -1;

  /** Note where the camera came to rest; what lay ahead is forgotten, unless it is the same place. */
  visit(camera: Camera): void {
    if (this.#at >= 0 && isNear(this.#views[this.#at], camera)) return;
    this.#views = [...this.#views.slice(0, this.#at + 1), camera].slice(-MOST_VIEWS);
    this.#at = this.#views.length - 1;
  }

  get canGoBack(): boolean {
    return this.#at > 0;
  }

  get canGoForward(): boolean {
    return this.#at < this.#views.length - 1;
  }

  back(): Camera | null {
    return this.canGoBack ? this.#views[--this.#at] : null;
  }

  forward(): Camera | null {
    return this.canGoForward ? this.#views[++this.#at] : null;
  }
}
