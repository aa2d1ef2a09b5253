/** The door of the engine. */

import type { Camera, Engine, EngineEvents } from "./contract";
import { CityEngine } from "./engine";

export type * from "./contract";
export { prepare } from "./load";

/** An engine that draws into an element; where WebGL 2 cannot be had, one that says so and stays still. */
export function createEngine(element: HTMLElement): Engine {
  try {
    return new CityEngine(element);
  } catch (error) {
    return new NoEngine(element, error instanceof Error ? error.message : String(error));
  }
}

const NOWHERE: Camera = { target: [0, 0, 0], distance: 1000, heading: 0, tilt: 45 };

class NoEngine implements Engine {
  constructor(
    readonly element: HTMLElement,
    readonly reason: string,
  ) {}

  on<E extends keyof EngineEvents>(event: E, listener: EngineEvents[E]): () => void {
    if (event === "failed") queueMicrotask(() => (listener as EngineEvents["failed"])("no-webgl2", this.reason));
    return () => {};
  }

  load(): Promise<void> {
    return Promise.reject(new Error(this.reason));
  }

  camera = (): Camera => NOWHERE;
  home = (): Camera => NOWHERE;
  setSun = () => ({ altitude_deg: 0, azimuth_deg: 0 });
  stats = () => ({ buildings: 0, tiles: 0, triangles: 0, draws: 0, gpuBytes: 0, frames: 0, lastFrame_ms: 0 });
  pick = () => null;
  locate = () => null;
  project = () => null;
  setTheme(): void {}
  setLook(): void {}
  setVisible(): void {}
  have = () => Promise.resolve();
  setPaint(): void {}
  setBlend(): void {}
  setShadows(): void {}
  setFlows(): void {}
  setPace(): void {}
  setTint(): void {}
  setStreaks(): void {}
  select(): void {}
  setCamera(): void {}
  setMeasuring(): void {}
  setDrawing(): void {}
  setSketch(): void {}
  groundAt = () => null;
  dispose(): void {}
}
