/** Colours of a layer as the reader chose them. */

import type { CitySource } from "../api/city";
import type { ColumnFacts, Status } from "../api/types";
import { scaleOf, type Coloured, type ScaleOptions } from "../scales/scale";
import { confidenceScale, oneStatusScale, statusScale } from "../scales/trust";
import type { ColourChoice } from "./address";

/** Whether the values of a column say of each other how sure they are. */
export function hasMethods(facts: ColumnFacts): boolean {
  return facts.methods.length > 0;
}

export async function colourLayer(
  source: CitySource,
  table: string,
  choice: ColourChoice,
  facts: ColumnFacts,
  options: ScaleOptions,
): Promise<Coloured> {
  const { column } = choice;
  if (choice.aspect === "confidence" && facts.confidence !== null) {
    const values = await source.column(table, `${column}_confidence`);
    if (values.type === "number") return confidenceScale(values, options);
  }
  if (choice.aspect === "status") {
    if (hasMethods(facts)) {
      const method = await source.column(table, `${column}_method`);
      if (method.type === "text") return statusScale(method, facts, options);
    }
    const [status] = Object.keys(facts.statuses) as Status[];
    const values = await source.column(table, column);
    return oneStatusScale(values.codes, status ?? "estimated", options);
  }
  return scaleOf(await source.column(table, column), facts, table, column, options);
}
