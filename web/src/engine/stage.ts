/** The renderer and its pictures: drawn when something has changed, one at a time, and never at rest. */

import * as THREE from "three";
import type { Box, Camera } from "./contract";
import { Backdrop } from "./draw/backdrop";
import { makeCoarse, type Shared, sharedUniforms } from "./draw/kit";
import { MeasuredWay } from "./draw/measure";
import { Occlusion } from "./draw/occlusion";
import { Refined } from "./draw/refined";
import { type Circle, Shadow } from "./draw/shadow";
import type { LoadedCity } from "./city";
import { Overlays } from "./overlays";
import type { Palette } from "./look/palette";
import type { Light } from "./look/sun";
import { eyeOf, FIELD_OF_VIEW_DEG, upOf } from "./view/camera";

/** Drawn coarsely while it moves where a picture takes longer than this [ms]. */
const SLOW_MS = 90;
/** Without a graphics card, edges are smoothed once nothing has moved for so long [ms]. */
const REST_MS = 350;

export class Stage {
  readonly shared: Shared = sharedUniforms();
  readonly camera = new THREE.PerspectiveCamera(FIELD_OF_VIEW_DEG, 1, 1, 1e5);
  readonly renderer: THREE.WebGLRenderer;
  readonly measured: MeasuredWay;
  readonly sketched: MeasuredWay;
  readonly overlays: Overlays;
  /** Whether pictures are computed without a graphics card. */
  readonly software: boolean;
  city: LoadedCity | null = null;
  shadows = true;
  /** Nothing is drawn: there is not yet anything to see. */
  held = false;
  /** Without a graphics card, pictures leave shadows and dark corners to a later one. */
  hasty = false;
  lastFrame_ms = 0;
  /** Pictures begun so far. */
  begun = 0;
  frames = 0;
  draws = 0;
  triangles = 0;
  /** Called before a picture is drawn, and once it stands on the screen. */
  beforeFrame: () => void = () => {};
  afterFrame: (milliseconds: number) => void = () => {};
  readonly #backdrop: Backdrop;
  readonly #shadow: Shadow;
  readonly #occlusion: Occlusion;
  #refined: Refined | null = null;
  #rest = 0;
  #dirty = false;
  #drawing = false;
  #requested = 0;
  #moving = false;
  #coarse = false;
  #disposed = false;
  #strength = 1;
  #corners = 0;
  /** Layers whose shaders were asked for. */
  #made = new WeakSet<object>();

  constructor(readonly element: HTMLElement) {
    const { canvas, gl, software } = context();
    this.software = software;
    this.renderer = new THREE.WebGLRenderer({ canvas, context: gl });
    this.renderer.outputColorSpace = THREE.LinearSRGBColorSpace; // colours are those of the screen throughout
    this.renderer.toneMapping = THREE.NoToneMapping;
    this.renderer.autoClear = false;
    this.renderer.info.autoReset = false;
    Object.assign(canvas.style, {
      display: "block",
      width: "100%",
      height: "100%",
      touchAction: "none",
      outline: "none",
    });
    element.appendChild(canvas);
    makeCoarse(this.software);
    if (this.software) this.#refined = new Refined(this.shared);
    this.#backdrop = new Backdrop(this.shared);
    this.#shadow = new Shadow(this.shared, this.software ? 2048 : 4096);
    this.#shadow.make(this.renderer);
    this.#occlusion = new Occlusion(this.shared);
    this.measured = new MeasuredWay(this.shared);
    this.sketched = new MeasuredWay(this.shared);
    this.overlays = new Overlays(this.shared);
  }

  get canvas(): HTMLCanvasElement {
    return this.renderer.domElement;
  }

  get budget(): number {
    return this.software ? 700_000 : 5_000_000;
  }

  /** Metres that a pixel of the page covers at a distance of 1 m. */
  get pixel(): number {
    return (2 * Math.tan((FIELD_OF_VIEW_DEG / 2) * (Math.PI / 180))) / Math.max(1, this.element.clientHeight);
  }

  get bytes(): number {
    return this.#shadow.bytes + this.#occlusion.bytes;
  }

