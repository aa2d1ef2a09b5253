// Written by `make types` from the OpenAPI description of the server: change that, not this.

/** What the tables of a city offer. */
export interface Catalogue {
  tables: Record<string, TableFacts>;
}

/** One of the different values of a column. */
export interface Category {
  value: string;
  count: number;
}

/** A city of the study: today's, or what a scenario makes of it. */
export interface CityEntry {
  id: string;
  /** Stands in all addresses of the city. Other data have another key, so what an address gives never changes. */
  key: string;
  title: Texts;
}

/** A column: what its values are, where they lie, how they came about. */
export interface ColumnFacts {
  kind: "integer" | "float" | "string" | "boolean" | "category" | "time" | "geometry";
  unit: string;
  description: string;
  missing: number;
  minimum: number | null;
  maximum: number | null;
  /** Every 5 % from lowest to highest, 21 numbers; empty where there are no numbers. */
  quantiles: number[];
  earliest: string | null;
  latest: string | null;
  /** How many different values a text, category or boolean has. */
  distinct: number | null;
  /** Declared categories in their order; of other texts the most frequent. */
  categories: Category[];
  methods: Method[];
  /** Share of each status among the values that are there. */
  statuses: Partial<Record<"measured" | "modelled" | "entered" | "estimated", number>>;
  /** Mean confidence, 0 … 1. */
  confidence: number | null;
}

/** One way in which values of a column came about. */
export interface Method {
  method: string;
  status: "measured" | "modelled" | "entered" | "estimated";
  count: number;
  /** Of all values that are there. */
  share: number;
}

/** One row of a table in full. */
export interface ObjectRecord {
  table: string;
  id: number;
  row: number;
  columns: Record<string, Value>;
}

/** One broken rule: what should hold, and where it does not. */
export interface ProblemFacts {
  /** All of it in one line, as the command line prints it. */
  text: string;
  rule: string;
  file: string;
  table: string;
  column: string;
  n_rows: number;
  rows: string[];
}

/** Everything wrong with a request, or with what it asked for. */
export interface ProblemsFacts {
  problems: ProblemFacts[];
}

/** A raster: what its cells are, where they lie, and how to read the codes of its tiles. */
export interface RasterFacts {
  unit: string;
  description: string;
  kind: "float" | "category";
  method: string;
  status: "measured" | "modelled" | "entered" | "estimated";
  columns: number;
  rows: number;
  cell_m: number;
  /** West, south, east, north on the grid of the city [m]. */
  box: [number, number, number, number];
  /** Value of code 1. */
  minimum: number;
  maximum: number;
  /** Value = minimum + (code − 1) · step; code 0 is missing. */
  step: number;
  /** Names of codes 1, 2 …; an empty name for a code that is not used. */
  categories: string[];
  tile: number;
  /** Level 0 has the cells of the raster, each further one half as many along each side. */
  levels: number;
}

/** The rasters of a city. */
export interface Rasters {
  rasters: Record<string, RasterFacts>;
}

/** What is served. */
export interface StudyFacts {
  name: string;
  country: string;
  version: string;
  /** Empty until ``dothi build`` was run. */
  cities: CityEntry[];
  attribution: string[];
  languages: string[];
}

/** A table: its rows and columns. */
export interface TableFacts {
  id: string;
  description: string;
  rows: number;
  geometry: "points" | "lines" | "areas" | null;
  columns: Record<string, ColumnFacts>;
}

/** One text in every language of the app. */
export interface Texts {
  vi: string;
  fr: string;
  en: string;
}

/** One value, and how it came about. */
export interface Value {
  value: boolean | number | string | null;
  kind: "integer" | "float" | "string" | "boolean" | "category" | "time" | "geometry";
  unit: string;
  method: string | null;
  confidence: number | null;
  status: "measured" | "modelled" | "entered" | "estimated" | null;
}
