import { tableFromArrays, tableToIPC } from "@uwdata/flechette";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test, vi } from "vitest";
import { bytes, json } from "./bytes";
import { decodeColumns } from "./columns";
import { NotFound, ServerGone, WrongAnswer } from "./problems";
import { valueAt, type Column } from "./types";

afterEach(() => {
  vi.unstubAllGlobals();
  globalThis.__DOTHI_FILES__ = undefined;
});

describe("bytes", () => {
  test("come from the page where it carries its files", async () => {
    const text = JSON.stringify({ name: "Hà Nội" });
    globalThis.__DOTHI_FILES__ = {
      "api/study": Buffer.from(text).toString("base64"),
      "api/packed": gzipSync(text).toString("base64"),
    };
    expect(await json("api/study")).toEqual({ name: "Hà Nội" });
    expect(await json("api/packed")).toEqual({ name: "Hà Nội" });
    await expect(bytes("api/else")).rejects.toBeInstanceOf(NotFound);
  });

  test("tell a server that is gone from one that says no", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("fetch failed")));
    await expect(bytes("api/study")).rejects.toBeInstanceOf(ServerGone);
    vi.stubGlobal("fetch", () =>
      Promise.resolve(new Response('{"problems": [{"text": "no such table"}]}', { status: 404 })),
    );
    await expect(bytes("api/study")).rejects.toMatchObject({
      name: "NotFound",
      problems: [{ text: "no such table" }],
    });
    vi.stubGlobal("fetch", () => Promise.resolve(new Response("oops", { status: 500 })));
    await expect(bytes("api/study")).rejects.toBeInstanceOf(WrongAnswer);
  });
});

test("a code stands for its value, 0 for none", () => {
  const number: Column = {
    type: "number",
    kind: "float",
    unit: "m",
    codes: Uint16Array.of(0, 1, 3),
    minimum: 10,
    step: 0.5,
  };
  expect([0, 1, 2].map((row) => valueAt(number, row))).toEqual([null, 10, 11]);
  const text: Column = { type: "text", kind: "category", unit: "", codes: Uint8Array.of(2, 0), categories: ["a", "b"] };
  expect([0, 1].map((row) => valueAt(text, row))).toEqual(["b", null]);
});

test("columns of a stream keep their codes and facts", () => {
  const table = tableFromArrays({ height_m: Uint16Array.of(1, 0, 3), function: Uint8Array.of(1, 2, 0) });
  const facts: Record<string, [string, string][]> = {
    height_m: [
      ["kind", "float"],
      ["unit", "m"],
      ["minimum", "0.5"],
      ["step", "0.1"],
    ],
    function: [
      ["kind", "category"],
      ["unit", ""],
      ["categories", '["office","hotel"]'],
    ],
  };
  for (const field of table.schema.fields) field.metadata = new Map(facts[field.name]);
  const columns = decodeColumns(tableToIPC(table, { format: "stream" })!.slice().buffer as ArrayBuffer);
  const height = columns.get("height_m")!;
  expect(height).toMatchObject({ type: "number", unit: "m", minimum: 0.5, step: 0.1 });
  expect([...height.codes]).toEqual([1, 0, 3]);
  expect(columns.get("function")).toMatchObject({ type: "text", categories: ["office", "hotel"] });
});
