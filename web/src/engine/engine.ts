/** The engine: holds what is shown and from where, and ties the parts together. */

import * as THREE from "three";
import { LoadedCity } from "./city";
import type {
  Camera,
  Engine,
  EngineEvents,
  Files,
  Flows,
  Look,
  Paint,
  Pick,
  Point,
  Scene,
  Streaks,
  Theme,
  Tint,
} from "./contract";
import { Lines } from "./draw/lines";
import { measuredOf } from "./draw/measure";
import { HIDDEN_AT_FIRST, type Loading, loadingOf, type Wanted, wantedOf } from "./load";
import { paletteOf } from "./look/palette";
import { lightOf, sunAt } from "./look/sun";
import { Stage } from "./stage";
import { cameraFrom, eyeOf, homeOf, withinReason } from "./view/camera";
import { Controls, type Stand } from "./view/controls";
import { locateIn } from "./view/locate";
import { pickIn, surfaceIn } from "./view/picking";
import { along, type Ray } from "./view/ray";

type Listeners = { [E in keyof EngineEvents]: Set<EngineEvents[E]> };

/** The eye stays this far above the ground [m]. */
const HEADROOM_M = 2.5;
/** The first picture waits this long for more of the city, with a graphics card and without [ms]. */
const PATIENCE_MS = [900, 2500];
/** While more arrives, a machine without a graphics card rests this many times as long as a picture took. */
const REST = 4;
const EMPTY: Scene["box"] = [-1000, -1000, 0, 1000, 1000, 100];

