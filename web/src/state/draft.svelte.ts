/** A scenario while it is being written: its changes, the way back, and the pen that draws on the map. */

import * as api from "../api/scenarios";
import { ServerGone } from "../api/problems";
import type { ProblemFacts, ScenarioFacts } from "../api/scenarios";
import { valueAt } from "../api/types";
import type { Pick, Point } from "../engine/contract";
import type { Language } from "../i18n/language";
import {
  changeOf,
  draftOf,
  EVERYTHING,
  fresh,
  lackOf,
  nameFor,
  scenarioOf,
  STOREY_M,
  type ChangeDraft,
  type CloseRoad,
  type Drawing,
} from "./changes";
import type { Pane } from "./pane.svelte";
import { problemsIn } from "./scenarios.svelte";
import { outline, snapped, type Corner } from "./sketch";

/** A click this near to the first corner closes the area [pixels]. */
const CLOSE_PX = 12;

type Titles = Record<Language, string>;
const same = (text: string): Titles => ({ vi: text, fr: text, en: text });

export class Draft {
  title = $state("");
  base = $state<string | null>(null);
  year = $state<number | null>(null);
  changes = $state.raw<readonly ChangeDraft[]>([]);
  /** The change whose form is open. */
  at = $state<number | null>(null);
  /** Clicks on the map go to the open change. */
  drawing = $state(false);
  wholeStreet = $state(false);
  saving = $state(false);
  problems = $state.raw<readonly ProblemFacts[]>([]);
  failure = $state<"gone" | "failed" | null>(null);
  pointer = $state.raw<Corner | null>(null);

  #steps = $state.raw<readonly (readonly ChangeDraft[])[]>([]);
  #first = "";

