/** Energy on the map: every building by the electricity that it draws at the hour of the clock. */

import { isAlone } from "../api/bytes";
import * as api from "../api/energy";
import type { HoursFacts } from "../api/schema";
import type { Paint } from "../engine/contract";
import { layerOf } from "../layers";
import { along, VIRIDIS, YL_GN_BU, type Rgb } from "../scales/palettes";
import type { Pane } from "./pane.svelte";
import type { Stage } from "./transport.svelte";

const TABLE = "buildings";
const DAY_H = 24;
const STEPS = 256;

/** Colour of a load, from none to the top of the scale. */
export const loadColour = (share: number, dark: boolean): Rgb => along(dark ? VIRIDIS : YL_GN_BU, share);

/** Month, counted from 1, the hour of the clock, and how far it is to the next one. Values stand for the middle of an hour. */
export function hourOf(date: string, minutes: number): { month: number; hour: number; next: number; share: number } {
  const at = (minutes / 60 - 0.5 + DAY_H) % DAY_H;
  const hour = Math.floor(at);
  return { month: Number(date.slice(5, 7)), hour, next: (hour + 1) % DAY_H, share: at - hour };
}

export class Energy {
  /** Buildings have the colours of their load. */
  hourly = $state(false);
  stage = $state<Stage>("idle");
  scale = $state.raw<HoursFacts | null>(null);

  #months = new Map<string, Promise<Uint8Array<ArrayBuffer>[]>>();
  #turn = 0;

  constructor(
    private readonly pane: Pane,
    hourly = false,
  ) {
    this.hourly = hourly;
  }

  /** Whether the energy of the city on the screen was simulated. */
  get simulated(): boolean {
    return this.pane.entry?.results.includes("heat") ?? false;
  }

  /** Whether somebody is there to add up hours: a page that carries its files has none of them. */
  get curved(): boolean {
    return this.simulated && !isAlone();
  }

  /** Colour the buildings as the clock of the pane says, or give them back. */
  async draw(dark: boolean): Promise<void> {
    const { engine, entry, scene, time } = this.pane;
    const turn = ++this.#turn;
    if (!this.hourly || !this.curved || !engine || !entry || !scene) {
      this.pane.lent = null;
      this.stage = "idle";
      return;
    }
    try {
      if (this.pane.lent !== TABLE) this.stage = "loading";
      const { month, hour, next, share } = hourOf(time.date, time.minutes);
      const [scale, codes] = await Promise.all([api.hours(entry.key), this.#codes(entry.key, month)]);
      if (turn !== this.#turn) return; // another hour came in between
      this.pane.lent = TABLE;
      const names = layerOf(TABLE)!.scene.filter((name) => scene.layers[name]);
      const paint = (at: number): Paint => ({ codes: codes[at], colours: ramp(dark), scale: graded(scale) });
      for (const name of names) {
        engine.setPaint(name, paint(hour));
        engine.setBlend(name, paint(next), share);
      }
      this.scale = scale;
      this.stage = "ready";
    } catch {
      if (turn === this.#turn) this.stage = "failed";
    }
  }

  /** Codes of a month, one array for each hour; asked for once. */
  #codes(key: string, month: number): Promise<Uint8Array<ArrayBuffer>[]> {
    const name = `${key}/${month}`;
    const known = this.#months.get(name);
    if (known) return known;
    const asked = api.hourCodes(key, month).then((all) => {
      const rows = all.length / DAY_H;
      return Array.from({ length: DAY_H }, (_, hour) => all.slice(hour * rows, (hour + 1) * rows));
    });
    asked.catch(() => this.#months.delete(name));
    this.#months.set(name, asked);
    return asked;
  }
}

const graded = ({ top_w_m2 }: HoursFacts): Paint["scale"] => ({ type: "graded", from: 0, to: top_w_m2 });

function ramp(dark: boolean): Uint8Array {
  const bytes = new Uint8Array(STEPS * 4).fill(255);
  for (let i = 0; i < STEPS; i++) bytes.set(loadColour(i / (STEPS - 1), dark), i * 4);
  return bytes;
}
