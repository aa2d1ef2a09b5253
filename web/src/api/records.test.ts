import { tableFromArrays, tableToIPC } from "@uwdata/flechette";
import { expect, test } from "vitest";
import { decodeExact, recordOf, type Exact } from "./records";
import type { ColumnFacts, TableFacts } from "./types";

const facts = (more: Partial<ColumnFacts>): ColumnFacts => ({
  kind: "float",
  unit: "m",
  description: "",
  missing: 0,
  minimum: null,
  maximum: null,
  quantiles: [],
  earliest: null,
  latest: null,
  distinct: null,
  categories: [],
  methods: [],
  statuses: { measured: 1 },
  confidence: null,
  ...more,
});

const stream = (values: Record<string, unknown[]>): ArrayBuffer =>
  tableToIPC(tableFromArrays(values as never), { format: "stream" })!.slice().buffer as ArrayBuffer;

test("exact values come back, missing ones as none", () => {
  const value = decodeExact(stream({ height_m: [12.345678901, null, 3] }));
  expect([0, 1, 2].map(value)).toEqual([12.345678901, null, 3]);
});

test("a row says how each of its values came about", async () => {
  const inside: Record<string, unknown[]> = {
    height_m: [3, 9.75],
    height_m_method: ["measured", "height_place"],
    height_m_confidence: [1, 0.4],
    name: ["Chợ Đông Ba", null],
    walk_to_school_m: [120, 480.5],
    method: ["typical", "typical"],
    air_temperature_c: [20, 21],
  };
  const exact: Exact = (name) =>
    name in inside ? Promise.resolve(decodeExact(stream({ [name]: inside[name] }))) : Promise.reject(new Error(name));
  const table: TableFacts = {
    id: "building_id",
    description: "",
    rows: 2,
    geometry: "areas",
    columns: {
      height_m: facts({
        methods: [
          { method: "measured", status: "measured", count: 1, share: 0.5 },
          { method: "height_place", status: "estimated", count: 1, share: 0.5 },
        ],
        statuses: { measured: 0.5, estimated: 0.5 },
        confidence: 0.7,
      }),
      name: facts({ kind: "string", unit: "" }),
      walk_to_school_m: facts({
        methods: [{ method: "walk", status: "modelled", count: 2, share: 1 }],
        statuses: { modelled: 1 },
      }),
      air_temperature_c: facts({
        methods: [{ method: "typical", status: "modelled", count: 2, share: 1 }],
        statuses: { modelled: 1 },
      }),
    },
  };
  const { columns, ...place } = await recordOf("buildings", table, 7, 1, exact);
  expect(place).toEqual({ table: "buildings", id: 7, row: 1 });
  expect(columns.height_m).toEqual({
    value: 9.75,
    kind: "float",
    unit: "m",
    method: "height_place",
    status: "estimated",
    confidence: 0.4,
  });
  expect(columns.name).toMatchObject({ value: null, method: null, status: null });
  expect(columns.walk_to_school_m).toMatchObject({
    value: 480.5,
    method: "walk",
    status: "modelled",
    confidence: null,
  });
  expect(columns.air_temperature_c).toMatchObject({ method: "typical" });
});
