import { describe, expect, test } from "vitest";
import { en } from "./en";
import { fr } from "./fr";
import { LANGUAGES, preferredLanguage } from "./language";
import { fill } from "./texts";
import { Translator } from "./translator";
import { vi } from "./vi";

const [viT, frT, enT] = LANGUAGES.map((language) => new Translator(language));
/** Blanks of all widths as one, so that tests do not hang on the version of ICU. */
const plain = (text: string): string => text.replace(/\s/g, " ");

function leaves(node: unknown, path = ""): [string, string][] {
  return typeof node === "string"
    ? [[path, node]]
    : Object.entries(node as object).flatMap(([key, value]) => leaves(value, `${path}/${key}`));
}
const gaps = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe("texts", () => {
  test("have the same gaps in every language", () => {
    const english = new Map(leaves(en));
    for (const texts of [fr, vi]) {
      for (const [path, text] of leaves(texts)) {
        const same = english.get(path) ?? english.get(path.replace(/\/one$/, "/other"));
        expect(gaps(text), path).toEqual(gaps(same ?? ""));
      }
    }
  });

  test("are nowhere empty", () => {
    for (const texts of [en, fr, vi]) for (const [path, text] of leaves(texts)) expect(text.trim(), path).not.toBe("");
  });

  test("French puts no plain blank before its tall signs apart from those that may break", () => {
    for (const [path, text] of leaves(fr)) expect(text, path).not.toMatch(/\w[;?!]/);
  });

  test("a gap without a value stays, so that a mistake is seen", () => {
    expect(fill("{a} of {b}", { a: "1" })).toBe("1 of {b}");
  });

  test("follow the plural of their language", () => {
    expect(enT.count(en.search.results, 1)).toBe("1 result");
    expect(enT.count(en.search.results, 0)).toBe("0 results");
    expect(frT.count(fr.search.results, 0)).toBe("0 résultat");
    expect(frT.count(fr.search.results, 2)).toBe("2 résultats");
    expect(viT.count(vi.search.results, 1)).toBe("1 kết quả");
  });
});

describe("numbers", () => {
  test("are grouped as the language does", () => {
    expect([viT, frT, enT].map((t) => plain(t.number(1234567, 0)))).toEqual(["1.234.567", "1 234 567", "1,234,567"]);
    expect([viT, frT, enT].map((t) => t.number(0.5))).toEqual(["0,5", "0,5", "0.5"]);
  });

  test("have three digits that count", () => {
    expect([123.4, 12.34, 1.234, 0.01234, 0].map((value) => enT.number(value))).toEqual([
      "123",
      "12.3",
      "1.23",
      "0.0123",
      "0",
    ]);
  });

  test("carry the unit a reader expects", () => {
    expect(plain(frT.quantity(13.889, "m s⁻¹", 0))).toBe("50 km/h");
    expect(plain(viT.quantity(1800, "veh h⁻¹"))).toBe("1.800 xe/h");
    expect(enT.quantity(41.9, "°")).toBe("41.9°");
    expect(plain(enT.length(2500))).toBe("2.5 km");
  });

  test("years are not grouped", () => {
    expect(frT.plainNumber(1908)).toBe("1908");
  });
});

describe("words of the data", () => {
  test("are found by table and column, then by column", () => {
    expect(enT.column("wards", "residents")).toBe("Registered residents");
    expect(enT.column("buildings", "residents")).toBe("Residents");
    expect(frT.category("roads", "class", "living_street")).toBe("Zone de rencontre");
  });

  test("that nobody translated are made readable, texts of the source are left alone", () => {
    expect(enT.column("x", "some_column")).toBe("some column");
    expect(enT.category("trees", "species", "Platanus_x")).toBe("Platanus_x");
  });

  test("begin small inside a sentence", () => {
    expect(frT.columnWithin("buildings", "height_m")).toBe("hauteur");
    expect(viT.columnWithin("roads", "width_m")).toBe("bề rộng mặt đường");
  });
});

test("the first language of the browser that is spoken here is taken, else English", () => {
  expect(preferredLanguage(["de-DE", "fr-CA", "vi"])).toBe("fr");
  expect(preferredLanguage(["de"])).toBe("en");
});
