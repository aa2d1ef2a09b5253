/** What simulations put over the city: traffic on the links, and lines in space. */

import type { Flows, Streaks as Given } from "./contract";
import type { LoadedCity } from "./city";
import { FlowValues, Ribbons } from "./draw/flows";
import type { Shared } from "./draw/kit";
import type { Lines } from "./draw/lines";
import { Streaks } from "./draw/streaks";
import { Vehicles } from "./draw/vehicles";

/** Traffic goes round once in so long: numbers stay small [s]. */
const ROUND_S = 7200;
/** After a pause, vehicles go on where they were [s]. */
const LONGEST_STEP_S = 0.5;

export class Overlays {
  #values: FlowValues | null = null;
  #ribbons: Ribbons | null = null;
  #vehicles: Vehicles | null = null;
  #flows: Flows | null = null;
  #streaks = new Map<string, Streaks>();
  #city: LoadedCity | null = null;
  #pace = 0;
  #before = 0;
  #page: [number, number] = [1, 1];

  constructor(private readonly shared: Shared) {}

  /** Whether pictures are to follow one another. */
  get moving(): boolean {
    return this.#pace > 0 && this.#vehicles !== null;
  }

  /** Another city: what is shown of it is asked for anew. */
  show(city: LoadedCity | null): void {
    this.#clear();
    for (const name of [...this.#streaks.keys()]) this.setStreaks(name, null);
    this.#flows = null;
    this.#city = city;
  }

  resize(width: number, height: number): void {
    this.#page = [width, height];
    for (const one of this.#streaks.values()) one.resize(width, height);
  }

  setFlows(flows: Flows | null): void {
    this.#flows = flows;
    if (!flows) this.#clear();
    this.sync();
  }

  /** Draw traffic on the links that have come meanwhile. */
  sync(): void {
    const { links, lift } = this.#links();
    const flows = this.#flows;
    if (!this.#city || !links || !flows) return;
    this.#values ??= new FlowValues();
    this.#values.set(flows);
    this.#values.setOpposite(links.reverse);
    if (!flows.ribbons) this.#ribbons = drop(this.#ribbons);
    else {
      this.#ribbons ??= new Ribbons(this.shared, this.#values, lift);
      this.#ribbons.add(links.strips);
      this.#city.scene.add(this.#ribbons.group);
    }
    this.#vehicles = drop(this.#vehicles);
    if (!flows.density) return;
    this.#vehicles = new Vehicles(this.shared, this.#values, lift);
    this.#vehicles.fill(links.strips, links.reverse, flows.density);
    flows.kinds?.forEach(([r, g, b], k) => this.#vehicles!.look.uKinds.value[k]?.set(r, g, b).divideScalar(255));
    this.#city.scene.add(this.#vehicles.group);
  }

  setPace(pace: number): void {
    this.#pace = pace;
    this.#before = 0;
  }

  setStreaks(name: string, given: Given | null): void {
    this.#streaks.get(name)?.dispose();
    this.#streaks.delete(name);
    if (!given || !this.#city) return;
    const streaks = new Streaks(this.shared, given);
    streaks.resize(...this.#page);
    this.#streaks.set(name, streaks);
    this.#city.scene.add(streaks.group);
  }

  /** Move the vehicles to where they are now. */
  tick(now_ms: number): void {
    if (!this.#vehicles || this.#pace <= 0) return;
    const step = this.#before ? Math.min((now_ms - this.#before) / 1000, LONGEST_STEP_S) : 0;
    this.#before = now_ms;
    const { uTime } = this.#vehicles.look;
    uTime.value = (uTime.value + step * this.#pace) % ROUND_S;
  }

  #links(): { links: Lines | undefined; lift: number } {
    const error = this.#city?.description.layers.terrain?.error_m ?? 0;
    return { links: this.#city?.lines.find(({ name }) => name === "links"), lift: Math.min(0.6, 0.15 + error / 2) };
  }

  #clear(): void {
    this.#ribbons = drop(this.#ribbons);
    this.#vehicles = drop(this.#vehicles);
    this.#values?.dispose();
    this.#values = null;
  }
}

function drop(part: { dispose: () => void } | null): null {
  part?.dispose();
  return null;
}
