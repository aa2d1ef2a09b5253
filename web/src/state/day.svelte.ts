/** Playing a day: the clock of a pane runs on until it is stopped. */

import { DAY_MINUTES } from "./clock";
import type { Pane } from "./pane.svelte";

/** A day passes in this many seconds. */
const DAY_S = 40;
/** With little motion wished for, time goes in whole hours, one every second and a half. */
const CALM_STEP_MS = 1500;

export class Day {
  playing = $state(false);
  #stop: (() => void) | null = null;

  constructor(readonly pane: Pane) {}

  toggle(): void {
    if (this.playing) this.pause();
    else this.#play();
  }

  pause(): void {
    this.playing = false;
    this.#stop?.();
    this.#stop = null;
  }

  #play(): void {
    this.playing = true;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#stop = calm ? this.#inHours() : this.#smoothly();
  }

  #inHours(): () => void {
    const timer = setInterval(() => this.#set((Math.floor(this.pane.time.minutes / 60) + 1) * 60), CALM_STEP_MS);
    return () => clearInterval(timer);
  }

  #smoothly(): () => void {
    let last = performance.now();
    let minutes = this.pane.time.minutes;
    let frame = 0;
    const run = (now: number): void => {
      // A slow machine skips minutes rather than taking longer, but never more than a quarter of an hour.
      minutes += Math.min(((now - last) / 1000) * (DAY_MINUTES / DAY_S), 15);
      last = now;
      this.#set(Math.floor(minutes));
      minutes %= DAY_MINUTES;
      frame = requestAnimationFrame(run);
    };
    frame = requestAnimationFrame(run);
    return () => cancelAnimationFrame(frame);
  }

  #set(minutes: number): void {
    this.pane.time = { ...this.pane.time, minutes: minutes % DAY_MINUTES };
  }
}
