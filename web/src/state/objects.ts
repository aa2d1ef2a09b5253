/** An object as a reader reads it: its title, and its values in a sensible order. */

import type { ObjectRecord, Value } from "../api/types";
import type { Translator } from "../i18n/translator";
import type { GroupName, Layer } from "../layers/layer";

export interface Line {
  column: string;
  name: string;
  text: string;
  value: Value;
}

export interface Section {
  group: GroupName | null;
  lines: Line[];
}

export interface ObjectText {
  title: string;
  /** Its number, where that is not the title. */
  number: string;
  kind: string;
  sections: Section[];
  /** Names of the columns without a value. */
  unknown: string[];
}

/** One value in the writing of the reader's language. */
export function valueText(t: Translator, table: string, column: string, { value, kind, unit }: Value): string {
  if (value === null) return "–";
  switch (kind) {
    case "boolean":
      return value ? t.texts.legend.yes : t.texts.legend.no;
    case "category":
    case "string":
      return t.category(table, column, String(value));
    case "integer":
      return column.startsWith("year") || column.endsWith("_id")
        ? t.plainNumber(Number(value))
        : t.quantity(Number(value), unit, 0);
    case "float":
      return t.quantity(Number(value), unit);
    default:
      return String(value);
  }
}

export function objectText(t: Translator, layer: Layer | undefined, record: ObjectRecord): ObjectText {
  const { table, columns } = record;
  const line = (column: string): Line => ({
    column,
    name: t.column(table, column),
    text: valueText(t, table, column, columns[column]),
    value: columns[column],
  });
  const known = new Set(Object.keys(columns).filter((column) => columns[column].value !== null));
  const name = columns.name?.value;
  const kind = layer?.kind && known.has(layer.kind) ? valueText(t, table, layer.kind, columns[layer.kind]) : "";
  const named = known.delete("name");
  const number = t.fill(t.texts.inspector.id, { id: t.plainNumber(record.id) });
  const sections: Section[] = (layer?.groups ?? []).map(({ group, columns: wanted }) => ({
    group,
    lines: wanted.filter((column) => known.delete(column)).map(line),
  }));
  const [references, others] = [...known].reduce<[string[], string[]]>(
    ([ids, rest], column) => (column.endsWith("_id") ? [[...ids, column], rest] : [ids, [...rest, column]]),
    [[], []],
  );
  sections.push({ group: null, lines: [...others, ...references].map(line) });
  return {
    title: named ? String(name) : number,
    number: named ? number : "",
    kind,
    sections: sections.filter(({ lines }) => lines.length > 0),
    unknown: Object.keys(columns)
      .filter((column) => columns[column].value === null)
      .map((column) => t.column(table, column)),
  };
}
