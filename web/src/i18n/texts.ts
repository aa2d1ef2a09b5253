/** The two forms a text of the interface has, and how their gaps are filled. */

import type { Language } from "./language";

/** A text by number, in the plural classes of CLDR; `other` stands for those a language does not tell apart. */
export interface Plural {
  one?: string;
  many?: string;
  other: string;
}

/** Dictionary of the same keys with any wording. */
export type Shape<T> = T extends string
  ? string
  : T extends { other: string }
    ? Plural
    : { readonly [Key in keyof T]: Shape<T[Key]> };

/** Put values in place of `{name}`; a gap without a value stays, so that a mistake is seen. */
export function fill(text: string, values: Record<string, string>): string {
  return text.replace(/\{(\w+)\}/g, (gap, name: string) => values[name] ?? gap);
}

const rules = new Map<Language, Intl.PluralRules>();

/** The form of a text that a number asks for. */
export function plural(language: Language, forms: Plural, n: number): string {
  let rule = rules.get(language);
  if (!rule) rules.set(language, (rule = new Intl.PluralRules(language)));
  const form = rule.select(n) as keyof Plural;
  return forms[form] ?? forms.other;
}
