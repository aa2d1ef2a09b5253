/**
 * One view of one city: what is loaded, what is shown, where the camera stands.
 *
 * Nothing here belongs to the page, so that two panes can stand side by side and share a camera.
 */

import { CitySource, study as fetchStudy, type Named } from "../api/city";
import { NotFound, ServerGone } from "../api/problems";
import { valueAt, type Catalogue, type CityEntry, type ColumnFacts, type ObjectRecord, type Study } from "../api/types";
import type { Camera, Engine, Look, Measured, Pick, Point, Scene } from "../engine/contract";
import { LAYERS, layerOf } from "../layers";
import type { Layer } from "../layers/layer";
import { shownUnit } from "../i18n/units";
import { isSkewed, type ClassMethod } from "../scales/breaks";
import type { Coloured } from "../scales/scale";
import type { Address, ColourChoice, Selection } from "./address";
import { fairTime, zoneOf, type LocalTime } from "./clock";
import { colourLayer, together, type Beside } from "./colouring";
import type { Draft } from "./draft.svelte";
import { indexed, type Indexed } from "./search";
import { isNear, Trail } from "./trail";

export type Stage =
  | { type: "loading" }
  | { type: "ready" }
  | { type: "no-city" }
  | { type: "gone" }
  | { type: "no-webgl2" }
  | { type: "context-lost" }
  | { type: "broken"; detail: string };

/** What a legend shows of a layer. */
export type Colouring = { type: "loading" } | { type: "failed" } | { type: "shown"; coloured: Coloured };

export interface Hovered {
  layer: Layer;
  row: number;
  client: [number, number];
}

/** How long the camera has to rest before its place counts as a view [ms]. */
const REST_MS = 700;

/** Colours of what is chosen for a change, and of the rest. */
const MARK = { light: [213, 94, 0], dark: [255, 158, 87] } as const;
const UNMARKED = { light: [196, 194, 187], dark: [84, 94, 100] } as const;

export class Pane {
  study = $state.raw<Study | null>(null);
  entry = $state.raw<CityEntry | null>(null);
  source = $state.raw<CitySource | null>(null);
  scene = $state.raw<Scene | null>(null);
  catalogue = $state.raw<Catalogue | null>(null);
  engine = $state.raw<Engine | null>(null);

  stage = $state.raw<Stage>({ type: "loading" });
  progress = $state(0);
  /** Every tile is loaded and drawn. */
  complete = $state(false);

  visible = $state<Record<string, boolean>>({});
  colours = $state<Record<string, ColourChoice>>({});
  colourings = $state.raw<Record<string, Colouring>>({});
  /** Legend lines shown alone, by layer. */
  only = $state.raw<Record<string, ReadonlySet<number>>>({});

  look = $state<Look>("thematic");
  shadows = $state(true);
  time = $state.raw<LocalTime>({ date: "2025-06-21", minutes: 960 });
  camera = $state.raw<Camera | null>(null);
  /** The reader moved away from the first view. */
  moved = $state(false);

  selected = $state.raw<Selection | null>(null);
  record = $state.raw<ObjectRecord | null>(null);
  recordFailed = $state(false);
  hovered = $state.raw<Hovered | null>(null);

  measuring = $state(false);
  measured = $state.raw<Measured | null>(null);

  /** Scenario that this city is held against, and whether it stands beside. */
  reference = $state<string | null>(null);
  side = $state(false);
  /** City beside this one, which shares its scales. */
  beside = $state.raw<Beside | null>(null);
  /** Pane whose selection this one follows. */
  lead: Pane | null = null;
  /** What clicks on the map are for while a change is drawn. */
  pen = $state.raw<Draft | null>(null);
  /** What a click on the ground is for otherwise; null where it chooses an object. */
  aim = $state.raw<((point: Point) => void) | null>(null);
  /** Rows set apart from the others of their table: what is chosen for a change. */
  marked = $state.raw<{ table: string; rows: ReadonlySet<number> } | null>(null);

  /** Table whose colours somebody else tells. */
  lent = $state<string | null>(null);

  canGoBack = $state(false);
  canGoForward = $state(false);

  readonly zone = $derived(zoneOf(this.scene?.country ?? this.study?.country ?? ""));
  readonly layers = $derived(LAYERS.filter((layer) => this.rows(layer) > 0));

