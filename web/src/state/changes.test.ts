import { describe, expect, test } from "vitest";
import type { ProblemFacts } from "../api/scenarios";
import { changeOf, draftOf, entryOf, fresh, lackOf, lineage, nameFor, onlyIn, type ChangeDraft } from "./changes";
import type { Corner } from "./sketch";

const ORIGIN: Corner = [355_000, 6_689_000];
const RING: Corner[] = [
  [0, 0],
  [20, 0],
  [20, 12],
];
const WORDS = { en: "Words", fr: "Mots", vi: "Lời" };
const DRAWN: ChangeDraft[] = [
  { ...fresh("close_links"), links: new Map([[7, ""]]) } as ChangeDraft,
  { ...fresh("close_links"), street: "Quai de la Fosse", modes: ["car"] } as ChangeDraft,
  { ...fresh("add_buildings"), ring: RING, replace: true } as ChangeDraft,
  { ...fresh("restrict_mode"), ring: RING, mode: "motorbike", fuel: "petrol" } as ChangeDraft,
  { ...fresh("rezone"), ring: RING, floorAreaRatio: 2.5 } as ChangeDraft,
];

describe("a change", () => {
  test.each(DRAWN)("that was drawn can be edited again: $kind", (change) => {
    expect(draftOf(entryOf(change, ORIGIN), WORDS, ORIGIN)).toEqual(change);
    expect(lackOf(change)).toBeNull();
  });

  test("is written as the server reads it", () => {
    expect(entryOf(DRAWN[0], ORIGIN)).toEqual({
      kind: "close_links",
      links: { ids: [7] },
      modes: ["motorbike", "car", "bus", "truck"],
    });
    expect(entryOf(DRAWN[3], ORIGIN)).toMatchObject({
      mode: "motorbike",
      fuel: "petrol",
      area: { type: "Polygon", coordinates: [[[355_000, 6_689_000], [355_020, 6_689_000], [355_020, 6_689_012], [355_000, 6_689_000]]] }, // prettier-ignore
    });
  });

  test.each([
    { kind: "storm", duration_h: 3 },
    { kind: "close_links", links: "all" },
    { kind: "close_links", links: "Quai de la Fosse", both_directions: false },
    { kind: "close_links", links: { ids: [3], ward: "Nord" } },
    { kind: "close_links", links: [3], both_directions: false },
    { kind: "restrict_mode", ward: "Nord", mode: "car" },
    { kind: "add_buildings", buildings: "tower.geojson", storeys: 3 },
  ])("that says more than can be drawn stays as it is written", (entry) => {
    expect(draftOf(entry, WORDS, ORIGIN)).toEqual({ kind: "other", entry, words: WORDS });
    expect(entryOf(draftOf(entry, WORDS, ORIGIN), ORIGIN)).toBe(entry);
  });

  test("says what it lacks", () => {
    expect(lackOf(fresh("close_links"))).toBe("no-links");
    expect(lackOf({ ...DRAWN[0], modes: [] } as ChangeDraft)).toBe("no-modes");
    expect(lackOf(fresh("restrict_mode"))).toBe("few");
    expect(lackOf({ ...DRAWN[2], storeys: 0 } as ChangeDraft)).toBe("storeys");
    expect(lackOf({ ...DRAWN[2], storeys: 2.5 } as ChangeDraft)).toBe("storeys");
  });
});

test("a scenario is named after its title, and no two are named alike", () => {
  expect(nameFor("Đóng cầu Chương Dương", new Set())).toBe("dong-cau-chuong-duong");
  expect(nameFor("Pont fermé !", new Set(["pont-ferme", "pont-ferme-2"]))).toBe("pont-ferme-3");
  expect(nameFor("城市", new Set())).toBe("scenario");
});

test("a problem is shown at the change it speaks of", () => {
  const problem = (facts: Partial<ProblemFacts>): ProblemFacts => ({
    text: "",
    texts: { vi: "", fr: "", en: "" },
    rule: "",
    rules: { vi: "", fr: "", en: "" },
    severity: "error",
    file: "",
    table: "",
    column: "",
    n_rows: 0,
    rows: [],
    ...facts,
  });
  const kinds = ["rezone", "close_links", "rezone"];
  expect(changeOf(problem({ column: "change.2.modes" }), kinds)).toBe(1);
  expect(changeOf(problem({ file: "a, change 3: rezone" }), kinds)).toBe(2);
  expect(changeOf(problem({ file: "/x/scenarios/a.toml, line 9: close_links" }), kinds)).toBe(1);
  expect(changeOf(problem({ file: "/x/scenarios/a.toml, line 9: rezone" }), kinds)).toBeNull(); // one of two
  expect(changeOf(problem({ column: "title" }), kinds)).toBeNull();
});

test("what two scenarios do not share is told once for each time it happens", () => {
  expect(onlyIn(["a", "b", "b"], ["b", "c"])).toEqual(["a", "b"]);
  expect(onlyIn(["a"], ["a"])).toEqual([]);
});

test("a scenario rests on its bases, the first one first", () => {
  const all = [
    { name: "today", base: null },
    { name: "a", base: null },
    { name: "b", base: "a" },
    { name: "c", base: "c" },
  ];
  expect(lineage("b", all)).toEqual(["a", "b"]);
  expect(lineage("today", all)).toEqual([]);
  expect(lineage("c", all)).toEqual(["c"]); // a scenario that rests on itself does not hang the page
});
