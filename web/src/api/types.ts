/** What the server answers, from its own description, and columns as they arrive. */

import type { ColumnFacts, Method } from "./schema";

export type {
  Catalogue,
  Category,
  CityEntry,
  ColumnFacts,
  Method,
  ObjectRecord,
  ProblemsFacts,
  StudyFacts as Study,
  TableFacts,
  Value,
} from "./schema";

export type Kind = ColumnFacts["kind"];
export type Status = Method["status"];
export const STATUSES: readonly Status[] = ["measured", "modelled", "entered", "estimated"];

/** Numbers as codes: value = minimum + (code − 1) · step; 0 is a missing value. */
export interface NumberColumn {
  type: "number";
  kind: Kind;
  unit: string;
  codes: Uint8Array | Uint16Array | Uint32Array;
  minimum: number;
  step: number;
}

/** Texts as codes: code − 1 is the index of the text; 0 is a missing value. */
export interface TextColumn {
  type: "text";
  kind: Kind;
  unit: string;
  codes: Uint8Array | Uint16Array | Uint32Array;
  categories: string[];
}

export type Column = NumberColumn | TextColumn;

/** Value of a row; null where it is missing. */
export function valueAt(column: Column, row: number): number | string | null {
  const code = column.codes[row];
  if (!code) return null;
  return column.type === "number" ? column.minimum + (code - 1) * column.step : column.categories[code - 1];
}
