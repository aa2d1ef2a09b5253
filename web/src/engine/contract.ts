/** What the application asks of the engine, and what the engine tells it. The engine knows nothing of panels, tables or languages. */

export type Box = [west: number, south: number, bottom: number, east: number, north: number, top: number];
export type Point = [x: number, y: number, z: number];
export type Theme = "light" | "dark";
/** `thematic`: flat light and soft shadow, colours read like the legend. `realistic`: sun, sky and haze. */
export type Look = "thematic" | "realistic";

export interface Tile {
  file: string;
  bytes: number;
  n: number;
  box: Box;
}

export interface SceneLayer {
  type: "mesh" | "cover" | "prisms" | "skins" | "faces" | "lines" | "areas" | "points";
  rows?: number;
  kinds?: string[];
  classes?: string[];
  file?: string;
  bytes?: number;
  error_m?: number;
  /** A mesh that only stands for a terrain nobody knows. */
  level?: boolean;
  box?: Box;
  tiles?: Tile[];
}

/** `scene.json`, see docs/reference/scene-format.md. */
export interface Scene {
  format: 1;
  key: string;
  name: string;
  country: string;
  crs: string;
  origin: [number, number];
  lonlat: [number, number];
  convergence_deg: number;
  box: Box;
  attribution: string[];
  layers: Record<string, SceneLayer>;
  names?: { file: string; bytes: number };
}

/** Where the files of a scene come from. */
export interface Files {
  /** Bytes of a file, already unpacked. */
  read: (file: string, signal?: AbortSignal) => Promise<ArrayBuffer>;
  /** Address at which a worker may fetch it; not there where the page carries its files inside. */
  address?: (file: string) => string;
}

/**
 * Colours of a layer by row: `codes[row]` is looked up in `colours`.
 * Code 0 means that the value is missing; it is drawn hatched grey.
 */
export interface Paint {
  codes: Uint8Array | Uint16Array;
  /** RGBA of 256 steps for graded values, or of each code for categories. */
  colours: Uint8Array;
  /** Graded: codes 1 … 65535 run through `colours` from `from` to `to`. Category: code − 1 is the index into `colours`. */
  scale: { type: "graded"; from: number; to: number } | { type: "category" };
}

/** Traffic by row of the links: ribbons, and the vehicles that move on them. */
export interface Flows {
  /** Width of the ribbon of each link [pixels]; 0 for none. */
  width: Float32Array;
  /** Position of its colour in `colours`. */
  colour: Uint8Array;
  /** At most eight colours, 0 … 255. */
  colours: readonly (readonly [number, number, number])[];
  /** Whether ribbons are drawn; vehicles may go without. */
  ribbons: boolean;
  /** Speed of cars, and of motorbikes [m/s]. */
  speed?: readonly [Float32Array, Float32Array];
  /** Cars, motorbikes, buses and trucks in a metre; with them, vehicles are drawn. */
  density?: readonly [Float32Array, Float32Array, Float32Array, Float32Array];
  /** Colours of the four kinds of vehicles. */
  kinds?: readonly (readonly [number, number, number])[];
}

/** Colours over the ground. */
export interface Tint {
  width: number;
  height: number;
  /** RGBA of each cell, row by row from the south-west. */
  rgba: Uint8Array;
  /** Outer edges of the cells in the frame of the scene [m]. */
  box: readonly [west: number, south: number, east: number, north: number];
}

/** Lines in space. */
export interface Streaks {
  /** Places of all vertices, line by line [m]. */
  xyz: Float32Array;
  /** Vertices of each line. */
  size: readonly number[] | Uint32Array;
  /** Colour of each vertex. */
  rgba: Uint8Array;
  /** Width of each line [pixels]. */
  width: Float32Array;
}

export interface Camera {
  /** What is looked at. */
  target: Point;
  distance: number;
  /** Clockwise from grid north [°]. */
  heading: number;
  /** 0 looks straight down, 90 along the ground [°]. */
  tilt: number;
}

export interface Pick {
  layer: string;
  row: number;
  point: Point;
}

