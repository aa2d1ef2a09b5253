/** The engine without the app, for work on pictures and for measurements: see `look.py`. */

import type { Files, Paint, Scene } from "../src/engine/contract";
import { createEngine } from "../src/engine/index";

const query = new URLSearchParams(location.search);
const base = query.get("scene") ?? "/scene";
const engine = createEngine(document.getElementById("view")!);
const times: Record<string, number> = {};
const note = (name: string) => (): void => void (times[name] ??= performance.now());
engine.on("first", note("first"));
engine.on("whole", note("whole"));
engine.on("ready", note("ready"));
engine.on("failed", (reason, detail) => console.error(reason, detail));

const files: Files = {
  read: async (path, signal) => {
    const answer = await fetch(`${base}/${path}`, { signal });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.arrayBuffer();
  },
  address: (path) => new URL(`${base}/${path}`, document.baseURI).href,
};

/** Colours of a layer as the app would set them. */
function graded(n: number, share: (row: number) => number | null): Paint {
  const codes = new Uint16Array(n);
  for (let row = 0; row < n; row++) {
    const value = share(row);
    codes[row] = value === null ? 0 : 1 + Math.round(value * 65534);
  }
  const stops = [
    [68, 1, 84],
    [59, 82, 139],
    [33, 145, 140],
    [94, 201, 98],
    [253, 231, 37],
  ];
  const colours = new Uint8Array(256 * 4);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(at));
    for (let k = 0; k < 3; k++) colours[i * 4 + k] = stops[low][k] + (stops[low + 1][k] - stops[low][k]) * (at - low);
    colours[i * 4 + 3] = 255;
  }
  return { codes, colours, scale: { type: "graded", from: 0, to: 1 } };
}

engine.setTheme(query.get("theme") === "dark" ? "dark" : "light");
engine.setLook(query.get("look") === "realistic" ? "realistic" : "thematic");
if (query.has("sun")) engine.setSun(new Date(query.get("sun")!));
const scene = JSON.parse(new TextDecoder().decode(await files.read("scene.json"))) as Scene;
if (query.has("paint"))
  engine.setPaint(
    "buildings",
    graded(scene.layers.buildings?.rows ?? 0, (row) => (row % 17 === 0 ? null : (row % 97) / 96)),
  );
if (query.has("camera")) engine.setCamera(JSON.parse(query.get("camera")!));
Object.assign(globalThis, { engine, times, graded, scene });
await engine.load(scene, files);
document.title = "ready";
