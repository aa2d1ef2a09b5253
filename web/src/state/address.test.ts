import { describe, expect, test } from "vitest";
import { readAddress, writeAddress, type Address } from "./address";

const FULL: Address = {
  city: "bridge closed",
  reference: "today",
  side: true,
  camera: { target: [120.5, -340.2, 12], distance: 850.5, heading: 312.5, tilt: 55 },
  layers: { trees: false, zones: true },
  colours: {
    buildings: { column: "height_m", aspect: "value", method: null },
    links: { column: "free_speed_m_s", aspect: "confidence", method: "counts" },
  },
  time: { date: "2025-06-21", minutes: 905 },
  shadows: false,
  look: "realistic",
  theme: "dark",
  language: "vi",
  selected: { table: "buildings", id: 4711 },
  travel: {
    flows: "motorbike",
    desire: "",
    reach: { mode: "car", minutes: 20, x: 355300.5, y: 6689400 },
    lines: true,
    ground: "noise_lden_db",
  },
};

test("an address says again what was written into it", () => {
  expect(readAddress(writeAddress(FULL))).toEqual(FULL);
});

test("an address that says nothing is empty", () => {
  expect(writeAddress({})).toBe("");
  expect(readAddress("")).toEqual({});
  expect(readAddress("#")).toEqual({});
});

test("an address is short and can be read", () => {
  expect(writeAddress({ colours: FULL.colours, time: FULL.time, selected: FULL.selected })).toBe(
    "#by.buildings=height_m&by.links=free_speed_m_s,confidence,counts&time=2025-06-21T15:05&sel=buildings.4711",
  );
});

describe("what cannot be read is left out", () => {
  test.each([
    "#at=1,2,3",
    "#at=a,b,c,d,e,f",
    "#at=1,2,3,-5,0,0",
    "#at=1e99,2,3,5,0,0",
    "#time=2025-02-30T10:00",
    "#time=2025-02-20T24:00",
    "#sel=buildings.<script>",
    "#sel=Buildings.1",
    "#lang=de",
    "#theme=pink",
    "#hide=%3Cimg%3E",
    "#by.buildings=%22%3E",
    "#by.=height_m",
    "#view=two",
    "#flows=tanks",
    "#desire=<car>",
    "#reach=walk,15,1",
    "#reach=fly,15,1,2",
    "#reach=walk,-15,1,2",
    "#vs=",
    "#look=%E0%A4%A",
    "#=&&&==",
  ])("%s", (hash) => {
    expect(readAddress(hash)).toEqual({});
  });
});

test("headings come back between 0 and 360, tilts between 0 and 90", () => {
  const { camera } = readAddress("#at=0,0,0,100,-30,120");
  expect(camera).toMatchObject({ heading: 330, tilt: 90 });
});