  #trail = new Trail();
  #rest: ReturnType<typeof setTimeout> | undefined;
  #startTime: LocalTime | null = null;
  #wanted: Address;
  #names: Promise<Indexed[]> | null = null;
  #painting = new Map<string, number>();
  #describe: () => void = () => {};
  /** Settles when it is known what there is to draw, or that nothing is. */
  readonly described = new Promise<void>((resolve) => (this.#describe = resolve));

  constructor(address: Address = {}) {
    this.#wanted = address;
    this.#apply(address);
  }

  /** Find out what there is; the engine draws it later. */
  async open(signal?: AbortSignal): Promise<void> {
    this.stage = { type: "loading" };
    try {
      this.study = await fetchStudy(signal);
      const entry = this.study.cities.find(({ id }) => id === this.#wanted.city) ?? this.study.cities[0];
      if (!entry) {
        this.stage = { type: "no-city" };
        return;
      }
      this.entry = entry;
      this.source = new CitySource(entry.id, entry.key);
      const catalogue = this.source.catalogue();
      const scene = await this.source.scene(signal);
      this.#startTime = fairTime(new Date().getFullYear(), zoneOf(scene.country), scene.lonlat);
      if (!this.#wanted.time) this.time = this.#startTime;
      this.scene = scene;
      this.#describe(); // it can be drawn while its tables are on their way
      if (this.#wanted.selected) void this.select(this.#wanted.selected);
      this.catalogue = await catalogue;
    } catch (error) {
      if (!signal?.aborted) this.fail(error);
    } finally {
      this.#describe();
    }
  }

  /** Read anew what cities there are, and go on showing this one. */
  async readStudy(): Promise<void> {
    this.study = await fetchStudy().catch(() => this.study);
  }

  /** Read anew what cities there are, and show one of them: the same place, the same colours, the same object. */
  async showCity(id: string): Promise<void> {
    try {
      this.study = await fetchStudy();
      const entry = this.study.cities.find((city) => city.id === id) ?? this.study.cities[0];
      if (!entry) return;
      if (entry.key === this.entry?.key) {
        this.entry = entry; // its title or state may be another
        return;
      }
      const source = new CitySource(entry.id, entry.key);
      const [scene, catalogue] = await Promise.all([source.scene(), source.catalogue()]);
      this.#wanted = { camera: this.engine?.camera() };
      this.#names = null;
      this.entry = entry;
      this.source = source;
      this.catalogue = catalogue;
      if (scene.key !== this.scene?.key) this.scene = scene;
      if (this.reference === entry.id) this.compareWith(null);
      if (this.selected) {
        await this.select(this.selected);
        if (this.recordFailed) await this.select(null); // it stands in the other city only
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Hold the city against a scenario, or against none. */
  compareWith(id: string | null): void {
    this.reference = id === this.entry?.id ? null : id;
    if (this.reference) return;
    this.side = false;
    this.colours = Object.fromEntries(
      Object.entries(this.colours).map(([table, choice]) => [
        table,
        choice.aspect === "difference" ? { ...choice, aspect: "value" as const } : choice,
      ]),
    );
  }

  fail(error: unknown): void {
    this.stage =
      error instanceof ServerGone
        ? { type: "gone" }
        : { type: "broken", detail: error instanceof Error ? error.message : String(error) };
  }

  /** Ask the server once more, and go on where it left off. */
  async retry(): Promise<void> {
    try {
      await fetchStudy();
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.complete) this.stage = { type: "ready" };
    else location.reload();
  }

  /** Objects of a layer in this city. */
  rows(layer: Layer): number {
    const drawn = layer.scene.some((name) => (this.scene?.layers[name]?.tiles?.length ?? 0) > 0);
    return drawn ? (this.catalogue?.tables[layer.table]?.rows ?? 0) : 0;
  }

  facts(table: string, column: string): ColumnFacts | undefined {
    return this.catalogue?.tables[table]?.columns[column];
  }

  /** Columns that simulations gave the objects of a layer. */
  resultColumns(layer: Layer): string[] {
    const models = new Set(this.entry?.results);
    const listed = new Set(layer.groups.flatMap(({ columns }) => columns));
    return Object.entries(this.catalogue?.tables[layer.table]?.columns ?? {})
      .filter(([name, { methods }]) => !listed.has(name) && methods.some(({ method }) => models.has(method)))
      .map(([name]) => name);
  }

  isVisible(layer: Layer): boolean {
    return this.visible[layer.table] ?? layer.visible;
  }

  setVisible(layer: Layer, on: boolean): void {
    this.visible = { ...this.visible, [layer.table]: on };
  }

  /** Classes that suit a column when the reader did not choose any. */
  method(table: string, choice: ColourChoice): ClassMethod {
    if (choice.method) return choice.method;
    const own = this.facts(table, choice.column);
    const facts = own && together(own, this.beside?.facts(table, choice.column));
    if (!facts || facts.minimum === null || facts.maximum === null) return "rounded";
    const spread = {
      minimum: facts.minimum,
      maximum: facts.maximum,
      quantiles: facts.quantiles,
      whole: facts.kind === "integer",
    };
    return isSkewed(spread) && facts.minimum > 0 && facts.maximum > 300 * facts.minimum ? "log" : "rounded";
  }

  setColour(table: string, choice: ColourChoice | null): void {
    const { [table]: _, ...others } = this.colours;
    this.colours = choice ? { ...others, [table]: choice } : others;
    this.only = { ...this.only, [table]: new Set() };
  }

  /** Show one line of a legend alone, or with the others again. */
  toggleOnly(table: string, index: number | null): void {
    const lines = new Set(this.only[table]);
    if (index === null) lines.clear();
    else if (!lines.delete(index)) lines.add(index);
    this.only = { ...this.only, [table]: lines };
  }

  /** Fetch the values a layer is coloured by and hand their colours to the engine. */
  async paint(layer: Layer, dark: boolean): Promise<void> {
    const { source, engine } = this;
    const choice = this.colours[layer.table];
    const own = choice && this.facts(layer.table, choice.column);
    const facts = own && together(own, this.beside?.facts(layer.table, choice.column));
    const turn = (this.#painting.get(layer.table) ?? 0) + 1;
    this.#painting.set(layer.table, turn);
    if (this.lent === layer.table) return;
    const scene = layer.scene.filter((name) => this.scene?.layers[name]);
    if (this.marked?.table === layer.table) {
      const { rows } = this.marked;
      const codes = Uint8Array.from({ length: this.rows(layer) }, (_, row) => (rows.has(row) ? 2 : 1));
      const colours = Uint8Array.of(...UNMARKED[dark ? "dark" : "light"], 255, ...MARK[dark ? "dark" : "light"], 255);
      for (const name of scene) engine?.setPaint(name, { codes, colours, scale: { type: "category" } });
      return;
    }
    if (!choice || !facts || !source) {
      for (const name of scene) engine?.setPaint(name, null);
      const { [layer.table]: _, ...others } = this.colourings;
      this.colourings = others;
      return;
    }
    const only = this.only[layer.table] ?? new Set();
    const method = this.method(layer.table, choice);
    if (this.colourings[layer.table]?.type !== "shown") this.#setColouring(layer, { type: "loading" });
    try {
      const beside = (await this.beside?.source.column(layer.table, choice.column).catch(() => null)) ?? null;
      const pair = this.reference && this.entry ? { shown: this.entry.id, reference: this.reference } : null;
      const factor = shownUnit(facts.unit, "en").factor;
      const options = { method, dark, only, factor, beside };
      const coloured = await colourLayer(source, layer.table, choice, facts, options, pair);
      if (this.#painting.get(layer.table) !== turn) return; // another choice came in between
      for (const name of scene) engine?.setPaint(name, coloured.paint);
      this.#setColouring(layer, { type: "shown", coloured });
    } catch {
      if (this.#painting.get(layer.table) === turn) this.#setColouring(layer, { type: "failed" });
    }
  }

  #setColouring(layer: Layer, colouring: Colouring): void {
    this.colourings = { ...this.colourings, [layer.table]: colouring };
  }

  /** Select an object by its identifier and read all that is known of it. */
  async select(selection: Selection | null): Promise<void> {
    this.selected = selection;
    this.record = null;
    this.recordFailed = false;
    if (!selection || !this.source) return;
    try {
      const record = await this.source.record(selection.table, selection.id);
      if (this.selected === selection) this.record = record;
    } catch (error) {
      if (this.selected !== selection) return;
      if (error instanceof NotFound) this.recordFailed = true;
      else if (error instanceof ServerGone) this.fail(error);
      else this.recordFailed = true;
    }
  }

  async selectRow(layer: Layer, row: number): Promise<void> {
    if (!this.source) return;
    try {
      const id = valueAt(await this.source.ids(layer.table), row);
      if (typeof id === "number") await (this.lead ?? this).select({ table: layer.table, id });
    } catch (error) {
      this.fail(error);
    }
  }

  /** What a pick of the engine means: the layer the reader knows, and the row of its table. */
  picked(pick: Pick | null): { layer: Layer; row: number } | null {
    const layer = pick && layerOf(pick.layer);
    return layer ? { layer, row: pick.row } : null;
  }

  cameraMoved(camera: Camera): void {
    this.camera = camera;
    const home = this.engine?.home();
    this.moved = home ? !isNear(camera, home) : false;
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#trail.visit(camera);
      this.#showTrail();
    }, REST_MS);
  }

  #showTrail(): void {
    this.canGoBack = this.#trail.canGoBack;
    this.canGoForward = this.#trail.canGoForward;
  }

  go(camera: Camera | null): void {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (camera) this.engine?.setCamera(camera, { animate: !calm });
  }

  back(): void {
    this.go(this.#trail.back());
    this.#showTrail();
  }

  forward(): void {
    this.go(this.#trail.forward());
    this.#showTrail();
  }

  goHome(): void {
    if (this.engine) this.go(this.engine.home());
  }

  /** Change some of the camera and keep the rest. */
  turn(change: Partial<Camera>): void {
    const camera = this.engine?.camera();
    if (camera) this.go({ ...camera, ...change });
  }

  /** Look at a place from a distance, from the side the camera is on. */
  flyTo(point: Point, distance: number): void {
    const camera = this.engine?.camera();
    if (!camera) return;
    this.go({ ...camera, target: point, distance, tilt: Math.min(camera.tilt, 58) });
  }

  /** Look at an object of a layer; false where the engine does not know it. */
  async flyToRow(layer: Layer, row: number): Promise<boolean> {
    for (const name of layer.scene) {
      await this.engine?.have(name).catch(() => {}); // a failure was told
      const place = this.engine?.locate(name, row);
      if (place) {
        this.flyTo(place.point, Math.max(place.radius_m, 2) * (layer.near ?? 6) + 60);
        return true;
      }
    }
    return false;
  }

  /** Of several rows, such as the links of a street, the one nearest to a point. */
  nearest(layer: Layer, rows: readonly number[], [x, y]: Point): number {
    let best = rows[0];
    let least = Infinity;
    for (const row of rows) {
      const place = layer.scene.map((name) => this.engine?.locate(name, row)).find((found) => found);
      const away = place ? Math.hypot(place.point[0] - x, place.point[1] - y) : Infinity;
      if (away < least) [best, least] = [row, away];
    }
    return best;
  }

  setMeasuring(on: boolean): void {
    this.measuring = on;
    this.engine?.setMeasuring(on);
  }

  /** Names that can be searched for; read on first need. */
  names(): Promise<Indexed[]> {
    const { source, scene } = this;
    if (!source || !scene?.names) return Promise.resolve([]);
    this.#names ??= source.names(scene.names.file).then((names: Named[]) => indexed(names));
    this.#names.catch(() => (this.#names = null));
    return this.#names;
  }

  /** What of this view differs from the start. */
  address(): Address {
    const layers = Object.entries(this.visible).filter(([table, on]) => layerOf(table)?.visible !== on);
    const sameTime = this.#startTime?.date === this.time.date && this.#startTime.minutes === this.time.minutes;
    return {
      city: this.entry && this.entry !== this.study?.cities[0] ? this.entry.id : undefined,
      reference: this.reference ?? undefined,
      side: this.side || undefined,
      camera: this.moved && this.camera ? this.camera : undefined,
      layers: layers.length ? Object.fromEntries(layers) : undefined,
      colours: Object.keys(this.colours).length ? this.colours : undefined,
      time: this.scene && !sameTime ? this.time : undefined,
      shadows: this.shadows ? undefined : false,
      look: this.look === "thematic" ? undefined : this.look,
      selected: this.selected ?? undefined,
    };
  }

  /** Look at what an address says, and at the start for what it does not say. */
  show(address: Address): void {
    this.#wanted = address;
    this.#apply(address);
    if (this.study && (address.city ?? this.study.cities[0]?.id) !== this.entry?.id) {
      void this.showCity(address.city ?? this.study.cities[0].id);
    }
    if (!address.time && this.#startTime) this.time = this.#startTime;
    const wanted = address.selected ?? null;
    if (wanted?.id !== this.selected?.id || wanted?.table !== this.selected?.table) void this.select(wanted);
    this.go(address.camera ?? this.engine?.home() ?? null);
  }

  #apply(address: Address): void {
    this.reference = address.reference ?? null;
    this.side = address.side ?? false;
    this.visible = { ...address.layers };
    this.colours = { ...address.colours };
    this.only = {};
    this.look = address.look ?? "thematic";
    this.shadows = address.shadows ?? true;
    if (address.time) this.time = address.time;
  }

  /** Camera that the address asks for when the scene opens. */
  get firstCamera(): Camera | null {
    return this.#wanted.camera ?? null;
  }
}
