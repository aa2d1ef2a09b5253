/** Small things kept in the browser; where it keeps nothing, the application works without. */

export function read<T>(key: string): T | null {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null") as T | null;
  } catch {
    return null;
  }
}

export function write(key: string, value: unknown): void {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage is full, forbidden or absent: what was chosen lasts for this visit.
  }
}
