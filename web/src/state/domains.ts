/** The six domains of a city's indicators, in the order in which they are listed. */
export const DOMAINS = ["economy", "government", "mobility", "environment", "living", "people"] as const;
