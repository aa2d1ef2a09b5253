/** Travel on the map: flows, vehicles, desire lines, reach of a point, lines of public transport. */

import { ServerGone, WrongAnswer } from "../api/problems";
import * as api from "../api/travel";
import type { GridFacts, IsochroneFacts, LinesFacts, TripsFacts } from "../api/schema";
import { flowsOf, KINDS, numbersOf, type FlowColumns, type FlowOf } from "./flows";
import type { ReachMode } from "./modes";
import type { Pane } from "./pane.svelte";
import { noiseTint } from "./tint";
import { desireStreaks, lineStreaks, reachStreaks } from "./streaks";
import type { TravelAddress } from "./address";

export type Stage = "idle" | "loading" | "ready" | "failed";
/** Limits of a reach [min]. */
export const LIMITS = [5, 10, 15, 20, 30, 45] as const;
/** Vehicles go so many times as fast as they are: at the size of a city they would seem to stand. */
export const PACE = 4;
/** Pairs of zones whose desire lines are drawn. */
export const PAIRS = 150;
const SECONDS_PER_MINUTE = 60;

export class Transport {
  /** Somebody has looked at travel: what its panel tells is asked for, which costs the server a moment. */
  wanted = $state(false);
  /** Ribbons on the links, and vehicles. */
  flows = $state(false);
  of = $state<FlowOf>("all");
  vehicles = $state(false);
  playing = $state(false);
  flowStage = $state<Stage>("idle");
  /** Flow of the widest ribbon of the legend [veh/h]. */
  widest = $state(0);

  /** Mode whose desire lines are drawn; all modes where empty, none where null. */
  desire = $state<string | null>(null);
  trips = $state.raw<TripsFacts | null>(null);
  tripStage = $state<Stage>("idle");

  /** Clicks on the map choose where one starts. */
  aiming = $state(false);
  mode = $state<ReachMode>("walk");
  /** Longest time [min]. */
  longest = $state<number>(15);
  /** Where one starts, on the grid of the city [m]. */
  from = $state.raw<readonly [number, number] | null>(null);
  reach = $state.raw<IsochroneFacts | null>(null);
  reachStage = $state<Stage>("idle");
  /** What the server says is wrong with the last wish. */
  refused = $state("");

  /** Fields over the ground that simulations gave, and the one that is drawn. */
  grids = $state.raw<readonly GridFacts[]>([]);
  grid = $state<string | null>(null);

  lines = $state(false);
  found = $state.raw<LinesFacts | null>(null);

  #columns: { key: string; columns: Promise<FlowColumns> } | null = null;
  /** City whose trips are known. */
  #tripsOf = "";
  #turn = { trips: 0, reach: 0, lines: 0, flows: 0, grid: 0 };

  constructor(
    private readonly pane: Pane,
    address: TravelAddress = {},
  ) {
    this.apply(address);
  }

  /** Whether traffic of the city on the screen was simulated. */
  get simulated(): boolean {
    return this.pane.entry?.results.includes("traffic") ?? false;
  }

  get hasLines(): boolean {
    return (this.pane.catalogue?.tables.routes?.rows ?? 0) > 0;
  }

  /** What an address says. */
  apply({ flows, desire, reach, lines, ground }: TravelAddress): void {
    this.grid = ground ?? null;
    this.flows = flows !== undefined;
    this.of = flows ?? "all";
    this.desire = desire ?? null;
    this.lines = lines ?? false;
    this.mode = reach?.mode ?? this.mode;
    this.longest = reach?.minutes ?? this.longest;
    this.from = reach ? [reach.x, reach.y] : null;
  }

  address(): TravelAddress {
    const { from, mode, longest } = this;
    return {
      flows: this.flows ? this.of : undefined,
      desire: this.desire ?? undefined,
      reach: from ? { mode, minutes: longest, x: from[0], y: from[1] } : undefined,
      lines: this.lines || undefined,
      ground: this.grid ?? undefined,
    };
  }

