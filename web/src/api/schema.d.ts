// Written by `make types` from the OpenAPI description of the server: change that, not this.

/** Indicators of one area. */
export interface AreaFacts {
  /** Name of the ward; empty for the whole city. */
  name: string;
  /** By indicator, one for each scenario in their order. */
  cells: Record<string, CellFacts[]>;
}

/** What leaves a stop after a time of day. */
export interface BoardFacts {
  stop_id: number;
  name: string;
  /** The working day whose timetable holds, as year, month and day. */
  day: string | null;
  lines: DepartureFacts[];
}

/** What the tables of a city offer. */
export interface Catalogue {
  tables: Record<string, TableFacts>;
}

/** One of the different values of a column. */
export interface Category {
  value: string;
  count: number;
}

/** Value of an indicator in one scenario. */
export interface CellFacts {
  value: number | null;
  /** Less that of the first scenario. */
  delta: number | null;
  /** The same as a share of the value of the first one. */
  relative: number | null;
  /** Beside the first scenario; ``other`` where neither way is better, empty where a value is missing. */
  verdict: "better" | "worse" | "other" | "same" | "";
}

/** A city of the study: today's, or what a scenario makes of it. */
export interface CityEntry {
  /** Name of the scenario; ``today`` for the city as it is. */
  id: string;
  /** Stands in all addresses of the city. Other data have another key, so what an address gives never changes. */
  key: string;
  title: Texts;
  /** Scenario whose changes come first; none where that is the city as it is. */
  base: string | null;
  year: number | null;
  /** What it does, a line for every change; those of its base come first. */
  changes: Lists;
  state: "never run" | "up to date" | "out of date";
  /** Simulations whose columns it offers. */
  results: string[];
}

