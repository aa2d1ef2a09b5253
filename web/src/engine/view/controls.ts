/** Moving about with pointer, touch and keyboard. Knows cameras and rays, and nothing of drawing. */

import type { Camera, Point } from "../contract";
import { between, eyeOf } from "./camera";
import { along, type Ray } from "./ray";

/** What moving about needs from the engine. */
export interface Stand {
  camera(): Camera;
  /** Kept within reason by the engine. */
  move(camera: Camera): void;
  ray(clientX: number, clientY: number): Ray;
  /** Place on ground or buildings, null in the sky. */
  surface(ray: Ray): Point | null;
  home(): Camera;
  hover(clientX: number, clientY: number): void;
  leave(): void;
  click(clientX: number, clientY: number, double: boolean): void;
  /** Moving begins or ends. */
  moving(on: boolean): void;
}

/** A press that moves less than this is a click [pixels]. */
const STILL = 4;
const STEP_MS = 200;
/** A view may be dragged over ground at most this many times as far away as what is looked at. */
const FARTHEST_GRIP = 6;

interface Touch {
  x: number;
  y: number;
}

export class Controls {
  #touches = new Map<number, Touch>();
  #grip: Point | null = null;
  #gesture: "pan" | "orbit" | "pinch" | "tilt" | "undecided" | null = null;
  #started: Touch = { x: 0, y: 0 };
  #pair: [Touch, Touch] | null = null;
  #moved = false;
  #lastClick = { time: 0, x: 0, y: 0 };
  #animation = 0;
  #restTimer = 0;
  readonly #abort = new AbortController();

