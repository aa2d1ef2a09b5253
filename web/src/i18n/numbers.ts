/** Numbers, lengths, angles, dates and times in the writing of a language. */

import type { Language } from "./language";
import { shownUnit } from "./units";

/** No-break narrow space between a number and its unit, as French and SI writing have it. */
const THIN = "\u202f";

const formats = new Map<string, Intl.NumberFormat>();

function format(language: Language, options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const key = language + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.NumberFormat(language, options)));
  return made;
}

/** A minus sign as wide as a plus, not a hyphen. */
const minus = (text: string): string => text.replace("-", "−");

/** Decimals that three or so significant digits of a value need; whole from 100 upwards. */
export function decimalsOf(value: number): number {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return 0;
  if (size >= 10) return 1;
  if (size >= 1) return 2;
  return Math.min(6, 2 - Math.floor(Math.log10(size)));
}

export function number(language: Language, value: number, decimals = decimalsOf(value)): string {
  return minus(format(language, { maximumFractionDigits: decimals }).format(value));
}

/** A year or another number that is a name: without groups. */
export function plainNumber(language: Language, value: number): string {
  return format(language, { useGrouping: false, maximumFractionDigits: 0 }).format(value);
}

export function percent(language: Language, share: number, decimals = 0): string {
  return minus(format(language, { style: "percent", maximumFractionDigits: decimals }).format(share));
}

/** Number with the unit in which a reader expects it. */
export function quantity(language: Language, value: number, unit: string, decimals?: number): string {
  const shown = shownUnit(unit, language);
  const text = number(language, value * shown.factor, decimals);
  if (!shown.unit) return text;
  return shown.unit === "°" ? `${text}°` : `${text}${THIN}${shown.unit}`;
}

/** A length in metres, or in kilometres from 2 km. */
export function length(language: Language, metres: number): string {
  return Math.abs(metres) >= 2000
    ? quantity(language, metres / 1000, "km", 2)
    : quantity(language, metres, "m", Math.abs(metres) < 10 ? 2 : 1);
}

export function clock(minutes: number): string {
  const whole = Math.round(minutes);
  return `${String(Math.floor(whole / 60) % 24).padStart(2, "0")}:${String(whole % 60).padStart(2, "0")}`;
}

/** The twelve months in full, or by a letter, which is a number in Vietnamese. */
export function months(language: Language, style: "long" | "narrow" = "narrow"): string[] {
  if (language === "vi" && style === "narrow") return Array.from({ length: 12 }, (_, i) => String(i + 1));
  const name = new Intl.DateTimeFormat(language, { month: style, timeZone: "UTC" });
  return Array.from({ length: 12 }, (_, i) => name.format(new Date(Date.UTC(2025, i, 15))));
}

/** A calendar day, such as "21 June". */
export function day(language: Language, date: string, style: "long" | "short" = "long"): string {
  // English as in most of the world: the day before the month.
  return new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
    day: "numeric",
    month: style,
    timeZone: "UTC",
  }).format(new Date(`${date}T00:00:00Z`));
}
