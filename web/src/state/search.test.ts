import { describe, expect, test } from "vitest";
import type { Named } from "../api/city";
import { fold } from "./fold";
import { indexed, search, typedNumber } from "./search";

const named = (name: string, kind = "street"): Named => ({ name, kind, point: [0, 0, 0], rows: [0] });
const NAMES = indexed([
  named("Rue de Strasbourg"),
  named("Strasbourg", "stop"),
  named("Quai de la Fosse"),
  named("Rue Saint-Félix"),
  named("Église Saint-Félix", "building"),
  named("Đường Hà Nội"),
  named("Phố Hàng Đào"),
  named("Cœur de ville", "facility"),
]);
const names = (typed: string): string[] => search(NAMES, typed).map(({ name }) => name);

describe("folding", () => {
  test.each([
    ["Hà Nội", "ha noi"],
    ["ĐƯỜNG", "duong"],
    ["Saint-Félix", "saint felix"],
    ["L’Île  d’Œuvre", "l ile d oeuvre"],
    ["Straße", "strasse"],
    ["  ", ""],
  ])("%s is found as %s", (text, folded) => {
    expect(fold(text)).toBe(folded);
  });

  test("does not care how accents are composed", () => {
    expect(fold("Nội".normalize("NFD"))).toBe(fold("Nội".normalize("NFC")));
  });
});

describe("search", () => {
  test("finds names without their accents", () => {
    expect(names("ha noi")).toEqual(["Đường Hà Nội"]);
    expect(names("duong")).toEqual(["Đường Hà Nội"]);
    expect(names("coeur")).toEqual(["Cœur de ville"]);
  });

  test("puts the whole name before its beginning, that before the beginning of a word", () => {
    expect(names("strasbourg")).toEqual(["Strasbourg", "Rue de Strasbourg"]);
  });

  test("finds words in any order", () => {
    expect(names("fosse quai")).toEqual(["Quai de la Fosse"]);
  });

  test("puts streets before buildings where both match alike", () => {
    expect(names("saint fel")).toEqual(["Rue Saint-Félix", "Église Saint-Félix"]);
  });

  test("of nothing finds nothing", () => {
    expect(names("  ")).toEqual([]);
    expect(names("xyz")).toEqual([]);
  });
});

test("numbers of objects are understood as people write them", () => {
  expect(["4711", "#4711", "n° 4711", "N°4711", "no. 4711", "số 4711"].map(typedNumber)).toEqual(Array(6).fill(4711));
  expect(["47a", "rue 5", "", "-3"].map(typedNumber)).toEqual(Array(4).fill(null));
});
