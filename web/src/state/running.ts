/** How a run of scenarios stands, from what the server tells of it. Pure. */

import type { Happening, ProblemFacts, RunEvent, RunFacts } from "../api/scenarios";

/** One piece of work: the changes of a scenario (`apply`), or one of its simulations. */
export interface Piece {
  scenario: string;
  work: string;
  state: "working" | "made" | "found" | "left out";
  /** How long it took [s]. */
  took: number | null;
  /** Why it was left out, by language. */
  reason: RunEvent["reason"];
}

export interface Running {
  id: string;
  scenarios: readonly string[];
  /** `lost`: the server stopped telling. */
  state: RunFacts["state"] | "lost";
  total: number;
  pieces: readonly Piece[];
  seconds: number;
  problems: readonly ProblemFacts[];
}

export function begun({ id, scenarios }: Pick<RunFacts, "id" | "scenarios">): Running {
  return { id, scenarios, state: "running", total: 0, pieces: [], seconds: 0, problems: [] };
}

export const doneOf = ({ pieces }: Running): number => pieces.filter(({ state }) => state !== "working").length;

/** Share that is done, 0 … 1; null until it is known how much there is. */
export function shareOf(running: Running): number | null {
  if (running.state === "finished") return 1;
  return running.total > 0 ? Math.min(1, doneOf(running) / running.total) : null;
}

export function after(running: Running, event: Happening): Running {
  const told = { ...running, seconds: event.seconds };
  switch (event.type) {
    case "begin":
      return { ...told, total: event.total ?? 0, pieces: [] };
    case "start":
    case "done": {
      const { scenario, work } = event;
      if (!scenario || !work) return told;
      const piece: Piece = {
        scenario,
        work,
        state: event.type === "start" ? "working" : (event.state ?? "made"),
        took: event.took ?? null,
        reason: event.reason ?? null,
      };
      const at = running.pieces.findIndex((one) => one.scenario === scenario && one.work === work);
      return { ...told, pieces: at < 0 ? [...running.pieces, piece] : running.pieces.with(at, piece) };
    }
    default:
      return { ...told, state: event.type, problems: event.problems ?? [] };
  }
}
