"""Emissions of traffic: each term by hand on a street or two, sums, fleets, rules and measures."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from dothi import place
from dothi.emissions import curves, fleet
from dothi.emissions.model import EmissionsModel, EmissionsParams
from dothi.indicators import KPIS
from dothi.kpi import Evidence
from dothi.model import require

KINDS = fleet.KINDS
CRS = "EPSG:2154"


def flows(city, links=None, hours=10.0, **volumes):
    """City with one flow a link, by kind, at 30 km/h: none where nothing is said."""
    links = city["links"].index if links is None else links
    columns = {"link_id": links, "period": "day", "hours_h": hours, "from_h": 7.0, "to_h": 7.0 + hours}
    columns |= {f"volume_{kind}_veh_h": float(volumes.get(kind, 0.0)) for kind in KINDS}
    columns |= {f"speed_{kind}_m_s": 30.0 / 3.6 for kind in KINDS}
    return city.with_tables(link_flows=pd.DataFrame(columns))


def run(city, **params):
    require(city, EmissionsModel)
    return EmissionsModel(EmissionsParams(**params)).run(city)


def fleet_g_km(kind, substance, speed=30.0, country="fr"):
    """Exhaust of the fleet by hand: classes by share, fuels by share."""
    data = place.load(country, "emissions")
    usual = place.load(country, "vehicles")["fuels"].get(kind) or data["bus_fuels"]
    total = 0.0
    for fuel in ("petrol", "diesel"):
        for name, share in data["classes"][kind].get(fuel, {}).items():
            if name not in ("source", "verified"):
                curve = curves.factors()[kind][fuel][name][substance]
                factor = float(curves.value(curve, np.array([speed]))[0])
                carbon = curves.factors()["co2_g_per_g"][fuel] if substance == "fuel" else 1.0
                total += usual[fuel] * share * factor * carbon
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_a_flow_emits_what_its_fleet_emits_on_the_level(little_city, kind):
    """100 vehicles an hour for 10 h on 100 m are 100 vehicle kilometres."""
    city = flows(little_city, [3], **{kind: 100.0})
    table = run(city).tables["links"]
    electricity = place.load("fr", "emissions")
    usual = place.load("fr", "vehicles")["fuels"].get(kind) or electricity["bus_fuels"]
    grid = (
        usual["electric"] * electricity["electricity_use"][f"{kind}_kwh_km"] * electricity["electricity"]["co2_g_kwh"]
    )
    assert table["co2_kg_day"][3] * 1000.0 == pytest.approx((fleet_g_km(kind, "fuel") + grid) * 100.0, rel=1e-4)
    assert table["nox_g_day"][3] == pytest.approx(fleet_g_km(kind, "nox") * 100.0, rel=1e-4)
    electric = usual["electric"] * curves.wear(kind, np.array([30.0]), electric=True)[0]
    wear = (1.0 - usual["electric"]) * curves.wear(kind, np.array([30.0]))[0] + electric
    assert table["pm25_g_day"][3] == pytest.approx((fleet_g_km(kind, "pm") + wear) * 100.0, rel=1e-4)
    assert table.drop(index=3).isna().all().all()


def test_links_zones_and_diagnostics_have_one_sum(little_city):
    result = run(flows(little_city, car=120.0, motorbike=50.0, bus=6.0, truck=9.0))
    for name in ("co2_kg_day", "nox_g_day", "pm25_g_day"):
        total = result.tables["links"][name].sum()
        assert result.tables["zones"][name].sum() == pytest.approx(total)
        assert result.diagnostics[name] == pytest.approx(total)
    km = result.diagnostics["vehicle_km_day"]
    assert km["car"] == pytest.approx(120.0 * 10.0 * 0.1 * len(little_city["links"]))
    mean = result.diagnostics["mean_factors"]
    assert sum(km[kind] * mean[kind]["nox_g_km"] for kind in KINDS) == pytest.approx(result.diagnostics["nox_g_day"])


def test_hours_and_periods_add_up(little_city):
    one = flows(little_city, [3], car=100.0)
    two = flows(little_city, [3, 3], hours=5.0, car=100.0)
    assert run(two).tables["links"]["nox_g_day"][3] == pytest.approx(run(one).tables["links"]["nox_g_day"][3])


def test_per_metre_both_sides_of_a_street_count(little_city):
    back = little_city["links"].reverse_link_id[3]
    table = run(flows(little_city, [3, back], car=100.0)).tables["links"]
    assert table["nox_g_m_day"][3] == pytest.approx(2.0 * table["nox_g_day"][3] / 100.0)
    assert table["nox_g_m_day"][3] == table["nox_g_m_day"][back]


def test_uphill_costs_more_than_downhill_saves_or_as_much(little_city):
    links = little_city["links"]
    nodes = little_city["nodes"]
    nodes.loc[links.to_node_id[3], "elevation_m"] = 12.0  # 2 % up on link 3, down on the way back
    city = little_city.with_tables(nodes=nodes)
    up, down = 3, int(links.reverse_link_id[3])
    for kind in KINDS:
        level = run(flows(city, [up, down], **{kind: 100.0}), slopes=False, grid_co2=False).tables["links"][
            "co2_kg_day"
        ]
        steep = run(flows(city, [up, down], **{kind: 100.0}), grid_co2=False).tables["links"]["co2_kg_day"]
        assert level[up] == pytest.approx(level[down])
        if kind in fleet.PERSONAL:
            mass = curves.factors()["light_slope"]["mass_kg"][kind]
            burning = 1.0 - place.load("fr", "vehicles")["fuels"][kind]["electric"]
            work = mass * 9.80665 * 0.02 / (0.35 * 43.0) * burning * 3.169 * 0.1  # kg for 100 vehicle kilometres
            assert steep[up] - level[up] == pytest.approx(work, rel=1e-4)
            assert level[down] - steep[down] == pytest.approx(work, rel=1e-4)
        else:
            factor = curves.heavy_slope(np.array([0.02, -0.02]), np.array([30.0, 30.0]))
            assert [steep[up], steep[down]] == pytest.approx(factor * level[up])


def test_a_slope_serves_all_substances_of_the_exhaust(little_city):
    links, nodes = little_city["links"], little_city["nodes"]
    nodes.loc[links.to_node_id[3], "elevation_m"] = 12.0
    city = flows(little_city.with_tables(nodes=nodes), [3], truck=100.0)
    level, steep = (run(city, slopes=slopes).tables["links"].loc[3] for slopes in (False, True))
    factor = curves.heavy_slope(np.array([0.02]), np.array([30.0]))[0]
    assert steep["nox_g_day"] == pytest.approx(factor * level["nox_g_day"])
    exhaust = fleet_g_km("truck", "pm") * 100.0
    assert steep["pm25_g_day"] - level["pm25_g_day"] == pytest.approx((factor - 1.0) * exhaust, rel=1e-4)


def test_levels_that_are_not_known_make_no_slope(little_city):
    nodes = little_city["nodes"].assign(elevation_m=np.nan)
    blind = run(flows(little_city.with_tables(nodes=nodes), car=100.0)).tables["links"]
    level = run(flows(little_city, car=100.0), slopes=False).tables["links"]
    assert np.array_equal(blind["co2_kg_day"], level["co2_kg_day"])


def test_electric_cars_have_no_exhaust_but_wear_and_electricity(little_city):
    measures = pd.DataFrame(
        {"building_id": little_city["buildings"].index, "electric_car_share": 1.0, "electric_motorbike_share": np.nan}
    )
    city = flows(little_city.with_tables(building_measures=measures), [3], car=100.0)
    table = run(city).tables["links"].loc[3]
    data = place.load("fr", "emissions")
    assert table["nox_g_day"] == 0.0
    grid = data["electricity_use"]["car_kwh_km"] * data["electricity"]["co2_g_kwh"] / 1000.0
    assert table["co2_kg_day"] == pytest.approx(100.0 * grid)
    assert table["pm25_g_day"] == pytest.approx(100.0 * curves.wear("car", np.array([30.0]), electric=True)[0])
    assert run(city, grid_co2=False).tables["links"]["co2_kg_day"][3] == 0.0


def test_measures_count_by_the_residents_of_their_buildings(little_city):
    buildings = little_city["buildings"]
    some = buildings.index[:8]
    measures = pd.DataFrame({"building_id": some, "electric_car_share": 0.5, "electric_motorbike_share": np.nan})
    city = little_city.with_tables(building_measures=measures)
    people = buildings.residents[some].sum() / buildings.residents.sum()
    usual = place.load("fr", "vehicles")["fuels"]["car"]["electric"]
    shares = fleet.fuel_shares(city, "car")
    assert shares["electric"] == pytest.approx(0.5 * people + usual * (1.0 - people))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["diesel"] / shares["petrol"] == pytest.approx(
        place.load("fr", "vehicles")["fuels"]["car"]["diesel"] / place.load("fr", "vehicles")["fuels"]["car"]["petrol"]
    )
    assert (
        fleet.fuel_shares(city, "motorbike")["electric"]
        == place.load("fr", "vehicles")["fuels"]["motorbike"]["electric"]
    )


def ruled(city, area, from_s, to_s, fuel="diesel"):
    rule = {"geometry": [area], "name": "r", "mode": "car", "fuel": fuel, "from_s": from_s, "to_s": to_s}
    return city.with_tables(restrictions=gpd.GeoDataFrame(rule, crs=CRS))


def test_where_a_fuel_is_kept_out_the_rest_of_the_fleet_drives(little_city):
    west, south, east, _ = little_city.bounds
    area = shapely.box(west - 1.0, south - 1.0, east + 1.0, south + 50.0)  # the lowest street and the feet of others
    city = flows(ruled(little_city, area, np.nan, np.nan), car=100.0)
    free = run(flows(little_city, car=100.0)).tables["links"]["pm25_g_day"]
    found = run(city).tables["links"]["pm25_g_day"]
    inside = shapely.contains(area, little_city["links"].geometry.interpolate(0.5, normalized=True))
    assert 0 < inside.sum() < len(inside)
    assert found[~inside].to_numpy() == pytest.approx(free[~inside])
    usual = place.load("fr", "vehicles")["fuels"]["car"]
    known = {fuel: usual[fuel] / (usual["petrol"] + usual["electric"]) for fuel in ("petrol", "electric")}
    petrol = np.interp(30.0, curves.SPEEDS, fleet.tables("fr", "car", "petrol")["pm"])
    wear = [curves.wear("car", np.array([30.0]), electric=electric)[0] for electric in (False, True)]
    expected = known["petrol"] * (petrol + wear[0]) + known["electric"] * wear[1]
    assert found[inside].to_numpy() == pytest.approx(expected * 100.0, rel=1e-6)


@pytest.mark.parametrize(
    ("from_s", "to_s", "share"),
    [
        (0.0, 86400.0, 1.0),
        (7 * 3600.0, 12 * 3600.0, 0.5),
        (16 * 3600.0, 8 * 3600.0, 0.2),
        (20 * 3600.0, 6 * 3600.0, 0.0),
    ],
)
def test_a_rule_counts_for_the_hours_it_covers(little_city, from_s, to_s, share):
    """The flow runs from 7:00 to 17:00."""
    city = flows(ruled(little_city, shapely.box(*little_city.bounds).buffer(1.0), from_s, to_s), [3], car=1.0)
    found = fleet.banned(city, "car", np.array([7.0]), np.array([17.0]), np.array([3]))
    assert found["diesel"] == pytest.approx([share])


def test_a_period_over_midnight_is_covered_on_both_sides():
    hours = np.array([22.0]), np.array([4.0])
    assert fleet._overlap(23 * 3600.0, 2 * 3600.0, *hours) == pytest.approx([0.5])
    assert fleet._overlap(1 * 3600.0, 3 * 3600.0, *hours) == pytest.approx([1.0 / 3.0])


def test_where_every_fuel_is_kept_out_electric_ones_are_left():
    found = fleet.on_flows({"petrol": 1.0, "electric": 0.0}, {"petrol": np.array([1.0, 0.0])}, 2)
    assert found["electric"].tolist() == [1.0, 0.0]
    assert found["petrol"].tolist() == [0.0, 1.0]


def test_motorbikes_of_vietnam_emit_what_was_found_in_hanoi():
    local = place.load("vn", "emissions")["local"]["motorbike"]
    tables = fleet.tables("vn", "motorbike", "petrol")
    at = {name: float(np.interp(local["speed_km_h"], curves.SPEEDS, values)) for name, values in tables.items()}
    assert at["fuel"] * curves.factors()["co2_g_per_g"]["petrol"] == pytest.approx(local["co2_g_km"])
    assert at["nox"] == pytest.approx(local["nox_g_km"])
    assert at["pm"] == pytest.approx(local["pm_g_km"])


def test_cleaner_classes_emit_less_and_slow_traffic_more():
    speed = np.arange(10.0, 86.0, 5.0)
    for kind, fuel, dirty, clean in (
        ("truck", "diesel", "euro_iii", "euro_vi"),
        ("bus", "diesel", "euro_iii", "euro_vi"),
        ("car", "diesel", "euro_3", "euro_6"),
        ("car", "petrol", "euro_2", "euro_5"),
    ):
        old, new = (curves.factors()[kind][fuel][name] for name in (dirty, clean))
        assert (curves.value(old["nox"], speed) > curves.value(new["nox"], speed)).all()
        assert (np.diff(curves.value(new["fuel"], speed[speed <= 50.0])) < 0.0).all()


def test_heavy_slopes_run_straight_between_those_of_the_source_and_stop_at_the_steepest():
    slope = np.array([-0.2, -0.06, -0.05, 0.05, 0.06, 0.2])
    found = curves.heavy_slope(slope, np.full(6, 40.0))
    assert found[0] == found[1]
    assert found[5] == found[4]
    four, six = curves.heavy_slope(np.array([0.04, 0.06]), np.full(2, 40.0))
    assert found[3] == pytest.approx((four + six) / 2.0)
    assert (np.diff(found) >= 0.0).all()
    fuel = [
        1264.8783525803 * 1.008967347**40 * 40**-0.4026156299,
        1985.9371578578 * 1.0125635287**40 * 40**-0.8386824602,
    ]
    assert six == pytest.approx(fuel[0] / fuel[1])  # truck of Euro I at 6 % and on the level


def test_shares_of_classes_are_taken_of_their_sum():
    both = curves.table("car", "diesel", {"euro_3": 1.0, "euro_6": 3.0}, "nox")
    old, new = (
        curves.value(curves.factors()["car"]["diesel"][name]["nox"], curves.SPEEDS) for name in ("euro_3", "euro_6")
    )
    assert both == pytest.approx((old + 3.0 * new) / 4.0)


def test_with_a_battery_tyres_wear_more_and_brakes_much_less():
    """At 30 km/h both corrections are at their greatest: 1.39 and 1.67."""
    found = [curves.wear("motorbike", np.array([30.0]), electric=electric)[0] * 1e3 for electric in (False, True)]
    tyre, brake = 1.93 * 1.3904, 1.44 * 1.67
    assert found == pytest.approx([tyre + brake, 1.0841 * tyre + 0.2113 * brake])


def test_down_a_steep_hill_a_floor_is_left():
    assert curves.light_slope("car", np.array([-0.5]), np.array([60.0])).tolist() == [0.3]
    assert curves.light_slope("car", np.array([0.02]), np.array([0.0])).tolist() == [1.0]
    steep, steeper = curves.light_slope("car", np.array([0.1, 0.5]), np.array([60.0, 60.0]))
    assert steep == steeper > 2.0


def test_indicators_are_of_a_year_and_of_each_resident(little_city):
    city = flows(little_city, car=120.0, truck=4.0)
    result = run(city)
    evidence = Evidence(city, {"emissions": result})
    data, people = place.load("fr", "emissions"), city["buildings"].residents.sum()
    days = data["year"]["days"]
    assert KPIS["ENV-10"].value(evidence) == pytest.approx(result.diagnostics["co2_kg_day"] * days / 1000.0 / people)
    harm = result.diagnostics["pm25_g_day"] + data["harm"]["pm25_per_nox"] * result.diagnostics["nox_g_day"]
    assert KPIS["ENV-08"].value(evidence) == pytest.approx(harm * days / 1000.0 / people)
    wards = [KPIS["ENV-10"].value(evidence.inside(ward)) for ward in city["wards"].geometry]
    assert all(value > 0.0 for value in wards)


@pytest.mark.parametrize("country", place.COUNTRIES)
def test_every_figure_has_a_source_and_shares_add_up(country):
    data = place.load(country, "emissions")
    tables = [t for kinds in data["classes"].values() for t in kinds.values()]
    others = [data[name] for name in ("bus_fuels", "electricity", "electricity_use", "year", "harm")]
    for table in (*tables, *others):
        assert table["source"]
        assert isinstance(table["verified"], bool)
    for table in (*tables, data["bus_fuels"]):
        assert sum(share for name, share in table.items() if name not in ("source", "verified")) == pytest.approx(1.0)
    for kind, by_fuel in data["classes"].items():
        for fuel, classes in by_fuel.items():
            assert set(classes) - {"source", "verified"} <= set(curves.factors()[kind][fuel])
    for kind, fuels in place.load(country, "vehicles")["fuels"].items():
        if kind in KINDS:
            assert set(fuels) - {"electric"} <= set(data["classes"][kind])
