import { expect, test } from "vitest";
import { after, begun, doneOf, shareOf } from "./running";

const RUN = begun({ id: "a1", scenarios: ["today", "closed"] });
const start = (scenario: string, work: string) => ({ type: "start", seconds: 0.1, scenario, work }) as const;

test("work that begins and ends is told once, with what became of it", () => {
  let run = after(RUN, { type: "begin", seconds: 0, total: 4 });
  expect(shareOf(RUN)).toBeNull();
  expect(shareOf(run)).toBe(0);
  run = after(run, start("closed", "apply"));
  run = after(run, start("closed", "walk"));
  run = after(run, { type: "done", seconds: 1, scenario: "closed", work: "apply", state: "made", took: 0.9 });
  run = after(run, {
    type: "done",
    seconds: 2,
    scenario: "closed",
    work: "walk",
    state: "left out",
    reason: { vi: "thiếu trạm", fr: "pas d’arrêts", en: "no stops" },
  });
  expect(run.pieces.map(({ work, state, reason }) => [work, state, reason?.en ?? ""])).toEqual([
    ["apply", "made", ""],
    ["walk", "left out", "no stops"],
  ]);
  expect(doneOf(run)).toBe(2);
  expect(shareOf(run)).toBe(0.5);
  expect(shareOf(after(run, { type: "finished", seconds: 3 }))).toBe(1);
});

test("a listener that begins anew hears everything anew, and counts nothing twice", () => {
  const once = after(after(RUN, { type: "begin", seconds: 0, total: 2 }), start("today", "stock"));
  const twice = after(after(once, { type: "begin", seconds: 0, total: 2 }), start("today", "stock"));
  expect(twice).toEqual(once);
});

test("a run that fails says why, and keeps what was done", () => {
  const texts = { vi: "", fr: "", en: "change 1: no such road" };
  const problem = {
    ...{ text: texts.en, texts, rule: "", rules: texts, severity: "error" as const },
    ...{ file: "", table: "", column: "", n_rows: 0, rows: [] },
  };
  const run = after(after(RUN, start("closed", "apply")), { type: "failed", seconds: 1, problems: [problem] });
  expect(run).toMatchObject({ state: "failed", problems: [problem] });
  expect(run.pieces).toHaveLength(1);
});
