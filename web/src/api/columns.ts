/** Columns of a table from an Arrow stream of codes. */

import { tableFromIPC } from "@uwdata/flechette";
import type { Column, Kind } from "./types";

type Codes = Uint8Array | Uint16Array | Uint32Array;

/** Decode a stream with `encoding=quantised`: one entry per column, in its order. */
export const decodeColumns = (stream: ArrayBuffer): Map<string, Column> => decodeTable(stream).columns;

/** The same, with what is said of the whole table. */
export function decodeTable(stream: ArrayBuffer): {
  columns: Map<string, Column>;
  facts: ReadonlyMap<string, string>;
} {
  const table = tableFromIPC(new Uint8Array(stream));
  const columns = new Map<string, Column>();
  table.schema.fields.forEach((field, position) => {
    const facts = (key: string): string | undefined => field.metadata?.get(key);
    const codes = table.getChildAt(position).toArray() as Codes;
    const kind = (facts("kind") ?? "string") as Kind;
    const unit = facts("unit") ?? "";
    const categories = facts("categories");
    columns.set(
      field.name,
      categories === undefined
        ? {
            type: "number",
            kind,
            unit,
            codes,
            minimum: Number(facts("minimum") ?? 0),
            step: Number(facts("step") ?? 1),
          }
        : { type: "text", kind, unit, codes, categories: JSON.parse(categories) as string[] },
    );
  });
  return { columns, facts: table.schema.metadata ?? new Map<string, string>() };
}
