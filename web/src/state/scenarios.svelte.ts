/** The scenarios of the study: what there is, what runs, what is being written. */

import * as api from "../api/scenarios";
import { isAlone } from "../api/bytes";
import { ServerGone, WrongAnswer } from "../api/problems";
import type { ProblemFacts, ScenarioFacts } from "../api/scenarios";
import { lineage } from "./changes";
import type { Draft } from "./draft.svelte";
import { after, begun, type Running } from "./running";

export const TODAY = "today";

/** What the server says is wrong; null where it is something else that broke. */
export function problemsIn(error: unknown): readonly ProblemFacts[] | null {
  return error instanceof WrongAnswer && error.problems.length > 0 ? error.problems : null;
}

export class Scenarios {
  list = $state.raw<readonly ScenarioFacts[]>([]);
  /** Files that break rules; the others are offered all the same. */
  problems = $state.raw<readonly ProblemFacts[]>([]);
  stage = $state<"loading" | "ready" | "failed">("loading");
  running = $state.raw<Running | null>(null);
  /** Why the last wish was not granted. */
  refused = $state.raw<readonly ProblemFacts[] | "gone" | "failed" | null>(null);
  draft = $state.raw<Draft | null>(null);
  /** Simulations made on request that the next run makes, too. */
  also = $state<string[]>([]);

  /** A page that carries its files inside has nobody to write to or to work for it. */
  readonly canWork = !isAlone();
  /** Scenario to show once it was run. */
  awaited: string | null = null;
  readonly isRunning = $derived(this.running?.state === "running");

  #deaf: (() => void) | null = null;

  /** @param onchange Told when cities may have changed: something was run, or removed. */
  constructor(private readonly onchange: (ran: readonly string[]) => void) {}

  async load(): Promise<void> {
    try {
      const { scenarios, problems } = await api.scenarios();
      this.list = scenarios;
      this.problems = problems;
      this.stage = "ready";
    } catch {
      if (this.stage === "loading") this.stage = "failed";
    }
  }

  /** Read what there is, and follow a run that goes on already. */
  async open(): Promise<void> {
    await this.load();
    const going = await api.running().catch(() => null);
    if (going) this.#follow(begun(going));
  }

  find(name: string): ScenarioFacts | undefined {
    return this.list.find((scenario) => scenario.name === name);
  }

  /** Those whose results are not there, or not of what is written now. */
  readonly stale = $derived(this.list.filter(({ state }) => state !== "up to date").map(({ name }) => name));

  /** What the last run found wrong with a scenario. */
  problemsOf(name: string): ProblemFacts[] {
    const { scenarios = [], problems = [] } = this.running ?? {};
    const alone = scenarios.filter((one) => one !== TODAY).length === 1 && scenarios.includes(name);
    return problems.filter(({ file }) => alone || [`${name}.toml,`, `${name},`].some((own) => file.includes(own)));
  }

  /** Run scenarios, and what they are compared with: today and the scenarios they rest on. */
  async run(names: readonly string[]): Promise<void> {
    this.refused = null;
    const wanted = new Set([TODAY, ...names.flatMap((name) => lineage(name, this.list))]);
    try {
      this.#follow(begun(await api.run([...wanted], this.also)));
    } catch (error) {
      const going = await api.running().catch(() => null);
      if (going) this.#follow(begun(going));
      else this.#refuse(error);
    }
  }

  async cancel(): Promise<void> {
    if (this.running) await api.cancel(this.running.id).catch((error: unknown) => this.#refuse(error));
  }

  async remove(name: string): Promise<void> {
    this.refused = null;
    try {
      await api.remove(name);
    } catch (error) {
      this.#refuse(error);
    }
    await this.load();
    this.onchange([]);
  }

  /** Take the report of the last run away. */
  dismiss(): void {
    if (!this.isRunning) this.running = null;
    this.refused = null;
  }

  #refuse(error: unknown): void {
    this.refused = problemsIn(error) ?? (error instanceof ServerGone ? "gone" : "failed");
  }

  #follow(run: Running): void {
    this.#deaf?.();
    this.running = run;
    this.#deaf = api.follow(
      run.id,
      (event) => {
        if (this.running?.id !== run.id) return;
        this.running = after(this.running, event);
        if (this.running.state !== "running") void this.#ended(this.running.scenarios);
      },
      () => {
        if (this.running?.id === run.id) this.running = { ...this.running, state: "lost" };
      },
    );
  }

  async #ended(names: readonly string[]): Promise<void> {
    await this.load();
    this.onchange(names);
  }

  close(): void {
    this.#deaf?.();
  }
}
