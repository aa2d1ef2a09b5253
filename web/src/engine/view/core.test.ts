import { describe, expect, it } from "vitest";
import type { Box, Scene, SceneLayer } from "../contract";
import { coreOf } from "./core";

const far: Box = [-50_000, -50_000, -1, 50_000, 50_000, 90];

function layer(type: SceneLayer["type"], box: Box): SceneLayer {
  return type === "mesh" ? { type, box } : { type, tiles: [{ file: "", bytes: 1, n: 1, box }] };
}

function scene(layers: Record<string, SceneLayer>): Scene {
  return { box: far, layers } as unknown as Scene;
}

describe("core of a scene", () => {
  it("is the ground, as high as its buildings, however far its bus stops are", () => {
    const ground: Box = [-1000, -900, 0, 1000, 900, 30];
    const layers = {
      terrain: layer("mesh", ground),
      buildings: layer("prisms", [-900, -900, 4, 900, 800, 75]),
      stops: layer("points", far),
    };
    expect(coreOf(scene(layers))).toEqual([-1000, -900, 0, 1000, 900, 75]);
  });

  it("is what is built, and some room around it, where the ground is far larger", () => {
    const layers = { terrain: layer("mesh", far), surfaces: layer("skins", [0, 0, 5, 100, 50, 20]) };
    expect(coreOf(scene(layers))).toEqual([-4, -4, -1, 104, 54, 90]);
  });

  it("takes all tiles of blocks and modelled buildings together", () => {
    const layers = {
      buildings: layer("prisms", [0, 0, 5, 100, 50, 20]),
      surfaces: layer("skins", [-100, 0, 3, 0, 50, 40]),
    };
    expect(coreOf(scene(layers))).toEqual([-108, -8, 3, 108, 58, 40]);
  });

  it("is the ground or everything where nothing is built", () => {
    const ground: Box = [0, 0, 0, 9, 9, 1];
    expect(coreOf(scene({ terrain: layer("mesh", ground) }))).toEqual(ground);
    expect(coreOf(scene({ stops: layer("points", far) }))).toEqual(far);
  });
});