  show(city: LoadedCity): void {
    this.city = city;
    this.overlays.show(city);
    city.scene.add(this.#backdrop.mesh, this.measured.mesh, this.sketched.mesh);
    this.#placeBackdrop(city);
    this.changed();
  }

  /** Shapes have changed: shadows are drawn anew. */
  changed(): void {
    this.#shadow.invalidate();
    this.#occlusion.invalidate();
    if (this.city) this.#placeBackdrop(this.city);
    this.draw();
  }

  dress(palette: Palette, light: Light, real: boolean): void {
    const { shared } = this;
    const turned = shared.uSun.value.distanceTo(new THREE.Vector3(...light.direction)) > 1e-4;
    shared.uSun.value.fromArray(light.direction);
    shared.uAmbient.value.fromArray(light.ambient);
    shared.uSunlight.value.fromArray(light.sunlight);
    shared.uNight.value = light.night;
    shared.uReal.value = real ? 1 : 0;
    this.#corners = real ? 0.8 : 0.62;
    shared.uAccent.value.fromArray(palette.accent);
    shared.uMissingA.value.fromArray(palette.missing[0]);
    shared.uMissingB.value.fromArray(palette.missing[1]);
    shared.uHazeColour.value.fromArray(light.skyLow);
    this.#strength = Math.max(...light.sunlight) > 0.01 ? 1 : 0;
    this.#backdrop.dress(palette, light);
    this.#haze(light.haze);
    if (turned) this.#shadow.invalidate();
    this.draw();
  }

  resize(): void {
    const { clientWidth, clientHeight } = this.element;
    const scale = Math.min(devicePixelRatio || 1, this.software ? 1 : 2) * (this.#coarse ? 0.5 : 1);
    this.renderer.setPixelRatio(scale);
    this.renderer.setSize(Math.max(1, clientWidth), Math.max(1, clientHeight), false);
    this.camera.aspect = Math.max(1, clientWidth) / Math.max(1, clientHeight);
    this.camera.updateProjectionMatrix(); // a camera at rest is not aimed again
    this.shared.uPixel.value = this.pixel;
    this.shared.uScale.value = scale;
    this.measured.resize(clientWidth, clientHeight);
    this.sketched.resize(clientWidth, clientHeight);
    this.overlays.resize(clientWidth, clientHeight);
    this.draw();
  }

  aim(view: Camera, box: Box): void {
    const { camera } = this;
    camera.position.set(...eyeOf(view));
    camera.up.set(...upOf(view));
    camera.lookAt(...view.target);
    const far = Math.hypot(box[3] - box[0], box[4] - box[1]) * 1.5 + view.distance * 2;
    camera.near = Math.max(0.5, Math.min(view.distance * 0.05, 60));
    camera.far = far;
    camera.updateProjectionMatrix();
    camera.updateMatrixWorld();
    this.draw();
  }

  /** While the view moves, slow machines draw every second pixel. */
  moving(on: boolean): void {
    this.#moving = on;
    if (!on && this.#coarse && !this.overlays.moving) this.#setCoarse(false);
  }

  /** Put what has arrived on the card, and have its shaders made, while more is on its way. */
  take(): void {
    const { city, renderer } = this;
    if (!city || this.#disposed || renderer.getContext().isContextLost()) return;
    for (const layer of city.layers) {
      if (!layer.visible || !layer.tiles) continue;
      for (const texture of layer.takeNew()) renderer.initTexture(texture);
      if (this.#made.has(layer)) continue;
      this.#made.add(layer);
      layer.prepare({ position: this.camera.position, pixel: this.pixel, budget: this.budget });
      renderer.compile(layer.group, this.camera);
    }
  }

  /** The picture as it is meant, after hasty ones. */
  complete(): void {
    this.hasty = false;
    this.draw();
  }

  /** Ask for a picture. */
  draw(): void {
    this.#dirty = true;
    clearTimeout(this.#rest);
    if (this.held || this.#requested || this.#drawing || this.#disposed) return;
    if (this.renderer.getContext().isContextLost()) return;
    this.#requested = requestAnimationFrame(() => {
      this.#requested = 0;
      if (this.#dirty) this.#picture();
    });
  }

  dispose(): void {
    this.#disposed = true;
    cancelAnimationFrame(this.#requested);
    clearTimeout(this.#rest);
    this.#refined?.dispose();
    for (const part of [this.#backdrop, this.#shadow, this.#occlusion, this.measured, this.sketched]) part.dispose();
    this.renderer.dispose();
    this.canvas.remove();
  }

  #picture(): void {
    const { renderer, camera, city } = this;
    this.begun++;
    this.#dirty = false;
    this.#drawing = true;
    const begin = performance.now();
    const { moving } = this.overlays;
    if ((this.#moving || moving) && !this.#coarse && this.lastFrame_ms > SLOW_MS) this.#setCoarse(true);
    else if (this.#coarse && !this.#moving && !moving) this.#setCoarse(false);
    this.overlays.tick(begin);
    this.beforeFrame();
    this.#dirty = false;
    renderer.info.reset();
    if (city) {
      const eye = { position: camera.position, pixel: this.pixel, budget: this.budget };
      for (const layer of city.layers) {
        for (const texture of layer.takeNew()) renderer.initTexture(texture);
        if (layer.visible) layer.prepare(eye);
      }
      this.#backdrop.prepare(camera);
      this.#shade(city);
      renderer.clear();
      renderer.render(city.scene, camera);
    } else renderer.clear();
    this.draws = renderer.info.render.calls;
    this.triangles = renderer.info.render.triangles;
    this.frames++;
    this.#whenDone(() => {
      this.#drawing = false;
      this.lastFrame_ms = performance.now() - begin;
      this.afterFrame(this.lastFrame_ms);
      if (this.#dirty || this.overlays.moving) this.draw();
      else if (this.#refined && city && !this.#coarse && !this.hasty)
        this.#rest = window.setTimeout(() => this.#refine(city), REST_MS);
    });
  }

  /** Shadows and dark corners, as far as they are not those of this view. */
  #shade(city: LoadedCity): void {
    const { renderer, shared } = this;
    const lit = this.shadows && this.#strength > 0;
    if (!this.hasty) {
      const seen = this.#seen(city, this.camera.getWorldDirection(new THREE.Vector3()));
      if (lit) this.#shadow.refresh(renderer, city.casters, seen, city.core[5] - city.core[2]);
      this.#occlusion.refresh(renderer, city.casters, city.core, seen);
    }
    shared.uShadow.value = lit && this.#shadow.known ? this.#strength : 0;
    shared.uOcclusion.value = this.#occlusion.known ? this.#corners : 0;
  }

  /** The picture that stands, once more with smooth edges. */
  #refine(city: LoadedCity): void {
    if (this.#moving || this.#dirty || this.city !== city) return;
    this.#drawing = true;
    this.#refined!.draw(this.renderer, (target) => {
      this.renderer.setRenderTarget(target);
      this.renderer.clear();
      this.renderer.render(city.scene, this.camera);
    });
    this.#whenDone(() => {
      this.#drawing = false;
      if (this.#dirty) this.draw();
    });
  }

  /** When the graphics card has finished what it was told: only then is the next picture begun. */
  #whenDone(then: () => void): void {
    const gl = this.renderer.getContext() as WebGL2RenderingContext;
    const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const ask = (): void => {
      if (this.#disposed) return;
      const done = !sync || gl.isContextLost() || gl.getSyncParameter(sync, gl.SYNC_STATUS) === gl.SIGNALED;
      if (!done) return void setTimeout(ask, 4);
      gl.deleteSync(sync);
      then();
    };
    setTimeout(ask, 0);
  }

  /** Ground in sight, as a circle. */
  #seen(city: LoadedCity, look: THREE.Vector3): Circle {
    const middle = this.#middle(city, look);
    const away = this.camera.position.distanceTo(middle);
    const box = city.core;
    const whole = Math.hypot(box[3] - box[0], box[4] - box[1]) / 2;
    const [x, y] = [(box[0] + box[3]) / 2, (box[1] + box[4]) / 2];
    // Far enough away all of the city is in sight; from near by, what lies within some lengths of the view.
    const radius = Math.max(120, away * 0.85);
    return radius > whole ? { x, y, z: middle.z, radius: whole } : { x: middle.x, y: middle.y, z: middle.z, radius };
  }

  /** Where the axis of the view meets the level of the ground. */
  #middle(city: LoadedCity, look: THREE.Vector3): THREE.Vector3 {
    const { position } = this.camera;
    const { core } = city;
    const level = city.ground ? city.ground.low[2] : core[2];
    const away = look.z < -0.02 ? (level - position.z) / look.z : 0;
    const size = Math.hypot(core[3] - core[0], core[4] - core[1]);
    return position.clone().addScaledVector(look, Math.min(away || size, size * 2));
  }

  #haze(strength: number): void {
    const core = this.city?.core;
    const size = core ? Math.hypot(core[3] - core[0], core[4] - core[1]) : 1e4;
    this.shared.uHaze.value.set(size * 0.4, 1 / (size * 2.4), 0.75 * strength, 0);
  }

  #placeBackdrop(city: LoadedCity): void {
    const [low, high] = [city.ground?.low ?? city.box, city.ground?.high ?? city.box.slice(3)];
    this.#backdrop.place([low[0], low[1], 0, high[0], high[1], 0], city.foot, city.ground !== null);
  }

  #setCoarse(on: boolean): void {
    this.#coarse = on;
    this.resize();
  }
}

interface Context {
  canvas: HTMLCanvasElement;
  gl: WebGL2RenderingContext;
  software: boolean;
}

/**
 * A canvas and its context. Smooth edges in every picture are for graphics cards, and whether there is one only a context
 * can tell: where time is short, without a card, that first one serves; with a card a second one is made.
 */
function context(): Context {
  const plain = attempt(false);
  const software = isSoftware(plain.gl);
  if (software) return { ...plain, software };
  plain.gl.getExtension("WEBGL_lose_context")?.loseContext();
  return { ...attempt(true), software };
}

function attempt(antialias: boolean): Omit<Context, "software"> {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", { antialias, alpha: false, powerPreference: "high-performance" });
  if (!gl) throw new Error("WebGL 2 is not available");
  return { canvas, gl };
}

/** Whether pictures are computed by a program. */
function isSoftware(gl: WebGL2RenderingContext): boolean {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
}
