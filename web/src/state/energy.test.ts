import { describe, expect, it } from "vitest";
import { hourOf } from "./energy.svelte";

describe("the hour of a load", () => {
  it("stands for the middle of its hour, and runs into the next one", () => {
    expect(hourOf("2025-01-15", 30)).toEqual({ month: 1, hour: 0, next: 1, share: 0 });
    expect(hourOf("2025-07-01", 12 * 60)).toEqual({ month: 7, hour: 11, next: 12, share: 0.5 });
  });
  it("goes round at midnight", () => {
    expect(hourOf("2025-12-31", 0)).toEqual({ month: 12, hour: 23, next: 0, share: 0.5 });
    expect(hourOf("2025-12-31", 24 * 60 - 15)).toMatchObject({ hour: 23, next: 0, share: 0.25 });
  });
});
