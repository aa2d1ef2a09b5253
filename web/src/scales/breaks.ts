/** Borders of the classes of a number. */

export type ClassMethod = "rounded" | "counts" | "steps" | "log";
export const CLASS_METHODS: readonly ClassMethod[] = ["rounded", "counts", "steps", "log"];

/** What is known of a number before its values arrive. */
export interface Spread {
  minimum: number;
  maximum: number;
  /** Evenly spaced shares from lowest to highest; may be empty. */
  quantiles: readonly number[];
  whole: boolean;
}

const ROUND = [1, 2, 2.5, 5, 10];

/** Smallest of 1, 2, 2.5 and 5 times a power of ten that is not below a size. */
export function roundStep(size: number, whole = false): number {
  if (!(size > 0) || !Number.isFinite(size)) return 1;
  const power = 10 ** Math.floor(Math.log10(size));
  const step = (ROUND.find((digit) => digit * power >= size * (1 - 1e-9)) ?? 10) * power;
  return whole ? Math.max(1, Math.round(step)) : step;
}

/** A number with few digits, close to another one. */
export function rounded(value: number, digits = 2): number {
  return value === 0 ? 0 : Number(value.toPrecision(digits));
}

/** Value below which a share of all values lies. */
export function quantileOf({ minimum, maximum, quantiles }: Spread, share: number): number {
  if (quantiles.length < 2) return minimum + share * (maximum - minimum);
  const at = Math.min(Math.max(share, 0), 1) * (quantiles.length - 1);
  const low = Math.min(Math.floor(at), quantiles.length - 2);
  return quantiles[low] + (at - low) * (quantiles[low + 1] - quantiles[low]);
}

/**
 * Borders of the classes, rising; the first is the lowest value or below it, the last the highest or above it.
 *
 * `rounded` takes equal round steps over the bulk of the values, and gives the tails the first and last class.
 */
export function breaksOf(spread: Spread, method: ClassMethod, n: number): number[] {
  const { minimum, maximum, whole } = spread;
  if (!(maximum > minimum))
    return [minimum, maximum === minimum ? minimum + (whole ? 1 : Math.abs(minimum) || 1) : maximum];
  const inner = (): number[] => {
    switch (method) {
      case "counts":
        return Array.from({ length: n - 1 }, (_, i) => rounded(quantileOf(spread, (i + 1) / n), 3));
      case "steps":
        return Array.from({ length: n - 1 }, (_, i) => minimum + ((i + 1) / n) * (maximum - minimum));
      case "log":
        return logarithmic(spread, n);
      case "rounded":
        return roundSteps(spread, n);
    }
  };
  // Whole numbers are told apart at whole borders: class 2 begins at 3, not at 2.4.
  const borders = inner().map((value) => (whole ? Math.round(value) : Number(value.toPrecision(12))));
  const kept = borders.filter((value, i) => value > minimum && value < maximum && borders.indexOf(value) === i);
  return [minimum, ...kept.sort((a, b) => a - b), maximum];
}

function roundSteps(spread: Spread, n: number): number[] {
  const low = quantileOf(spread, 0.05);
  const high = Math.max(quantileOf(spread, 0.95), spread.minimum + (spread.maximum - spread.minimum) / 20);
  // Counts and sizes begin at zero; years and levels have a tail below as well, which gets the first class.
  const fromZero = spread.minimum >= 0 && low < high / 4;
  const from = fromZero ? 0 : low;
  const step = roundStep((high - from) / (fromZero ? n - 1 : n - 2), spread.whole);
  const first = fromZero ? step : Math.ceil(from / step - 1e-9) * step;
  return Array.from({ length: n - 1 }, (_, i) => first + i * step);
}

function logarithmic(spread: Spread, n: number): number[] {
  const positive = spread.quantiles.find((value) => value > 0) ?? spread.maximum / 1000;
  const from = Math.log(Math.max(spread.minimum, positive, spread.maximum * 1e-6));
  const to = Math.log(spread.maximum);
  return Array.from({ length: n - 1 }, (_, i) => rounded(Math.exp(from + ((i + 1) / n) * (to - from)), 2));
}

/** Class of a value: it lies from its lower border on to below its upper one; the highest value is in the last class. */
export function classOf(breaks: readonly number[], value: number): number {
  let low = 0;
  let high = breaks.length - 2;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (value >= breaks[middle]) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Whether few large values stretch the range, so that equal steps would leave most classes empty. */
export function isSkewed(spread: Spread): boolean {
  const middle = quantileOf(spread, 0.5) - spread.minimum;
  return middle < (spread.maximum - spread.minimum) / 8;
}
