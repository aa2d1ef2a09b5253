/** Everything a component needs to speak one language. */

import { en, type Texts } from "./en";
import { fr } from "./fr";
import type { Language } from "./language";
import * as numbers from "./numbers";
import { fill, plural, type Plural } from "./texts";
import { vi } from "./vi";
import * as words from "./words";

const TEXTS: Record<Language, Texts> = { en, fr, vi };

export class Translator {
  readonly texts: Texts;

  constructor(readonly language: Language) {
    this.texts = TEXTS[language];
  }

  /** Text with its gaps filled. */
  fill = (text: string, values: Record<string, string>): string => fill(text, values);

  /** Text for a number of things; `{n}` is the number. */
  count = (forms: Plural, n: number, values: Record<string, string> = {}): string =>
    fill(plural(this.language, forms, n), { n: this.number(n, 0), ...values });

  number = (value: number, decimals?: number): string => numbers.number(this.language, value, decimals);
  plainNumber = (value: number): string => numbers.plainNumber(this.language, value);
  percent = (share: number, decimals?: number): string => numbers.percent(this.language, share, decimals);
  quantity = (value: number, unit: string, decimals?: number): string =>
    numbers.quantity(this.language, value, unit, decimals);
  length = (metres: number): string => numbers.length(this.language, metres);
  months = (style?: "long" | "narrow"): string[] => numbers.months(this.language, style);
  day = (date: string, style?: "long" | "short"): string => numbers.day(this.language, date, style);

  table = (table: string, number: "one" | "many" = "many"): string => words.tableWord(this.language, table, number);
  column = (table: string, column: string): string => words.columnWord(this.language, table, column);
  /** Name of a column inside a sentence. */
  columnWithin = (table: string, column: string): string => {
    const name = this.column(table, column);
    return name.charAt(0).toLocaleLowerCase(this.language) + name.slice(1);
  };
  note = (table: string, column: string): string => words.columnNote(this.language, table, column);
  category = (table: string, column: string, value: string): string =>
    words.categoryWord(this.language, table, column, value);
  status = (status: string): string => words.statusWord(this.language, status);
  statusNote = (status: string): string => words.statusNote(this.language, status);
  method = (method: string): string => words.methodWord(this.language, method);
}
