/** Getting the files of a scene, most wanted first: begun before there is anything to draw with. */

import type { Box, Files, Point, Scene, SceneLayer } from "./contract";
import { Decoder } from "./decode/decoder";
import type { Job, Results } from "./decode/jobs";
import { ranksOf } from "./draw/lines";
import { paletteOf } from "./look/palette";

/** A file to be had, of the layer of a name. */
export interface Wanted {
  name: string;
  layer: SceneLayer;
  file: string;
  bytes: number;
  /** Least comes first. */
  order: number;
}

export type Result = Results[Job["type"]];

/** Layers that are shown only when asked for: they would cover the plain city, or are told by other means. */
export const HIDDEN_AT_FIRST: ReadonlySet<string> = new Set(["zones", "wards", "land_use", "barriers", "faces"]);
/** Classes of cover that are drawn by layers of their own. */
const ABOVE_GROUND = new Set(["building", "road"]);
/** Order of what is fetched: ground, then houses from near to far, then the rest. */
const TURN: Record<SceneLayer["type"], number> = {
  mesh: 0,
  prisms: 1,
  skins: 1,
  faces: 6,
  cover: 2,
  areas: 3,
  lines: 4,
  points: 5,
};
/** Files asked for at a time: enough to keep a connection busy, few enough that the nearest come first. */
const AT_A_TIME = 6;
/** How long after a failure a file is asked for again [ms]. */
const AGAIN_MS = 300;

/** Files of the layers in sight, in order of distance from `near`. */
export function wantedOf(scene: Scene, isVisible: (name: string) => boolean, near: Point): Wanted[] {
  return Object.entries(scene.layers)
    .filter(([name, { type }]) => isVisible(name) || type === "mesh" || type === "cover")
    .flatMap(([name, layer]) =>
      filesOf(layer).map(({ file, bytes, box }) => ({
        name,
        layer,
        file,
        bytes,
        order: TURN[layer.type] * 1e6 + Math.min(9e5, distanceTo(box, near)),
      })),
    )
    .sort((a, b) => a.order - b.order);
}

function filesOf(layer: SceneLayer): { file: string; bytes: number; box?: Box }[] {
  return layer.tiles ?? (layer.file ? [{ file: layer.file, bytes: layer.bytes ?? 0, box: layer.box }] : []);
}

function jobOf(layer: SceneLayer): Job {
  if (layer.type === "lines")
    return { type: "lines", rank: ranksOf(layer.kinds ?? [], paletteOf("light", "thematic")) };
  if (layer.type === "cover") {
    const above = (layer.classes ?? []).flatMap((name, k) => (ABOVE_GROUND.has(name) ? [k] : []));
    return { type: "cover", above };
  }
  return { type: layer.type };
}

/** The decoder of the page: its workers serve every view. */
let decoder: Decoder | null = null;

/** Files of one scene under way. */
export class Loading {
  readonly #left = new AbortController();
  readonly #results = new Map<string, Promise<Result>>();
  #queue: (() => Promise<unknown>)[] = [];
  #takers = 0;

  constructor(
    readonly scene: Scene,
    readonly files: Files,
  ) {
    decoder ??= new Decoder();
  }

  get signal(): AbortSignal {
    return this.#left.signal;
  }

  abort(): void {
    this.#left.abort();
  }

  /** Ask for files that were not asked for yet, in their order; what was asked for before comes first. */
  begin(wanted: readonly Wanted[]): void {
    for (const one of wanted) {
      if (this.#results.has(one.file)) continue;
      const result = new Promise<Result>((resolve, reject) => {
        this.#queue.push(() => this.#get(one).then(resolve, reject));
      });
      result.catch(() => {}); // whoever uses it is told
      this.#results.set(one.file, result);
    }
    while (this.#takers < AT_A_TIME && this.#queue.length > 0) void this.#take();
  }

  /** Use files as they arrive; settles when all are used, rejects with the first that cannot be had. */
  async use(
    wanted: readonly Wanted[],
    use: (one: Wanted, result: Result) => void,
    progress: (done: number) => void,
  ): Promise<void> {
    this.begin(wanted);
    const total = wanted.reduce((sum, { bytes }) => sum + bytes, 0) || 1;
    let done = 0;
    await Promise.all(
      wanted.map(async (one) => {
        const result = await this.#results.get(one.file)!;
        this.signal.throwIfAborted();
        this.#results.delete(one.file); // its arrays belong to the layer now
        use(one, result);
        done += one.bytes;
        progress(done / total);
      }),
    );
  }

  async #take(): Promise<void> {
    this.#takers++;
    for (let next = this.#queue.shift(); next && !this.signal.aborted; next = this.#queue.shift()) await next();
    this.#takers--;
  }

  /** A file that fails once is asked for again. */
  async #get({ layer, file }: Wanted): Promise<Result> {
    const ask = (): Promise<Result> => decoder!.file(jobOf(layer), file, this.files, this.signal);
    try {
      return await ask();
    } catch (error) {
      this.signal.throwIfAborted();
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      this.signal.throwIfAborted();
      return ask().catch(() => Promise.reject(error));
    }
  }
}

/** Loading that was begun before its engine was there. */
let begun: Loading | null = null;

/** Begin to load a scene for an engine that is about to be made: workers fetch and decode meanwhile. */
export function prepare(
  scene: Scene,
  files: Files,
  isVisible: (name: string) => boolean,
  near: Point = [0, 0, 0],
): void {
  if (begun?.scene.key === scene.key) return;
  begun?.abort();
  begun = new Loading(scene, files);
  begun.begin(wantedOf(scene, isVisible, near));
}

/** Loading of a scene: the one that was begun, if it is of this scene. */
export function loadingOf(scene: Scene, files: Files): Loading {
  const found = begun?.scene.key === scene.key ? begun : new Loading(scene, files);
  begun = null;
  return found;
}

function distanceTo(box: Box | undefined, [x, y]: Point): number {
  if (!box) return 0;
  return (
    Math.hypot(Math.max(box[0] - x, x - box[3], 0), Math.max(box[1] - y, y - box[4], 0)) +
    0.01 * Math.hypot((box[0] + box[3]) / 2 - x, (box[1] + box[4]) / 2 - y)
  );
}
