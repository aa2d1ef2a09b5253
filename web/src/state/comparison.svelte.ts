/** What the city on the screen is held against: another scenario, beside it or as a difference. */

import * as api from "../api/scenarios";
import type { Comparison as Facts, ProblemFacts } from "../api/scenarios";
import { ServerGone } from "../api/problems";
import { problemsIn } from "./scenarios.svelte";

export class Comparison {
  facts = $state.raw<Facts | null>(null);
  problems = $state.raw<readonly ProblemFacts[]>([]);
  stage = $state<"idle" | "loading" | "ready" | "gone" | "failed">("idle");
  /** Ward looked at; the whole city where empty. */
  area = $state("");
  /** Leave out what is the same in both. */
  onlyChanged = $state(true);
  /** Indicator whose wards are listed. */
  open = $state<string | null>(null);

  #pair = "";

  /** Compare two scenarios; `version` says of what data, so that a new run is read anew. */
  async read(reference: string, shown: string, version: string): Promise<void> {
    const pair = `${reference},${shown},${version}`;
    if (pair === this.#pair && this.stage === "ready") return;
    this.#pair = pair;
    this.stage = "loading";
    this.problems = [];
    try {
      const facts = await api.comparison([reference, shown]);
      if (this.#pair !== pair) return;
      this.facts = facts;
      if (!facts.areas.some(({ name }) => name === this.area)) this.area = "";
      this.stage = "ready";
    } catch (error) {
      if (this.#pair !== pair) return;
      this.facts = null;
      this.problems = problemsIn(error) ?? [];
      this.stage = error instanceof ServerGone ? "gone" : "failed";
    }
  }
}
