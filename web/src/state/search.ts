/** Search among the names of a city. */

import type { Named } from "../api/city";
import { fold } from "./fold";

export interface Indexed extends Named {
  folded: string;
}

export function indexed(names: readonly Named[]): Indexed[] {
  return names.map((named) => ({ ...named, folded: fold(named.name) }));
}

/** Kinds that come first where two names match equally well. */
const ORDER = ["street", "stop", "ward", "facility", "water", "building"];

/** 0 the name itself, 1 its beginning, 2 the beginning of words, 3 inside a word; null where it does not match. */
export function match(folded: string, query: string): number | null {
  if (folded === query) return 0;
  if (folded.startsWith(query)) return 1;
  const spaced = ` ${folded}`;
  const parts = query.split(" ");
  if (parts.every((part) => spaced.includes(` ${part}`))) return 2;
  return parts.every((part) => folded.includes(part)) ? 3 : null;
}

/** The best matches of what was typed, best first. */
export function search(names: readonly Indexed[], typed: string, most = 12): Indexed[] {
  const query = fold(typed);
  if (!query) return [];
  const found: { named: Indexed; rank: number }[] = [];
  for (const named of names) {
    const quality = match(named.folded, query);
    if (quality !== null) {
      const kind = ORDER.indexOf(named.kind);
      found.push({
        named,
        rank: quality * 1000 + (kind < 0 ? ORDER.length : kind) * 100 + Math.min(named.name.length, 99),
      });
    }
  }
  return found
    .sort((a, b) => a.rank - b.rank || a.named.folded.localeCompare(b.named.folded))
    .slice(0, most)
    .map(({ named }) => named);
}

/** Number of an object, where that is what was typed: `4711`, `#4711`, `n° 4711`. */
export function typedNumber(typed: string): number | null {
  const found = /^\s*(?:#|n[°ºo]\.?\s*|no\.?\s*|số\s+)?(\d{1,15})\s*$/i.exec(typed);
  return found ? Number(found[1]) : null;
}
