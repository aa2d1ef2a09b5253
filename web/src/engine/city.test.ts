import { describe, expect, it } from "vitest";
import { LoadedCity } from "./city";
import type { Scene } from "./contract";
import { pinAt } from "./draw/pins";
import { sharedUniforms } from "./draw/kit";

function city(layers: Scene["layers"]): LoadedCity {
  return new LoadedCity({ box: [0, 0, 0, 9, 9, 9], layers } as unknown as Scene, sharedUniforms());
}

describe("layers of a loaded city", () => {
  it("modelled surfaces answer to their own name and to that of the buildings", () => {
    const { skins, named } = withNames(city({ surfaces: { type: "skins", tiles: [] } }));
    expect(named("surfaces")).toEqual([skins]);
    expect(named("buildings")).toEqual([skins]);
  });

  it("blocks and modelled surfaces are painted together by either name", () => {
    const { skins, buildings, named } = withNames(
      city({ buildings: { type: "prisms", tiles: [] }, surfaces: { type: "skins", tiles: [] } }),
    );
    for (const name of ["buildings", "surfaces"]) expect(named(name)).toEqual([buildings, skins]);
  });
});

describe("pins", () => {
  it("shrink with distance, never grow, and never vanish", () => {
    const pins = [10, 900, 1500, 3000, 4500, 1e5].map(pinAt);
    expect(pins[0]).toEqual(pins[1]);
    expect(pins[4]).toEqual(pins[5]);
    for (let k = 1; k < pins.length; k++) {
      expect(pins[k].radius).toBeLessThanOrEqual(pins[k - 1].radius);
      expect(pins[k].stem).toBeLessThanOrEqual(pins[k - 1].stem);
      expect(pins[k].radius).toBeGreaterThan(1.5);
    }
  });
});

function withNames(loaded: LoadedCity) {
  return { skins: loaded.skins, buildings: loaded.buildings, named: (name: string) => loaded.named(name) };
}
