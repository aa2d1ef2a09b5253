/** One row in full, put together from the columns that a page carries; a server does the same from its files. */

import { tableFromIPC } from "@uwdata/flechette";
import type { ColumnFacts, ObjectRecord, TableFacts, Value } from "./types";

/** Exact values of a column by row. */
export type Exact = (name: string) => Promise<(row: number) => unknown>;

/** Decode a stream with one column of exact values. */
export function decodeExact(stream: ArrayBuffer): (row: number) => unknown {
  const column = tableFromIPC(new Uint8Array(stream), { useBigInt: false, useDate: true }).getChildAt(0);
  return (row) => column.at(row);
}

/** Row of a table with its methods and confidences, as far as columns of these are there. */
export async function recordOf(
  table: string,
  facts: TableFacts,
  id: number,
  row: number,
  exact: Exact,
): Promise<ObjectRecord> {
  const columns = await Promise.all(
    Object.entries(facts.columns).map(async ([name, column]): Promise<[string, Value]> => {
      const value = plain((await exact(name))(row));
      return [
        name,
        { value, kind: column.kind, unit: column.unit, ...(await origin(name, value, column, row, exact)) },
      ];
    }),
  );
  return { table, id, row, columns: Object.fromEntries(columns) };
}

async function origin(
  name: string,
  value: Value["value"],
  { methods, statuses, confidence }: ColumnFacts,
  row: number,
  exact: Exact,
): Promise<Pick<Value, "method" | "confidence" | "status">> {
  if (value === null) return { method: null, confidence: null, status: null };
  const [only] = Object.keys(statuses) as NonNullable<Value["status"]>[];
  if (!methods.length) return { method: null, confidence: null, status: only ?? null };
  const found = await told(`${name}_method`, "method", row, exact);
  const method = methods.find((one) => one.method === found) ?? (methods.length === 1 ? methods[0] : undefined);
  const sure = confidence === null ? null : await told(`${name}_confidence`, null, row, exact);
  return {
    method: method?.method ?? null,
    status: method?.status ?? null,
    confidence: typeof sure === "number" ? sure : null,
  };
}

/** Value of a column, or else of another one; null where there is neither. */
async function told(name: string, other: string | null, row: number, exact: Exact): Promise<Value["value"]> {
  try {
    return plain((await exact(name))(row));
  } catch {
    return other ? told(other, null, row, exact) : null;
  }
}

function plain(value: unknown): Value["value"] {
  if (value instanceof Date) return value.toISOString().replace(".000Z", "Z");
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  return typeof value === "string" || typeof value === "boolean" ? value : null;
}