  constructor(
    private readonly element: HTMLElement,
    private readonly stand: Stand,
  ) {
    const on = <K extends keyof HTMLElementEventMap>(
      type: K,
      listener: (event: HTMLElementEventMap[K]) => void,
    ): void => element.addEventListener(type, listener, { signal: this.#abort.signal, passive: false });
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#move(event));
    on("pointerup", (event) => this.#up(event));
    on("pointercancel", (event) => this.#up(event));
    on("pointerleave", () => stand.leave());
    on("wheel", (event) => this.#wheel(event));
    on("keydown", (event) => this.#key(event));
    on("contextmenu", (event) => event.preventDefault());
  }

  /** Fly to a view; at once for those who asked for less motion. */
  fly(to: Camera, milliseconds: number): void {
    this.stop();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches || milliseconds <= 0) return this.stand.move(to);
    const from = this.stand.camera();
    const begin = performance.now();
    this.stand.moving(true);
    const step = (now: number): void => {
      const t = Math.min(1, Math.max(0, (now - begin) / milliseconds));
      this.stand.move(between(from, to, t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2));
      if (t < 1) this.#animation = requestAnimationFrame(step);
      else this.stop();
    };
    this.#animation = requestAnimationFrame(step);
  }

  stop(): void {
    if (this.#animation) this.stand.moving(false);
    cancelAnimationFrame(this.#animation);
    this.#animation = 0;
  }

  dispose(): void {
    this.stop();
    clearTimeout(this.#restTimer);
    this.#abort.abort();
  }

  #down(event: PointerEvent): void {
    this.stop();
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    this.#touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.#touches.size === 2) return this.#pairUp();
    this.#started = { x: event.clientX, y: event.clientY };
    this.#moved = false;
    const orbit = event.button === 2 || event.button === 1 || event.ctrlKey || event.shiftKey;
    this.#gesture = orbit ? "orbit" : "pan";
    this.#grip = orbit ? null : this.#surfaceAt(event.clientX, event.clientY);
  }

  #move(event: PointerEvent): void {
    const touch = this.#touches.get(event.pointerId);
    if (!touch) return this.stand.hover(event.clientX, event.clientY);
    const [dx, dy] = [event.clientX - touch.x, event.clientY - touch.y];
    touch.x = event.clientX;
    touch.y = event.clientY;
    if (this.#pair) return this.#pinch();
    if (!this.#moved) {
      if (Math.hypot(touch.x - this.#started.x, touch.y - this.#started.y) < STILL) return;
      this.#moved = true;
      this.stand.moving(true);
    }
    if (this.#gesture === "orbit") this.#orbit(dx, dy);
    else this.#drag(touch.x, touch.y);
  }

  #up(event: PointerEvent): void {
    if (!this.#touches.delete(event.pointerId)) return;
    if (this.#pair) {
      if (this.#touches.size < 2) {
        this.#pair = null;
        this.#gesture = "pan";
        const [left] = this.#touches.values();
        this.#grip = left ? this.#surfaceAt(left.x, left.y) : null;
        if (!left) this.stand.moving(false);
      }
      return;
    }
    if (this.#moved) this.stand.moving(false);
    else if (event.type === "pointerup" && event.button === 0) {
      const { time, x, y } = this.#lastClick;
      const double = event.timeStamp - time < 350 && Math.hypot(event.clientX - x, event.clientY - y) < 2 * STILL;
      this.#lastClick = { time: double ? 0 : event.timeStamp, x: event.clientX, y: event.clientY };
      this.stand.click(event.clientX, event.clientY, double);
    }
    this.#gesture = null;
  }

  /** The place taken hold of stays under the pointer. */
  #drag(x: number, y: number): void {
    const camera = this.stand.camera();
    const ray = this.stand.ray(x, y);
    if (!this.#grip) return;
    const distance = (this.#grip[2] - ray.origin[2]) / ray.direction[2];
    if (!(distance > 0) || distance > FARTHEST_GRIP * camera.distance) return;
    const here = along(ray, distance);
    const target: Point = [
      camera.target[0] + this.#grip[0] - here[0],
      camera.target[1] + this.#grip[1] - here[1],
      camera.target[2],
    ];
    this.stand.move({ ...camera, target });
  }

  #orbit(dx: number, dy: number): void {
    const camera = this.stand.camera();
    this.stand.move({ ...camera, heading: camera.heading + dx * 0.3, tilt: camera.tilt - dy * 0.25 });
  }

  #pairUp(): void {
    const [a, b] = this.#touches.values();
    this.#pair = [{ ...a }, { ...b }];
    this.#gesture = "undecided";
    if (!this.#moved) this.stand.moving(true);
    this.#moved = true;
    this.#grip = this.#surfaceAt((a.x + b.x) / 2, (a.y + b.y) / 2);
  }

  #pinch(): void {
    const [a, b] = [...this.#touches.values()];
    const [p, q] = this.#pair!;
    const [before, now] = [Math.hypot(p.x - q.x, p.y - q.y), Math.hypot(a.x - b.x, a.y - b.y)];
    const [dya, dyb] = [a.y - p.y, b.y - q.y];
    if (this.#gesture === "undecided") {
      if (Math.max(Math.abs(dya), Math.abs(dyb), Math.abs(now - before)) < 10) return;
      // Two fingers that go up or down together tilt the view.
      const together = dya * dyb > 0 && Math.abs(dya - dyb) < 8 && Math.abs(now - before) < 8;
      this.#gesture = together ? "tilt" : "pinch";
    }
    const camera = this.stand.camera();
    if (this.#gesture === "tilt") this.stand.move({ ...camera, tilt: camera.tilt - ((dya + dyb) / 2) * 0.25 });
    else {
      const turn = Math.atan2(b.y - a.y, b.x - a.x) - Math.atan2(q.y - p.y, q.x - p.x);
      const heading = camera.heading - (((((turn * 180) / Math.PI + 540) % 360) + 360) % 360) + 180;
      this.#zoom(before / now, (a.x + b.x) / 2, (a.y + b.y) / 2);
      this.stand.move({ ...this.stand.camera(), heading });
      this.#drag((a.x + b.x) / 2, (a.y + b.y) / 2);
    }
    this.#pair = [{ ...a }, { ...b }];
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    this.stop();
    const lines = event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 400 : 1;
    const amount = Math.max(-240, Math.min(240, event.deltaY * lines));
    this.#nudge();
    this.#zoom(Math.exp(amount * (event.ctrlKey ? 0.008 : 0.0016)), event.clientX, event.clientY);
  }

  /** Nearer by a factor, with the place under the pointer kept where it is. */
  #zoom(factor: number, x: number, y: number): void {
    const camera = this.stand.camera();
    const at = this.#surfaceAt(x, y) ?? camera.target;
    const target = camera.target.map((value, k) => at[k] + (value - at[k]) * factor) as Point;
    this.stand.move({ ...camera, target, distance: camera.distance * factor });
  }

  /** A short movement without an end of its own: it counts as over when no other follows. */
  #nudge(): void {
    if (!this.#restTimer) this.stand.moving(true);
    clearTimeout(this.#restTimer);
    this.#restTimer = window.setTimeout(() => {
      this.#restTimer = 0;
      this.stand.moving(false);
    }, 220);
  }

  #key(event: KeyboardEvent): void {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const camera = this.stand.camera();
    const h = (camera.heading * Math.PI) / 180;
    const step = camera.distance * 0.14;
    const shift = (right: number, ahead: number): Camera => ({
      ...camera,
      target: [
        camera.target[0] + (right * Math.cos(h) + ahead * Math.sin(h)) * step,
        camera.target[1] + (ahead * Math.cos(h) - right * Math.sin(h)) * step,
        camera.target[2],
      ],
    });
    const turn = (by: number): Camera => ({ ...camera, heading: camera.heading + by });
    const tip = (by: number): Camera => ({ ...camera, tilt: Math.min(86, Math.max(0, camera.tilt + by)) });
    const near = (by: number): Camera => ({ ...camera, distance: camera.distance * by });
    const moves: Record<string, () => Camera> = {
      ArrowUp: () => (event.shiftKey ? tip(8) : shift(0, 1)),
      ArrowDown: () => (event.shiftKey ? tip(-8) : shift(0, -1)),
      ArrowLeft: () => (event.shiftKey ? turn(-15) : shift(-1, 0)),
      ArrowRight: () => (event.shiftKey ? turn(15) : shift(1, 0)),
      "+": () => near(0.75),
      "=": () => near(0.75),
      "-": () => near(1 / 0.75),
      _: () => near(1 / 0.75),
      q: () => turn(-15),
      e: () => turn(15),
      PageUp: () => tip(8),
      PageDown: () => tip(-8),
      Home: () => this.stand.home(),
    };
    const move = moves[event.key] ?? moves[event.key.toLowerCase()];
    if (!move) return;
    event.preventDefault();
    this.fly(move(), event.key === "Home" ? 600 : STEP_MS);
  }

  #surfaceAt(x: number, y: number): Point | null {
    const ray = this.stand.ray(x, y);
    const surface = this.stand.surface(ray);
    if (surface) return surface;
    const camera = this.stand.camera();
    const distance = (camera.target[2] - eyeOf(camera)[2]) / ray.direction[2];
    return distance > 0 && distance < FARTHEST_GRIP * camera.distance ? along(ray, distance) : null;
  }
}
