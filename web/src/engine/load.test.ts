import { describe, expect, it } from "vitest";
import { bundleOf } from "./decode/bundle.fixture";
import type { Files, Scene } from "./contract";
import { HIDDEN_AT_FIRST, Loading, loadingOf, prepare, wantedOf } from "./load";

const POINT = bundleOf({
  row: { values: Uint32Array.of(0) },
  x: { values: Uint16Array.of(1) },
  y: { values: Uint16Array.of(1) },
  z: { values: Uint16Array.of(1) },
  height: { values: Uint16Array.of(1) },
  width: { values: Uint16Array.of(1) },
  kind: { values: Uint8Array.of(0) },
});

const tile = (file: string, x: number) => ({ file, bytes: 100, n: 1, box: [x, 0, 0, x + 10, 10, 5] });
const scene = (key = "a"): Scene =>
  ({
    key,
    layers: {
      trees: { type: "points", tiles: [tile("trees/far", 900), tile("trees/near", 0)] },
      zones: { type: "areas", tiles: [tile("zones/0", 0)] },
      buildings: { type: "prisms", tiles: [tile("buildings/0", 400)] },
      terrain: { type: "mesh", file: "terrain", bytes: 100, box: [0, 0, 0, 1000, 10, 5] },
    },
  }) as unknown as Scene;
const plain = (name: string): boolean => !HIDDEN_AT_FIRST.has(name);

/** Files that note what is asked for, and fail as often as told. */
function asked(failures = 0): { files: Files; names: string[] } {
  const names: string[] = [];
  const read = async (file: string): Promise<ArrayBuffer> => {
    names.push(file);
    if (names.length <= failures) throw new Error("gone");
    return POINT.slice(0);
  };
  return { files: { read }, names };
}

describe("what a scene is loaded from", () => {
  it("is the ground, then houses, then the rest, each from near to far; layers out of sight stay where they are", () => {
    const files = wantedOf(scene(), plain, [0, 0, 0]).map(({ file }) => file);
    expect(files).toEqual(["terrain", "buildings/0", "trees/near", "trees/far"]);
  });

  it("is nearest first from wherever the eye is", () => {
    const files = wantedOf(scene(), (name) => name === "trees", [1000, 0, 0]).map(({ file }) => file);
    expect(files).toEqual(["terrain", "trees/far", "trees/near"]);
  });
});

describe("loading", () => {
  const trees = (of: Scene) =>
    wantedOf(of, (name) => name === "trees", [0, 0, 0]).filter(({ name }) => name === "trees");

  it("asks for every file once, whether begun before or not, and tells how far it is", async () => {
    const { files, names } = asked();
    const loading = new Loading(scene(), files);
    loading.begin(trees(scene()));
    const [used, done]: [string[], number[]] = [[], []];
    await loading.use(
      trees(scene()),
      ({ file }) => used.push(file),
      (share) => done.push(share),
    );
    expect(names).toEqual(["trees/near", "trees/far"]);
    expect(used).toEqual(names);
    expect(done).toEqual([0.5, 1]);
  });

  it("asks a second time for a file that failed once", async () => {
    const { files, names } = asked(1);
    await new Loading(scene(), files).use(
      trees(scene()).slice(0, 1),
      () => {},
      () => {},
    );
    expect(names).toEqual(["trees/near", "trees/near"]);
  });

  it("fails with what the page says of a file that cannot be had", async () => {
    const { files } = asked(9);
    const use = new Loading(scene(), files).use(
      trees(scene()),
      () => {},
      () => {},
    );
    await expect(use).rejects.toThrow("gone");
  });

  it("of a scene that was prepared goes on where it was begun; of another it begins anew", () => {
    const { files, names } = asked();
    prepare(scene("a"), files, (name) => name === "trees");
    const before = names.length;
    expect(before).toBeGreaterThan(0);
    const loading = loadingOf(scene("a"), files);
    loading.begin(trees(scene("a")));
    expect(names.length).toBe(before);
    expect(loadingOf(scene("a"), files)).not.toBe(loading); // each serves one engine
    prepare(scene("b"), files, () => false);
    expect(loadingOf(scene("c"), files).scene.key).toBe("c");
  });
});