export interface Measured {
  points: Point[];
  /** Along the way, in space [m]. */
  length_m: number;
  /** Between first and last point [m]. */
  horizontal_m: number;
  /** Last above first [m]. */
  rise_m: number;
}

export interface EngineEvents {
  /** 0 … 1 of the bytes of the scene. */
  progress: (done: number) => void;
  /** The first picture with buildings stands on the screen; more may follow. */
  first: () => void;
  /** A picture with everything that is visible stands on the screen. */
  whole: () => void;
  /** The same with shadows and dark corners, which come a picture later where there is no graphics card. */
  ready: () => void;
  camera: (camera: Camera) => void;
  hover: (pick: Pick | null, client: [number, number]) => void;
  click: (pick: Pick | null, client: [number, number]) => void;
  measure: (measured: Measured | null, finished: boolean) => void;
  /** While drawing: a place on the ground under the pointer, buildings left aside. */
  draw: (point: Point, how: "move" | "click" | "double") => void;
  frame: (milliseconds: number) => void;
  /** The graphics context was lost, or cannot be had. */
  failed: (reason: "no-webgl2" | "context-lost" | "load", detail: string) => void;
}

export interface Engine {
  readonly element: HTMLElement;
  /**
   * Load what is visible of a scene in place of the last one; nearest tiles come first. Settles once it is drawn.
   * Other layers are loaded when they are first shown.
   */
  load(scene: Scene, files: Files): Promise<void>;
  on<E extends keyof EngineEvents>(event: E, listener: EngineEvents[E]): () => void;
  setTheme(theme: Theme): void;
  setLook(look: Look): void;
  setVisible(layer: string, visible: boolean): void;
  /** Have a layer loaded although it may not be visible, so that its objects can be located. */
  have(layer: string): Promise<void>;
  /** Colour a layer by a column; null gives it its plain look. Uploads no geometry. */
  setPaint(layer: string, paint: Paint | null): void;
  /** Between the paint set last and `next`, from 0 to 1: for the hours of a day. */
  setBlend(layer: string, next: Paint | null, share: number): void;
  setSun(when: Date): { altitude_deg: number; azimuth_deg: number };
  setShadows(on: boolean): void;
  /** Traffic on the links; null takes it away. Uploads values, no geometry. */
  setFlows(flows: Flows | null): void;
  /** Let the vehicles move, so many times as fast as they are; 0 stops them, and nothing is drawn any more. */
  setPace(pace: number): void;
  /** Colours over the ground, in place of what covers it; null takes them away. */
  setTint(tint: Tint | null): void;
  /** Lines of a name over the city; null takes them away. */
  setStreaks(name: string, streaks: Streaks | null): void;
  select(pick: { layer: string; row: number } | null): void;
  pick(clientX: number, clientY: number): Pick | null;
  camera(): Camera;
  setCamera(camera: Camera, options?: { animate?: boolean }): void;
  /** The camera that shows the whole city. */
  home(): Camera;
  /** Clicks add points until `false`; the points are drawn in the scene. */
  setMeasuring(on: boolean): void;
  /** Clicks and moves are told as places on the ground by `draw` until `false`; nothing is picked meanwhile. */
  setDrawing(on: boolean): void;
  /** Lines over the city, the first with dots at its corners: what is being drawn. None takes them away. */
  setSketch(lines: readonly (readonly Point[])[]): void;
  /** Height of the ground at a place, null beside it [m]. */
  groundAt(x: number, y: number): number | null;
  /** Where an object stands and how far it reaches, null where it is not loaded or not drawn. For search and "zoom to". */
  locate(layer: string, row: number): { point: Point; radius_m: number } | null;
  /** Place on the page of a point in space, null where it is out of sight. */
  project(point: Point): [number, number] | null;
  /** What is held and drawn, for tests and benchmarks. */
  stats(): {
    buildings: number;
    tiles: number;
    triangles: number;
    draws: number;
    gpuBytes: number;
    frames: number;
    lastFrame_ms: number;
  };
  dispose(): void;
}
