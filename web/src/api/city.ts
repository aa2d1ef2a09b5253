/** One city on the server: its scene, its tables, its objects. Columns are fetched once and kept. */

import type { Files, Scene } from "../engine/contract";
import { bytes, isAlone, json } from "./bytes";
import { decodeColumns } from "./columns";
import { NotFound } from "./problems";
import { sceneFiles, scenePath } from "./scene";
import { decodeExact, recordOf } from "./records";
import type { Catalogue, Column, NumberColumn, ObjectRecord, Study } from "./types";

export const study = (signal?: AbortSignal): Promise<Study> => json<Study>("api/study", signal);

/** A name of the city that can be searched for. */
export interface Named {
  name: string;
  kind: string;
  point: [number, number, number];
  /** Rows of the table that the kind belongs to. */
  rows: number[];
}

interface NamesFile {
  kinds: string[];
  names: [name: string, kind: number, x: number, y: number, z: number, rows: number[]][];
}

export class CitySource {
  #columns = new Map<string, Promise<Column>>();
  #catalogue: Promise<Catalogue> | null = null;
  #names: Promise<Named[]> | null = null;

  constructor(
    readonly id: string,
    readonly key: string,
  ) {
    this.files = sceneFiles(key);
  }

  scene = (signal?: AbortSignal): Promise<Scene> => json<Scene>(scenePath(this.key, "scene.json"), signal);

  /** Files of the scene, for the engine. */
  readonly files: Files;

  catalogue(): Promise<Catalogue> {
    this.#catalogue ??= this.#kept(json<Catalogue>(`api/cities/${this.key}/tables`), () => (this.#catalogue = null));
    return this.#catalogue;
  }

  column(table: string, name: string): Promise<Column> {
    const key = `${table}.${name}`;
    let column = this.#columns.get(key);
    if (!column) {
      column = this.#kept(this.#fetchColumn(table, name), () => this.#columns.delete(key));
      this.#columns.set(key, column);
    }
    return column;
  }

  /** Identifiers of the rows of a table. */
  async ids(table: string): Promise<NumberColumn> {
    const { tables } = await this.catalogue();
    const column = await this.column(table, tables[table].id);
    if (column.type !== "number") throw new NotFound(`${table} ids`);
    return column;
  }

  record = (table: string, id: number, signal?: AbortSignal): Promise<ObjectRecord> =>
    isAlone()
      ? this.#recordInside(table, id)
      : json<ObjectRecord>(`api/cities/${this.key}/tables/${table}/${id}`, signal);

  /** The same from the columns that the page carries. */
  async #recordInside(table: string, id: number): Promise<ObjectRecord> {
    const ids = await this.ids(table);
    const row = ids.codes.indexOf((id - ids.minimum) / ids.step + 1);
    if (row < 0) throw new NotFound(`${table} ${id}`);
    const { tables } = await this.catalogue();
    return recordOf(table, tables[table], id, row, async (name) => {
      const path = `api/cities/${this.key}/tables/${table}?columns=${encodeURIComponent(name)}`;
      return decodeExact(await bytes(path));
    });
  }

  names(file: string): Promise<Named[]> {
    this.#names ??= this.#kept(this.#fetchNames(file), () => (this.#names = null));
    return this.#names;
  }

  async #fetchColumn(table: string, name: string): Promise<Column> {
    const path = `api/cities/${this.key}/tables/${table}?columns=${encodeURIComponent(name)}&encoding=quantised`;
    const column = decodeColumns(await bytes(path)).get(name);
    if (!column) throw new NotFound(path);
    return column;
  }

  async #fetchNames(file: string): Promise<Named[]> {
    const found = JSON.parse(new TextDecoder().decode(await this.files.read(file))) as NamesFile;
    return found.names.map(([name, kind, x, y, z, rows]) => ({
      name,
      kind: found.kinds[kind],
      point: [x, y, z],
      rows,
    }));
  }

  /** A promise to keep, forgotten when it fails, so that the next reader tries again. */
  #kept<T>(promise: Promise<T>, forget: () => void): Promise<T> {
    promise.catch(forget);
    return promise;
  }
}