  /** Ribbons and vehicles as they are wished for; none where traffic was not simulated. */
  async drawFlows(dark: boolean): Promise<void> {
    const { engine, source, entry } = this.pane;
    const turn = ++this.#turn.flows;
    if (!engine) return;
    if (!source || !entry || !this.simulated || !(this.flows || this.vehicles)) {
      engine.setFlows(null);
      this.flowStage = "idle";
      return;
    }
    if (this.flowStage !== "ready") this.flowStage = "loading";
    try {
      const [columns] = await Promise.all([this.#flowColumns(entry.key), engine.have("links")]);
      if (turn !== this.#turn.flows) return;
      const wish = { of: this.of, ribbons: this.flows, vehicles: this.vehicles, dark };
      const { flows, widest } = flowsOf(columns, wish);
      engine.setFlows(flows);
      this.widest = widest;
      this.flowStage = "ready";
    } catch (error) {
      if (turn === this.#turn.flows) this.flowStage = this.#failed(error);
    }
  }

  #flowColumns(key: string): Promise<FlowColumns> {
    if (this.#columns?.key !== key) {
      const columns = this.#readColumns();
      columns.catch(() => (this.#columns = null));
      this.#columns = { key, columns };
    }
    return this.#columns!.columns;
  }

  async #readColumns(): Promise<FlowColumns> {
    const { source, catalogue } = this.pane;
    const n = catalogue?.tables.links?.rows ?? 0;
    const known = catalogue?.tables.links?.columns ?? {};
    const read = async (name: string): Promise<Float32Array> =>
      numbersOf(name in known && source ? await source.column("links", name) : null, n);
    const [car, motorbike, bus, truck, bicycle, saturation, fast, light] = await Promise.all(
      [
        ...[...KINDS, "bicycle"].map((kind) => `volume_${kind}_veh_h`),
        ...["saturation", "speed_car_m_s", "speed_motorbike_m_s"],
      ].map(read),
    );
    return { n, volume: { car, motorbike, bus, truck, bicycle }, saturation, speed: [fast, light] };
  }

  /** Trips of the city; with the desire lines of a mode, if they are wished for. */
  async drawTrips(dark: boolean): Promise<void> {
    const { engine, entry, scene } = this.pane;
    const turn = ++this.#turn.trips;
    if (!entry || !this.simulated) {
      this.trips = null;
      this.tripStage = "idle";
      engine?.setStreaks("desire", null);
      return;
    }
    if (this.desire === null) engine?.setStreaks("desire", null);
    if (this.desire === null && this.trips && this.#tripsOf === entry.key) return; // its totals are known
    this.tripStage = "loading";
    try {
      const trips = await api.trips(entry.key, this.desire, this.desire === null ? 0 : PAIRS);
      if (turn !== this.#turn.trips) return;
      this.trips = trips;
      this.#tripsOf = entry.key;
      this.tripStage = "ready";
      const shown = this.desire !== null && engine && scene;
      engine?.setStreaks(
        "desire",
        shown ? desireStreaks(trips, scene.origin, engine.groundAt.bind(engine), dark) : null,
      );
    } catch (error) {
      if (turn === this.#turn.trips) this.tripStage = this.#failed(error);
    }
  }

  /** Start from a place of the scene. */
  start([x, y]: readonly number[]): void {
    const origin = this.pane.scene?.origin;
    if (origin) this.from = [x + origin[0], y + origin[1]];
  }

  async drawReach(departure_s: number, dark: boolean): Promise<void> {
    const { engine, entry, scene } = this.pane;
    const turn = ++this.#turn.reach;
    if (!engine || !entry || !scene) return;
    if (!this.from) {
      this.reach = null;
      this.reachStage = "idle";
      engine.setStreaks("reach", null);
      return;
    }
    this.reachStage = "loading";
    try {
      const limits = LIMITS.filter((limit) => limit <= this.longest);
      const reach = await api.reach(entry.key, this.from, this.mode, limits, departure_s);
      if (turn !== this.#turn.reach) return;
      this.reach = reach;
      this.reachStage = "ready";
      const longest_s = this.longest * SECONDS_PER_MINUTE;
      engine.setStreaks("reach", reachStreaks(reach, longest_s, scene.origin, engine.groundAt.bind(engine), dark));
    } catch (error) {
      if (turn !== this.#turn.reach) return;
      this.reach = null;
      this.reachStage = this.#failed(error);
      engine.setStreaks("reach", null);
    }
  }

  /** Fields that the city has. */
  async readGrids(): Promise<void> {
    const key = this.pane.entry?.key;
    const found = key ? await api.grids(key).catch(() => null) : null;
    if (key === this.pane.entry?.key) this.grids = found?.grids ?? [];
  }

  async drawGrid(): Promise<void> {
    const { engine, entry, scene } = this.pane;
    const turn = ++this.#turn.grid;
    const grid = this.grids.find(({ name }) => name === this.grid);
    if (!engine || !entry || !scene) return;
    if (!grid) {
      engine.setTint(null);
      return;
    }
    try {
      const codes = await api.gridCodes(entry.key, grid);
      if (turn === this.#turn.grid) engine.setTint(noiseTint(grid, codes, scene.origin));
    } catch (error) {
      if (turn === this.#turn.grid) this.#failed(error);
    }
  }

  async drawLines(): Promise<void> {
    const { engine, entry, scene } = this.pane;
    const turn = ++this.#turn.lines;
    if (!entry || !engine || !scene) return;
    if (!this.hasLines || !this.lines) {
      engine.setStreaks("lines", null);
      return;
    }
    try {
      const found = await api.lines(entry.key);
      if (turn !== this.#turn.lines) return;
      this.found = found;
      engine.setStreaks("lines", lineStreaks(found, scene.origin, engine.groundAt.bind(engine)));
    } catch (error) {
      if (turn === this.#turn.lines) this.#failed(error);
    }
  }

  #failed(error: unknown): Stage {
    this.refused = error instanceof WrongAnswer ? error.problems.map(({ text }) => text).join("; ") : "";
    if (error instanceof ServerGone) this.pane.fail(error);
    return "failed";
  }
}