export class CityEngine implements Engine, Stand {
  readonly #stage: Stage;
  readonly #controls: Controls;
  readonly #listeners: Listeners = {
    progress: new Set(),
    first: new Set(),
    whole: new Set(),
    ready: new Set(),
    camera: new Set(),
    hover: new Set(),
    click: new Set(),
    measure: new Set(),
    draw: new Set(),
    frame: new Set(),
    failed: new Set(),
  };
  readonly #resized: ResizeObserver;
  #city: LoadedCity | null = null;
  #source: { scene: Scene; files: Files } | null = null;
  #loading: Loading | null = null;
  /** Layers of the scene that were asked for. */
  #asked = new Map<string, Promise<void>>();
  #theme: Theme = "light";
  #look: Look = "thematic";
  #when = new Date(Date.UTC(2026, 5, 21, 8, 30));
  #camera: Camera = homeOf(EMPTY, 1.6, 0);
  #aimed = false;
  #visible = new Map<string, boolean>();
  #paints = new Map<string, Paint | null>();
  #selected: { layer: string; row: number } | null = null;
  #hovered: { layer: string; row: number } | null = null;
  #measuring = false;
  #drawing = false;
  #points: Point[] = [];
  #pointer: { x: number; y: number; stale: boolean } | null = null;
  /** Shown in the next picture for the first time, or the last. */
  #expecting: { first: boolean; then: (() => void) | null; since: number } = { first: false, then: null, since: 0 };

  constructor(readonly element: HTMLElement) {
    this.#stage = new Stage(element);
    this.#controls = new Controls(this.#stage.canvas, this);
    this.#stage.afterFrame = (milliseconds) => this.#afterFrame(milliseconds);
    this.#stage.canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.#loading?.abort();
      this.#drop(); // while the context is lost, so that the new one is not asked for what it never had
      this.#emit("failed", "context-lost", "the graphics context was lost");
    });
    this.#stage.canvas.addEventListener("webglcontextrestored", () => {
      if (this.#source) void this.load(this.#source.scene, this.#source.files).catch(() => {});
    });
    this.#stage.canvas.tabIndex = 0;
    this.#resized = new ResizeObserver(() => {
      this.#stage.resize();
      if (!this.#aimed && this.#city) this.move(this.home());
    });
    this.#resized.observe(element);
    this.#stage.resize();
    this.#dress();
  }

  async load(scene: Scene, files: Files): Promise<void> {
    this.#loading?.abort();
    const loading = (this.#loading = loadingOf(scene, files));
    this.#drop();
    if (this.#source && this.#source.scene.key !== scene.key) this.#aimed = false; // another city, another view
    this.#source = { scene, files };
    const city = (this.#city = new LoadedCity(scene, this.#stage.shared));
    for (const [layer, on] of this.#visible) for (const one of city.named(layer)) one.visible = on;
    for (const [layer, paint] of this.#paints) for (const one of city.named(layer)) one.setPaint(paint);
    this.#stage.held = true;
    this.#stage.hasty = this.#stage.software;
    this.#stage.show(city);
    this.#dress();
    this.move(this.#aimed ? this.#camera : this.home());
    this.#mark();
    this.#expecting = { first: true, then: null, since: 0 };
    const visible = Object.keys(scene.layers).filter((name) => this.#isVisible(name));
    const loaded = this.#fetch(
      wantedOf(scene, (name) => this.#isVisible(name), this.#camera.target),
      loading,
      city,
    );
    for (const name of visible) this.#asked.set(name, loaded);
    await loaded;
    if (!this.#aimed) this.move(this.home());
    await this.#drawn(() => this.#release());
    loading.signal.throwIfAborted();
    this.#emit("whole");
    if (this.#stage.software) await this.#drawn(() => this.#stage.complete());
    loading.signal.throwIfAborted();
    this.#emit("ready");
  }

  have(layer: string): Promise<void> {
    const [scene, loading, city] = [this.#source?.scene, this.#loading, this.#city];
    if (!scene?.layers[layer] || !loading || !city) return Promise.resolve();
    let asked = this.#asked.get(layer);
    if (!asked) {
      const wanted = wantedOf(scene, (name) => name === layer, this.#camera.target);
      asked = this.#fetch(
        wanted.filter(({ name }) => name === layer),
        loading,
        city,
      );
      this.#asked.set(layer, asked);
      asked.then(
        () => this.#stage.changed(),
        () => this.#asked.delete(layer),
      );
    }
    return asked;
  }

  /** Ask for a picture, and wait until it stands on the screen: not one that was begun before. */
  #drawn(ask: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#expecting.then = resolve;
      this.#expecting.since = this.#stage.begun;
      ask();
    });
  }

  #isVisible(layer: string): boolean {
    return this.#visible.get(layer) ?? !HIDDEN_AT_FIRST.has(layer);
  }

  /** Take files as they come; pictures of a part of them while the rest is on its way. */
  async #fetch(wanted: Wanted[], loading: Loading, city: LoadedCity): Promise<void> {
    const soon = this.#soon(city);
    try {
      await loading.use(
        wanted,
        (one, result) => {
          city.use(one, result as never);
          if (one.name === "links") this.#stage.overlays.sync();
          soon.changed();
        },
        (done) => this.#emit("progress", done),
      );
    } catch (error) {
      if (!loading.signal.aborted) this.#emit("failed", "load", String(error instanceof Error ? error.message : error));
      throw error;
    } finally {
      soon.end();
    }
  }

  /** When to draw what has arrived: the first time once there are houses on the ground, and then not all the time. */
  #soon(city: LoadedCity): { changed: () => void; end: () => void } {
    const stage = this.#stage;
    let timer = 0;
    const draw = (): void => {
      timer = 0;
      this.#release();
    };
    const changed = (): void => {
      stage.take();
      const houses = (city.buildings?.tiles ?? 0) + (city.skins?.tiles ?? 0) > 0;
      const grounded = city.ground !== null || !city.description.layers.terrain;
      if (timer || !houses || !grounded) return;
      const wait = stage.held ? PATIENCE_MS[stage.software ? 1 : 0] : stage.software ? REST * stage.lastFrame_ms : 0;
      if (wait > 0) timer = window.setTimeout(draw, wait);
      else stage.changed();
    };
    return { changed, end: () => clearTimeout(timer) };
  }

  #release(): void {
    this.#stage.held = false;
    this.#stage.changed();
  }

  on<E extends keyof EngineEvents>(event: E, listener: EngineEvents[E]): () => void {
    this.#listeners[event].add(listener);
    return () => void this.#listeners[event].delete(listener);
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#dress();
  }

  setLook(look: Look): void {
    this.#look = look;
    this.#dress();
  }

  setVisible(layer: string, visible: boolean): void {
    this.#visible.set(layer, visible);
    let turned = false;
    for (const one of this.#city?.named(layer) ?? []) {
      turned ||= one.visible !== visible;
      one.visible = visible;
    }
    if (visible) this.have(layer).catch(() => {}); // a failure was told
    if (turned) this.#stage.changed();
  }

  setPaint(layer: string, paint: Paint | null): void {
    this.#paints.set(layer, paint);
    for (const one of this.#city?.named(layer) ?? []) one.setPaint(paint);
    this.#stage.draw();
  }

  setBlend(layer: string, next: Paint | null, share: number): void {
    for (const one of this.#city?.named(layer) ?? []) one.setBlend(next, share);
    this.#stage.draw();
  }

  setSun(when: Date): { altitude_deg: number; azimuth_deg: number } {
    this.#when = when;
    this.#dress();
    const { altitude_deg, azimuth_deg } = this.#sun();
    return { altitude_deg, azimuth_deg };
  }

  setShadows(on: boolean): void {
    this.#stage.shadows = on;
    this.#stage.draw();
  }

  setFlows(flows: Flows | null): void {
    this.#stage.overlays.setFlows(flows);
    this.#stage.draw();
  }

  setPace(pace: number): void {
    this.#stage.overlays.setPace(pace);
    this.#stage.draw();
  }

  setTint(tint: Tint | null): void {
    this.#city?.terrain?.setTint(tint);
    this.#stage.draw();
  }

  setStreaks(name: string, streaks: Streaks | null): void {
    this.#stage.overlays.setStreaks(name, streaks);
    this.#stage.draw();
  }

  select(pick: { layer: string; row: number } | null): void {
    this.#selected = pick && { layer: pick.layer, row: pick.row };
    this.#mark();
  }

  pick(clientX: number, clientY: number): Pick | null {
    return this.#city && pickIn(this.#city, this.ray(clientX, clientY), this.#stage.pixel);
  }

  camera(): Camera {
    return { ...this.#camera, target: [...this.#camera.target] };
  }

  setCamera(camera: Camera, options: { animate?: boolean } = {}): void {
    this.#aimed = true;
    if (options.animate) this.#controls.fly(camera, 700);
    else {
      this.#controls.stop();
      this.move(camera);
    }
  }

  home(): Camera {
    const box = this.#city?.core ?? EMPTY;
    const { clientWidth, clientHeight } = this.element;
    const [x, y] = [(box[0] + box[3]) / 2, (box[1] + box[4]) / 2];
    const level = this.#city?.ground?.heightAt(x, y) ?? box[2];
    return homeOf(box, Math.max(1, clientWidth) / Math.max(1, clientHeight), level);
  }

  setMeasuring(on: boolean): void {
    if (this.#measuring && !on && this.#points.length) this.#emit("measure", measuredOf(this.#points), true);
    this.#measuring = on;
    this.#points = [];
    this.#stage.measured.set([]);
    this.#stage.canvas.style.cursor = on ? "crosshair" : "";
    if (on) this.#emit("measure", null, false);
    this.#stage.draw();
  }

  setDrawing(on: boolean): void {
    this.#drawing = on;
    this.#stage.canvas.style.cursor = on ? "crosshair" : "";
    if (on) this.#hover(null, 0, 0);
  }

  setSketch(lines: readonly (readonly Point[])[]): void {
    this.#stage.sketched.sketch(lines);
    this.#stage.draw();
  }

  groundAt(x: number, y: number): number | null {
    return this.#city?.ground?.heightAt(x, y) ?? null;
  }

  locate(layer: string, row: number): { point: Point; radius_m: number } | null {
    return this.#city && locateIn(this.#city, layer, row);
  }

  project(point: Point): [number, number] | null {
    const place = new THREE.Vector3(...point).project(this.#stage.camera);
    const box = this.#stage.canvas.getBoundingClientRect();
    if (place.z < -1 || place.z > 1 || Math.abs(place.x) > 1 || Math.abs(place.y) > 1) return null;
    return [box.left + ((place.x + 1) / 2) * box.width, box.top + ((1 - place.y) / 2) * box.height];
  }

  stats(): ReturnType<Engine["stats"]> {
    const layers = this.#city?.layers ?? [];
    const { triangles, draws, frames, lastFrame_ms, bytes } = this.#stage;
    return {
      buildings: this.#city?.buildings?.count ?? 0,
      tiles: layers.reduce((sum, { tiles }) => sum + tiles, 0),
      triangles,
      draws,
      gpuBytes: bytes + layers.reduce((sum, layer) => sum + layer.bytes, 0),
      frames,
      lastFrame_ms,
    };
  }

  dispose(): void {
    this.#loading?.abort();
    this.#resized.disconnect();
    this.#controls.dispose();
    this.#city?.dispose();
    this.#stage.dispose();
    for (const listeners of Object.values(this.#listeners)) listeners.clear();
  }

  // What the controls stand on.

  move(camera: Camera): void {
    const box = this.#city?.box ?? EMPTY;
    this.#camera = this.#aboveGround(withinReason(camera, box));
    this.#stage.aim(this.#camera, box);
    if (this.#pointer) this.#pointer.stale = true;
    this.#emit("camera", this.camera());
  }

  moving(on: boolean): void {
    this.#aimed = true;
    if (on) this.#hover(null, 0, 0);
    else this.#settle();
    this.#stage.moving(on);
  }

  ray(clientX: number, clientY: number): Ray {
    const box = this.#stage.canvas.getBoundingClientRect();
    const x = ((clientX - box.left) / box.width) * 2 - 1;
    const y = 1 - ((clientY - box.top) / box.height) * 2;
    const eye = this.#stage.camera.position;
    const to = new THREE.Vector3(x, y, 0.5).unproject(this.#stage.camera).sub(eye).normalize();
    return { origin: [eye.x, eye.y, eye.z], direction: [to.x, to.y, to.z] };
  }

  surface(ray: Ray): Point | null {
    return this.#city && surfaceIn(this.#city, ray);
  }

  hover(clientX: number, clientY: number): void {
    // One look per picture at most, however fast the pointer reports.
    const first = !this.#pointer?.stale;
    this.#pointer = { x: clientX, y: clientY, stale: true };
    if (first) requestAnimationFrame(() => this.#lookUnder());
  }

  leave(): void {
    this.#pointer = null;
    this.#hover(null, 0, 0);
  }

  click(clientX: number, clientY: number, double: boolean): void {
    if (this.#measuring) return this.#addPoint(clientX, clientY, double);
    if (this.#drawing) return this.#tellGround(clientX, clientY, double ? "double" : "click");
    this.#emit("click", this.pick(clientX, clientY), [clientX, clientY]);
  }

  #lookUnder(): void {
    if (!this.#pointer) return;
    const { x, y } = this.#pointer;
    this.#pointer.stale = false;
    if (this.#measuring) return this.#stretch(x, y);
    if (this.#drawing) return this.#tellGround(x, y, "move");
    this.#hover(this.pick(x, y), x, y);
  }

  #hover(pick: Pick | null, x: number, y: number): void {
    const same = pick?.layer === this.#hovered?.layer && pick?.row === this.#hovered?.row;
    this.#hovered = pick;
    if (!same) this.#mark();
    if (pick || !same) this.#emit("hover", pick, [x, y]);
  }

  #addPoint(x: number, y: number, double: boolean): void {
    if (double && this.#points.length > 1) {
      this.#emit("measure", measuredOf(this.#points), true);
      this.#points = [];
      return;
    }
    const point = this.surface(this.ray(x, y));
    if (!point) return;
    this.#points.push(point);
    this.#stage.measured.set(this.#points);
    this.#stage.draw();
    this.#emit("measure", measuredOf(this.#points), false);
  }

  #tellGround(x: number, y: number, how: "move" | "click" | "double"): void {
    const ray = this.ray(x, y);
    const distance = this.#city?.ground?.hit(ray) ?? Infinity;
    const point = distance < Infinity ? along(ray, distance) : this.surface(ray);
    if (point) this.#emit("draw", point, how);
  }

  /** The way as far as the pointer. */
  #stretch(x: number, y: number): void {
    if (!this.#points.length) return;
    const point = this.surface(this.ray(x, y));
    if (!point) return;
    const points = [...this.#points, point];
    this.#stage.measured.set(points);
    this.#stage.draw();
    this.#emit("measure", measuredOf(points), false);
  }

  #drop(): void {
    this.#asked.clear();
    this.#stage.overlays.show(null);
    this.#city?.dispose();
    this.#city = this.#stage.city = null;
  }

  #mark(): void {
    for (const layer of this.#city?.layers ?? []) {
      const drawn = (row: number): number => (layer instanceof Lines ? layer.drawnRow(row) : row);
      const row = (of: { layer: string; row: number } | null): number =>
        of?.layer === layer.name ? drawn(of.row) : -1;
      layer.paint.mark(row(this.#hovered), row(this.#selected));
    }
    this.#stage.draw();
  }

  #sun(): ReturnType<typeof sunAt> {
    const { lonlat, convergence_deg } = this.#source?.scene ?? {
      lonlat: [0, 45] as [number, number],
      convergence_deg: 0,
    };
    return sunAt(this.#when, lonlat, convergence_deg);
  }

  #dress(): void {
    const palette = paletteOf(this.#theme, this.#look);
    this.#city?.dress(palette);
    this.#stage.dress(palette, lightOf(this.#sun(), this.#look, this.#theme, palette), this.#look === "realistic");
  }

  /** The eye is kept out of the ground by looking more from above. */
  #aboveGround(camera: Camera): Camera {
    const ground = this.#city?.ground;
    if (!ground) return camera;
    for (let tilt = camera.tilt; tilt >= 0; tilt -= 1) {
      const [x, y, z] = eyeOf({ ...camera, tilt });
      if (z >= (ground.heightAt(x, y) ?? -Infinity) + HEADROOM_M) return { ...camera, tilt };
    }
    return { ...camera, tilt: 0, target: [camera.target[0], camera.target[1], ground.high[2]] };
  }

  /** After a move, what is looked at lies on the ground again; the picture stays as it is. */
  #settle(): void {
    const eye = eyeOf(this.#camera);
    const look = this.#camera.target.map((value, k) => (value - eye[k]) / this.#camera.distance) as Point;
    const distance = this.#city?.ground?.hit({ origin: eye, direction: look }) ?? Infinity;
    if (!(distance < Infinity) || Math.abs(distance - this.#camera.distance) < 0.01) return;
    const target = eye.map((value, k) => value + look[k] * distance) as Point;
    this.move({ ...cameraFrom(eye, target), heading: this.#camera.heading });
  }

  #afterFrame(milliseconds: number): void {
    this.#emit("frame", milliseconds);
    if (this.#stage.held) return;
    const { first, then, since } = this.#expecting;
    if (first) {
      this.#expecting.first = false;
      this.#emit("first");
    }
    if (!then || this.#stage.begun <= since) return;
    this.#expecting.then = null;
    then();
  }

  #emit<E extends keyof EngineEvents>(event: E, ...values: Parameters<EngineEvents[E]>): void {
    for (const listener of this.#listeners[event])
      (listener as (...values: Parameters<EngineEvents[E]>) => void)(...values);
  }
}
