/** Languages of the application, and which one a reader meets first. */

export const LANGUAGES = ["vi", "fr", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each language by its own name, so that a reader finds it whatever stands around it. */
export const LANGUAGE_NAMES: Record<Language, string> = { vi: "Tiếng Việt", fr: "Français", en: "English" };

export function isLanguage(text: string | null | undefined): text is Language {
  return LANGUAGES.some((language) => language === text);
}

/** First language of the browser that the application speaks, else English. */
export function preferredLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const language = tag.toLowerCase().split("-")[0];
    if (isLanguage(language)) return language;
  }
  return "en";
}
