/** Units as a reader expects them: metres per second stay in the tables, kilometres per hour stand on the screen. */

import type { Language } from "./language";

interface Shown {
  factor: number;
  unit: Record<Language, string>;
}

const same = (unit: string): Record<Language, string> => ({ vi: unit, fr: unit, en: unit });

const KM_H_PER_M_S = 3.6;
const HPA_PER_PA = 0.01;

const SHOWN: Record<string, Shown> = {
  "m s⁻¹": { factor: KM_H_PER_M_S, unit: same("km/h") },
  "veh h⁻¹": { factor: 1, unit: { vi: "xe/h", fr: "véh/h", en: "veh/h" } },
  "h⁻¹": { factor: 1, unit: same("/h") },
  "pcu h⁻¹": { factor: 1, unit: { vi: "xcqđ/h", fr: "UVP/h", en: "pcu/h" } },
  "kg d⁻¹": { factor: 1, unit: { vi: "kg/ngày", fr: "kg/j", en: "kg/day" } },
  "g d⁻¹": { factor: 1, unit: { vi: "g/ngày", fr: "g/j", en: "g/day" } },
  "kg m⁻¹ d⁻¹": { factor: 1, unit: { vi: "kg/m/ngày", fr: "kg/m/j", en: "kg/m/day" } },
  "g m⁻¹ d⁻¹": { factor: 1, unit: { vi: "g/m/ngày", fr: "g/m/j", en: "g/m/day" } },
  "W m⁻²": { factor: 1, unit: same("W/m²") },
  "Wh m⁻²": { factor: 1, unit: same("Wh/m²") },
  "m³ s⁻¹": { factor: 1, unit: same("m³/s") },
  "mm h⁻¹": { factor: 1, unit: same("mm/h") },
  Pa: { factor: HPA_PER_PA, unit: same("hPa") },
};

/** How values of a unit are shown: number × factor, then the unit. */
export function shownUnit(unit: string, language: Language): { factor: number; unit: string } {
  const shown = SHOWN[unit];
  return shown ? { factor: shown.factor, unit: shown.unit[language] } : { factor: 1, unit };
}
