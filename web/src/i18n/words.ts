/** Words for what stands in the tables: tables, columns, categories, methods. One file per language, the same keys in each. */

import en from "./words/en.json";
import fr from "./words/fr.json";
import vi from "./words/vi.json";
import type { Language } from "./language";

type Categories = Record<string, string | Record<string, string>>;

interface Words {
  tables: Record<string, { one: string; many: string }>;
  columns: Record<string, string>;
  notes: Record<string, string>;
  statuses: Record<string, string>;
  status_notes: Record<string, string>;
  methods: Record<string, string>;
  categories: Categories;
}

// Each file must have every key of the others: assigning one to the type of another fails where a key is missing.
const french: typeof en = fr;
const vietnamese: typeof en = vi;
const WORDS: Record<Language, Words> = { en, fr: french, vi: vietnamese };

/** A word of the data that nobody translated, made readable. */
const readable = (word: string): string => word.replaceAll("_", " ");

export function tableWord(language: Language, table: string, number: "one" | "many"): string {
  return WORDS[language].tables[table]?.[number] ?? readable(table);
}

/** Name of a column, for this table or for every table that has it. */
export function columnWord(language: Language, table: string, column: string): string {
  const { columns } = WORDS[language];
  return columns[`${table}.${column}`] ?? columns[column] ?? readable(column);
}

/** What a column means, in one sentence; empty where nobody wrote it. */
export function columnNote(language: Language, table: string, column: string): string {
  return WORDS[language].notes[`${table}.${column}`] ?? "";
}

/** Word for a value of a category; texts of the source stay as they are. */
export function categoryWord(language: Language, table: string, column: string, value: string): string {
  const { categories } = WORDS[language];
  let entry = categories[`${table}.${column}`];
  if (typeof entry === "string") entry = categories[entry];
  return (typeof entry === "object" ? entry[value] : undefined) ?? value;
}

/** Values that a category may have, in their order. */
export function choicesOf(table: string, column: string): string[] {
  const { categories } = WORDS.en;
  let entry = categories[`${table}.${column}`];
  if (typeof entry === "string") entry = categories[entry];
  return typeof entry === "object" ? Object.keys(entry) : [];
}

export function statusWord(language: Language, status: string): string {
  return WORDS[language].statuses[status] ?? readable(status);
}

export function statusNote(language: Language, status: string): string {
  return WORDS[language].status_notes[status] ?? "";
}

export function methodWord(language: Language, method: string): string {
  return WORDS[language].methods[method] ?? readable(method);
}
