/** Views with a name, kept in this browser for one study. */

import { read, write } from "./storage";

export interface SavedView {
  name: string;
  /** What follows `#` in its address. */
  hash: string;
}

export class SavedViews {
  list = $state.raw<SavedView[]>([]);
  #key: string;

  constructor(study: string) {
    this.#key = `dothi.views.${study}`;
    const kept = read<SavedView[]>(this.#key);
    this.list = Array.isArray(kept)
      ? kept.filter((view) => typeof view?.name === "string" && typeof view.hash === "string")
      : [];
  }

  add(view: SavedView): void {
    this.#set([...this.list.filter(({ name }) => name !== view.name), view]);
  }

  remove(name: string): void {
    this.#set(this.list.filter((view) => view.name !== name));
  }

  #set(list: SavedView[]): void {
    this.list = list;
    write(this.#key, list);
  }
}
