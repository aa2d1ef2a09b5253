/** What a reader chose for the whole page, kept in this browser: language, theme, contrast. */

import { isLanguage, preferredLanguage, type Language } from "../i18n/language";
import { Translator } from "../i18n/translator";
import type { Theme } from "../engine/contract";
import { read, write } from "./storage";
import type { ThemeChoice } from "./address";

interface Stored {
  language?: string;
  theme?: ThemeChoice;
  contrast?: boolean;
}

const KEY = "dothi.settings";

export class Settings {
  language = $state<Language>("en");
  theme = $state<ThemeChoice>("system");
  contrast = $state(false);
  #systemDark = $state(false);

  readonly t = $derived(new Translator(this.language));
  readonly shownTheme: Theme = $derived(this.theme === "system" ? (this.#systemDark ? "dark" : "light") : this.theme);
  /** Chosen by the reader, and so worth a place in the address. */
  languageChosen = $state(false);

  constructor() {
    const stored = read<Stored>(KEY) ?? {};
    this.languageChosen = isLanguage(stored.language);
    this.language = isLanguage(stored.language) ? stored.language : preferredLanguage(navigator.languages);
    this.theme = stored.theme === "light" || stored.theme === "dark" ? stored.theme : "system";
    const more = matchMedia("(prefers-contrast: more)");
    this.contrast = stored.contrast ?? more.matches;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    this.#systemDark = dark.matches;
    dark.addEventListener("change", () => (this.#systemDark = dark.matches));
  }

  setLanguage(language: Language): void {
    this.language = language;
    this.languageChosen = true;
    this.#keep();
  }

  setTheme(theme: ThemeChoice): void {
    this.theme = theme;
    this.#keep();
  }

  setContrast(on: boolean): void {
    this.contrast = on;
    this.#keep();
  }

  #keep(): void {
    write(KEY, {
      language: this.languageChosen ? this.language : undefined,
      theme: this.theme,
      contrast: this.contrast,
    } satisfies Stored);
  }
}