  readonly open = $derived(this.at === null ? null : (this.changes[this.at] ?? null));
  readonly lacks = $derived(this.changes.map(lackOf));
  readonly isWhole = $derived(
    this.title.trim() !== "" && this.changes.length > 0 && this.lacks.every((lack) => lack === null),
  );
  readonly canUndo = $derived(this.#steps.length > 0);
  readonly isDirty = $derived(this.#steps.length > 0 || this.title !== this.#first);

  #titles: Titles = same("");
  #models: ScenarioFacts["models"] = {};

  constructor(
    readonly pane: Pane,
    readonly language: Language,
    /** Name of the scenario that is written anew; null for a new one. */
    readonly name: string | null = null,
    from: ScenarioFacts | null = null,
  ) {
    if (!from) return;
    this.base = from.base;
    this.year = from.year;
    this.#titles = from.title;
    this.title = this.#first = from.title[language];
    this.#models = from.models;
    this.changes = from.change.map((entry, i) =>
      draftOf(
        entry as api.ChangeEntry,
        { vi: from.changes.vi[i] ?? "", fr: from.changes.fr[i] ?? "", en: from.changes.en[i] ?? "" },
        this.origin,
      ),
    );
    void this.#nameLinks();
  }

  get origin(): Corner {
    return this.pane.scene?.origin ?? [0, 0];
  }

  /** Problems of one change, or of the whole where `index` is null. */
  problemsOf(index: number | null): ProblemFacts[] {
    const kinds = this.changes.map((change) => (change.kind === "other" ? change.entry.kind : change.kind));
    return this.problems.filter((problem) => changeOf(problem, kinds) === index);
  }

  add(kind: Drawing): void {
    this.#step([...this.changes, fresh(kind)]);
    this.show(this.changes.length - 1, true);
  }

  remove(index: number): void {
    this.show(null);
    this.#step(this.changes.toSpliced(index, 1));
  }

  /** Change the form that is open. */
  change(next: ChangeDraft): void {
    if (this.at !== null) this.#step(this.changes.with(this.at, next));
  }

  undo(): void {
    const last = this.#steps.at(-1);
    if (!last) return;
    this.#steps = this.#steps.slice(0, -1);
    this.changes = last;
    if (this.at !== null && this.at >= last.length) this.show(null);
    this.problems = [];
  }

  show(index: number | null, drawing = false): void {
    this.at = index;
    this.draw(drawing && index !== null && this.changes[index].kind !== "other");
  }

  draw(on: boolean): void {
    this.drawing = on;
    this.pointer = null;
  }

  #step(changes: readonly ChangeDraft[]): void {
    this.#steps = [...this.#steps, this.changes];
    this.changes = changes;
    this.problems = [];
  }

  // The pen.

  /** A place on the ground was pointed at. */
  point(point: Point, how: "move" | "click" | "double"): void {
    const change = this.open;
    if (!this.drawing || !change || !("ring" in change)) return;
    const corner = snapped(point, this.origin);
    if (how === "move") {
      this.pointer = corner;
      return;
    }
    const { ring } = change;
    if (ring.length > 2 && (how === "double" || this.#isNearFirst(ring[0], point))) {
      this.draw(false);
      return;
    }
    const last = ring.at(-1);
    if (!last || last[0] !== corner[0] || last[1] !== corner[1]) this.change({ ...change, ring: [...ring, corner] });
  }

  #isNearFirst([x, y]: Corner, point: Point): boolean {
    const { engine } = this.pane;
    const [first, here] = [engine?.project([x, y, engine.groundAt(x, y) ?? point[2]]), engine?.project(point)];
    return Boolean(first && here && Math.hypot(first[0] - here[0], first[1] - here[1]) < CLOSE_PX);
  }

  /** Something was clicked: a road is taken, or left out again. */
  async pick(pick: Pick | null): Promise<void> {
    const found = this.pane.picked(pick);
    if (found?.layer.table === "links") await this.takeLink(found.row);
  }

  async takeLink(row: number): Promise<void> {
    const { source } = this.pane;
    if (!source || this.open?.kind !== "close_links") return;
    const [ids, names] = await Promise.all([source.ids("links"), source.column("links", "name").catch(() => null)]);
    const change = this.open; // asked again: the form may have closed meanwhile
    const id = valueAt(ids, row);
    if (change?.kind !== "close_links" || typeof id !== "number") return;
    const links = new Map(change.links);
    const name = names ? String(valueAt(names, row) ?? "") : "";
    const rows = this.wholeStreet && name && names ? rowsOf(names.codes, names.codes[row]) : [row];
    const removes = links.has(id);
    for (const one of rows) {
      const key = Number(valueAt(ids, one));
      if (removes) links.delete(key);
      else links.set(key, name);
    }
    // A whole street is written by its name, as long as nothing is added to it or left out.
    const street = rows.length > 1 && !removes && change.links.size === 0 && name !== EVERYTHING ? name : "";
    this.change({ ...change, links, street });
  }

  /** Take the last corner away. */
  back(): void {
    const change = this.open;
    if (change && "ring" in change && change.ring.length) this.change({ ...change, ring: change.ring.slice(0, -1) });
  }

  /** What the keyboard points at: the middle of the view. */
  async takeMiddle(): Promise<void> {
    const { engine } = this.pane;
    if (!engine || !this.drawing || !this.open) return;
    if (this.open.kind === "close_links") {
      const { left, top, width, height } = engine.element.getBoundingClientRect();
      await this.pick(engine.pick(left + width / 2, top + height / 2));
    } else this.point(engine.camera().target, "click");
  }

  /** Lines on the map: what is being drawn first, then the areas of the other changes. */
  sketch(): Point[][] {
    const ground = (x: number, y: number): number => this.pane.engine?.groundAt(x, y) ?? 0;
    const lines = this.changes.map((change, i) => {
      if (!("ring" in change)) return [];
      const height_m = change.kind === "add_buildings" ? change.storeys * STOREY_M : 0;
      const pointer = this.drawing && i === this.at ? this.pointer : null;
      return outline(change.ring, ground, { pointer, height_m });
    });
    const first = this.at === null ? [] : lines.splice(this.at, 1).flat();
    const others = lines.flat();
    return first.length || !others.length ? [...first, ...others] : [[], ...others];
  }

  /** Roads that are to be closed, by their rows: of the open change, else of all. */
  async marked(): Promise<Set<number> | null> {
    const closing = this.changes.filter((change): change is CloseRoad => change.kind === "close_links");
    const wanted = new Set(closing.flatMap(({ links }) => [...links.keys()]));
    if (!closing.length || !this.pane.source) return null;
    const ids = await this.pane.source.ids("links");
    const rows = new Set<number>();
    for (let row = 0; row < ids.codes.length; row++) {
      if (wanted.has(ids.minimum + (ids.codes[row] - 1) * ids.step)) rows.add(row);
    }
    return rows;
  }

  /** Names of roads that were chosen in an earlier sitting. */
  async #nameLinks(): Promise<void> {
    const { source } = this.pane;
    if (!source || !this.changes.some(({ kind }) => kind === "close_links")) return;
    const [ids, names] = await Promise.all([source.ids("links"), source.column("links", "name")]).catch(() => [
      null,
      null,
    ]);
    if (!ids || !names) return;
    const nameOf = new Map<number, string>();
    const idsOf = new Map<string, number[]>();
    for (let row = 0; row < ids.codes.length; row++) {
      const name = valueAt(names, row);
      if (!name) continue;
      const [id, key] = [Number(valueAt(ids, row)), String(name).toLowerCase()];
      nameOf.set(id, String(name));
      const known = idsOf.get(key);
      if (known) known.push(id);
      else idsOf.set(key, [id]);
    }
    this.changes = this.changes.map((change) =>
      change.kind === "close_links"
        ? {
            ...change,
            links: new Map(
              [...(idsOf.get(change.street.toLowerCase()) ?? change.links.keys())].map((id) => [
                id,
                nameOf.get(id) ?? "",
              ]),
            ),
          }
        : change,
    );
  }

  /** Send it; its name where the server took it. */
  async save(taken: ReadonlySet<string>): Promise<string | null> {
    const title = this.title.trim();
    const name = this.name ?? nameFor(title, taken);
    // Translations that somebody wrote stay; copies of the old title follow it.
    const old = this.#first;
    const titles = Object.fromEntries(
      (Object.entries(this.#titles) as [Language, string][]).map(([language, text]) => [
        language,
        language === this.language || text === old ? title : text,
      ]),
    ) as Titles;
    const { base, year } = this;
    this.saving = true;
    this.failure = null;
    this.draw(false);
    try {
      await api.write(scenarioOf({ name, title: titles, base, year, models: this.#models }, this.changes, this.origin));
      this.problems = [];
      return name;
    } catch (error) {
      this.problems = problemsIn(error) ?? [];
      if (!this.problems.length) this.failure = error instanceof ServerGone ? "gone" : "failed";
      return null;
    } finally {
      this.saving = false;
    }
  }
}

/** Rows with the same code. */
function rowsOf(codes: ArrayLike<number>, code: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < codes.length; row++) if (codes[row] === code) rows.push(row);
  return rows;
}
