/** Scenarios on the server: how they are written, run and compared. */

import { bytes, isAlone, json, send } from "./bytes";
import { decodeTable } from "./columns";
import { NotFound } from "./problems";
import type { ComparisonFacts, RunEvent, RunFacts, RunList, ScenarioFacts, ScenarioList } from "./schema";
import type { Column, NumberColumn, TextColumn } from "./types";

export type { AreaFacts, CellFacts, IndicatorFacts, ProblemFacts, RunEvent, RunFacts } from "./schema";
export type { ComparisonFacts as Comparison, ScenarioFacts, ScenarioList } from "./schema";

/** What happened in a run; what an event does not need to say is left out of it. */
export type Happening = Pick<RunEvent, "type" | "seconds"> & Partial<RunEvent>;

/** A change as a scenario lists it: its kind, and what that kind needs. */
export type ChangeEntry = { kind: string } & Record<string, unknown>;

/** A scenario as it is sent: the same entries as in its file. */
export interface WrittenScenario {
  name: string;
  title: { vi: string; fr: string; en: string };
  base: string | null;
  year: number | null;
  change: ChangeEntry[];
  models: ScenarioFacts["models"];
}

export const scenarios = (signal?: AbortSignal): Promise<ScenarioList> => json<ScenarioList>("api/scenarios", signal);

/** Write a scenario, in place of the one of its name. */
export const write = (scenario: WrittenScenario): Promise<unknown> => send("POST", "api/scenarios", scenario);

export const remove = (name: string): Promise<unknown> => send("DELETE", `api/scenarios/${encodeURIComponent(name)}`);

/** Run scenarios, with simulations made on request besides all others. */
export const run = (names: readonly string[], also: readonly string[] = []): Promise<RunFacts> =>
  send<RunFacts>("POST", "api/runs", { scenarios: names, also });

export const cancel = (id: string): Promise<unknown> => send("DELETE", `api/runs/${id}`);

/** The run that goes on, also where another page began it. */
export async function running(): Promise<RunFacts | null> {
  if (isAlone()) return null;
  const { runs } = await json<RunList>("api/runs");
  return runs.find(({ state }) => state === "running") ?? null;
}

const HAPPENINGS = ["begin", "start", "done", "finished", "failed", "cancelled"] as const;

/**
 * Follow a run from its beginning; a broken connection is mended by the browser, which says how far it has heard.
 *
 * @returns ends the listening
 */
export function follow(id: string, hear: (event: Happening) => void, lost: () => void): () => void {
  const source = new EventSource(`api/runs/${id}/events`);
  for (const type of HAPPENINGS) {
    source.addEventListener(type, (event) => {
      const happening = JSON.parse((event as MessageEvent<string>).data) as Happening;
      if (type === "finished" || type === "failed" || type === "cancelled") source.close();
      hear(happening);
    });
  }
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) lost(); // else the browser tries again by itself
  });
  return () => source.close();
}

/** Indicators of scenarios beside the first one, for the city and every ward. */
export const comparison = (names: readonly string[], signal?: AbortSignal): Promise<ComparisonFacts> =>
  json<ComparisonFacts>(`api/compare?scenarios=${names.map(encodeURIComponent).join(",")}&by=ward`, signal);

/** A column of one city less that of another, in the rows of the first. */
export interface Difference {
  values: Column;
  /** Whether the other city lacks the object. */
  only: TextColumn | null;
  /** Objects that only the other city has. */
  absent: number;
}

export interface DifferenceSource {
  difference(table: string, column: string): Promise<Difference>;
}

/** Differences as the server tells them: what the second city has, less what the first has. */
export async function fetchDifference(a: string, b: string, table: string, column: string): Promise<Difference> {
  const names = [a, b, table, column].map(encodeURIComponent);
  const path = `api/compare/difference?a=${names[0]}&b=${names[1]}&table=${names[2]}&column=${names[3]}`;
  const { columns, facts } = decodeTable(await bytes(path));
  const values = columns.get("difference");
  const only = columns.get("only_in_a");
  if (!values) throw new NotFound(path);
  return {
    values: values.type === "number" ? negated(values) : turned(values),
    only: only?.type === "text" ? only : null,
    absent: (JSON.parse(facts.get("only_in_b") ?? "[]") as unknown[]).length,
  };
}

/** The other way round: codes count down instead of up. */
export function negated(column: NumberColumn): NumberColumn {
  return { ...column, minimum: -column.minimum, step: -column.step };
}

export const ARROW = " → ";

/** `old → new` as `new → old`. */
export function turned(column: TextColumn): TextColumn {
  return { ...column, categories: column.categories.map((text) => text.split(ARROW).reverse().join(ARROW)) };
}
