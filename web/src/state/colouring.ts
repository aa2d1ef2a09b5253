/** Colours of a layer as the reader chose them. */

import type { CitySource } from "../api/city";
import { fetchDifference } from "../api/scenarios";
import type { ColumnFacts, Status } from "../api/types";
import { differenceScale } from "../scales/difference";
import { scaleOf, type Coloured, type ScaleOptions } from "../scales/scale";
import { confidenceScale, oneStatusScale, statusScale } from "../scales/trust";
import type { ColourChoice } from "./address";

/** Whether the values of a column say of each other how sure they are. */
export function hasMethods(facts: ColumnFacts): boolean {
  return facts.methods.length > 0;
}

/** A city whose column shares the scale. */
export interface Beside {
  source: CitySource;
  facts: (table: string, column: string) => ColumnFacts | undefined;
}

/** What holds for the values of two cities together, so that one scale fits both. */
export function together(one: ColumnFacts, other: ColumnFacts | undefined): ColumnFacts {
  if (!other || other.kind !== one.kind) return one;
  const pick = (choose: (...values: number[]) => number, a: number | null, b: number | null): number | null =>
    a === null ? b : b === null ? a : choose(a, b);
  const quantiles =
    one.quantiles.length === other.quantiles.length
      ? one.quantiles.map((value, i) => (value + other.quantiles[i]) / 2)
      : one.quantiles.length
        ? one.quantiles
        : other.quantiles;
  return {
    ...one,
    minimum: pick(Math.min, one.minimum, other.minimum),
    maximum: pick(Math.max, one.maximum, other.maximum),
    quantiles,
  };
}

export async function colourLayer(
  source: CitySource,
  table: string,
  choice: ColourChoice,
  facts: ColumnFacts,
  options: ScaleOptions,
  pair: { shown: string; reference: string } | null = null,
): Promise<Coloured> {
  const { column } = choice;
  if (choice.aspect === "difference" && pair) {
    return differenceScale(await fetchDifference(pair.shown, pair.reference, table, column), options, facts.kind);
  }
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