/** A column: what its values are, where they lie, how they came about. */
export interface ColumnFacts {
  kind: "integer" | "float" | "string" | "boolean" | "category" | "time" | "geometry" | "packed";
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

/** Indicators of several scenarios side by side. */
export interface ComparisonFacts {
  scenarios: string[];
  titles: Texts[];
  /** What each has that the first has not, and the other way round; nothing for the first itself. */
  differences: Lists[];
  /** By scenario, what its changes put right or want to be known. */
  notes: ProblemFacts[][];
  indicators: IndicatorFacts[];
  /** The whole city first. */
  areas: AreaFacts[];
}

/** Load curve of a building, or of all buildings of a ward, a transformer or the city. */
export interface CurveFacts {
  buildings: number;
  uses: UseFacts[];
  /** What is bought; carriers of which nothing is are left out. */
  carriers: MonthsFacts[];
  /** Greatest electric power of an hour [W]. */
  peak_w: number;
  /** When it begins, local time; empty where there is no weather. */
  peak_time: string;
  /** What solar modules make on the average day of each month [W]; empty without any. */
  generation_days_w: number[][];
  generation_months_kwh: number[];
}

/** Departures of one line from a stop. */
export interface DepartureFacts {
  route_id: number;
  name: string;
  mode: string;
  /** Destination; empty where it is not known. */
  towards: string;
  /** Next departures after noon less 12 h of the day; none of a line that has no timetable. */
  times_s: number[];
  /** Time between two vehicles of a line without a timetable. */
  headway_s: number | null;
  first_s: number | null;
  last_s: number | null;
}

/** Nodes that a transformer feeds, the nearest first. */
export interface FeederFacts {
  /** Along the lines. */
  distance_m: number[];
  /** Position of the node before it; −1 for the transformer's own. */
  parent: number[];
  /** Lowest voltage of the year over the nominal. */
  lowest_pu: (number | null)[];
  highest_pu: (number | null)[];
}

/** A field over the ground that a simulation gave. */
export interface GridFacts {
  model: string;
  name: string;
  unit: string;
  columns: number;
  rows: number;
  /** West, south, east, north on the grid of the city [m]. */
  box: [number, number, number, number];
  /** Value of code 1. */
  minimum: number;
  maximum: number;
  /** Value = minimum + (code − 1) · step; code 0 is missing. */
  step: number;
}

/** The fields over the ground that simulations gave a city. */
export interface GridsFacts {
  grids: GridFacts[];
}

/** How the load of buildings by the hour is read: code 1 is none, 255 the top and above, 0 no value. */
export interface HoursFacts {
  rows: number;
  top_w_m2: number;
}

/** An indicator. */
export interface IndicatorFacts {
  id: string;
  domain: string;
  name: Texts;
  unit: Texts;
  better: "higher" | "lower" | "context";
  status: "measured" | "modelled" | "entered" | "estimated";
  /** Simulations that it is computed from. */
  needs: string[];
  formula: Texts;
  source: string;
}

/** Pieces of streets that one gets to within some times, and what lies beside them. */
export interface IsochroneFacts {
  mode: string;
  /** Whether times are those of simulated traffic, not of empty roads. */
  congested: boolean;
  /** Point of a street at which one starts [m]. */
  start: [number, number];
  within: WithinFacts[];
  /** Vertices of each piece. */
  size: number[];
  /** Their places, x and y in turn, on the grid of the city [m]. */
  xy: number[];
  /** Time at which one is at each vertex. */
  time_s: number[];
}

/** A line of public transport and its course. */
export interface LineFacts {
  route_id: number;
  /** Position in the table ``routes``. */
  row: number;
  name: string;
  mode: string;
  /** Its parts, x and y in turn, on the grid of the city [m]; none where no course is known. */
  xy: number[][];
}

/** The lines of a city. */
export interface LinesFacts {
  lines: LineFacts[];
}

/** Lines of text in every language of the app. */
export interface Lists {
  vi: string[];
  fr: string[];
  en: string[];
}

/** One way in which values of a column came about. */
export interface Method {
  method: string;
  status: "measured" | "modelled" | "entered" | "estimated";
  count: number;
  /** Of all values that are there. */
  share: number;
}

/** Energy of one carrier. */
export interface MonthsFacts {
  name: string;
  months_kwh: number[];
}

/** One row of a table in full. */
export interface ObjectRecord {
  table: string;
  id: number;
  row: number;
  columns: Record<string, Value>;
}

/** One broken rule: what should hold, and where it does not; or what was put right, or is to be known. */
export interface ProblemFacts {
  /** All of it in one line, as the command line prints it. */
  text: string;
  /** The same in every language of the app. */
  texts: Texts;
  rule: string;
  /** What should hold, in every language of the app; English where nobody translated it. */
  rules: Texts;
  severity: "error" | "repair" | "note";
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

/** What happened in a run. */
export interface RunEvent {
  type: "begin" | "start" | "done" | "finished" | "failed" | "cancelled";
  /** Since the run began. */
  seconds: number;
  /** Of ``begin``: pieces of work. */
  total?: number | null;
  /** Of ``start`` and ``done``. */
  scenario?: string | null;
  /** Of ``start`` and ``done``: ``apply`` for the changes, or a simulation. */
  work?: string | null;
  /** Of ``done``. */
  state?: "made" | "found" | "left out" | null;
  /** Of ``done``: how long it took [s]. */
  took?: number | null;
  /** Of ``done``: why it was left out. */
  reason?: Texts | null;
  /** Of ``failed``. */
  problems?: ProblemFacts[];
}

/** A run. */
export interface RunFacts {
  id: string;
  scenarios: string[];
  state: "running" | "finished" | "failed" | "cancelled";
  /** UTC. */
  started: string;
  seconds: number;
  /** Pieces of work. */
  total: number;
  done: number;
}

/** Runs of this server, the last one first. */
export interface RunList {
  runs: RunFacts[];
}

/** What is to be run; everything where no scenario is named. */
export interface RunOrder {
  scenarios?: string[];
  also?: string[];
}

/** A scenario to be written: as in its file, with its name. */
export interface ScenarioBody {
  name: string;
  title: Texts | string;
  base?: string | null;
  year?: number | null;
  change?: Record<string, unknown>[];
  models?: Record<string, Record<string, unknown>>;
}

/** A scenario as it is written, and what became of it. */
export interface ScenarioFacts {
  name: string;
  title: Texts;
  base: string | null;
  year: number | null;
  /** As in the file. */
  change: Record<string, unknown>[];
  /** Parameters that differ from those of the study, by simulation; as in the file. */
  models: Record<string, Record<string, unknown>>;
  /** What it does itself, a line for every change. */
  changes: Lists;
  state: "never run" | "up to date" | "out of date";
  /** Of its city, where it was run. */
  key: string | null;
  /** When it was last run, UTC. */
  finished: string | null;
  results: string[];
  /** Simulations that lacked what they read, with the reason. */
  left_out: Record<string, Texts>;
  /** What its changes, and those it rests on, put right or want to be known, as of its last run. */
  notes: ProblemFacts[];
}

/** All scenarios of the study, each behind its base; files that break rules are told beside them. */
export interface ScenarioList {
  scenarios: ScenarioFacts[];
  problems: ProblemFacts[];
}

/** Trips of a working day of one kind, by mode. */
export interface ShareFacts {
  /** ``within`` the city, across its border (``border``), or ``through`` it. */
  kind: string;
  trips: number[];
}

/** What is served. */
export interface StudyFacts {
  name: string;
  country: string;
  version: string;
  /** Empty until ``dothi build`` was run; today's comes first. */
  cities: CityEntry[];
  attribution: string[];
  languages: string[];
  /** Simulations that are run only where they are named. */
  on_request: string[];
}

/** A table: its rows and columns. */
export interface TableFacts {
  id: string;
  description: string;
  rows: number;
  geometry: "points" | "lines" | "areas" | null;
  columns: Record<string, ColumnFacts>;
}

/** A zone, or a road that leads out of the city. */
export interface TerminalFacts {
  /** Of a zone; none where a road leads out. */
  zone_id: number | null;
  name: string;
  x: number;
  y: number;
}

/** One text in every language of the app. */
export interface Texts {
  vi: string;
  fr: string;
  en: string;
}

/** Trips of people on a working day. */
export interface TripsFacts {
  modes: string[];
  totals: ShareFacts[];
  terminals: TerminalFacts[];
  /** Positions of two terminals and the trips between them both ways, most first; of the modes that were asked for. */
  pairs: [number, number, number][];
  /** Trips between different terminals, of which the pairs are a part. */
  all_pairs: number;
}

/** Electric power for one use. */
export interface UseFacts {
  name: string;
  /** Average day of each month, 24 hours of local time each [W]. */
  days_w: number[][];
}

/** One value, and how it came about. */
export interface Value {
  value: boolean | number | string | null;
  kind: "integer" | "float" | "string" | "boolean" | "category" | "time" | "geometry" | "packed";
  unit: string;
  method: string | null;
  confidence: number | null;
  status: "measured" | "modelled" | "entered" | "estimated" | null;
}

/** What lies within a time. */
export interface WithinFacts {
  minutes: number;
  area_m2: number;
  residents: number;
  jobs: number;
}
