"""Solar modules on four buildings: what fits, what it makes, who uses it, what it is worth."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from dothi.chain import generation_from
from dothi.city import City
from dothi.errors import InputError
from dothi.model import require
from dothi.packed import unpacked
from dothi.place import load
from dothi.place.tariffs import bill, in_force, surplus_in_force
from dothi.pv import economy, rows
from dothi.pv.model import PvModel, PvParams
from dothi.scenario import Scenario
from dothi.sky import site_of

sys.path.insert(0, str(Path(__file__).parent))
import _roofs
from _roofs import GABLE, HOUSE, NORTH_FACE, OFFICE, ROOFS, SHED, SOUTH_WALL

EFFICIENCY = 0.21


@pytest.fixture(scope="module")
def city():
    return _roofs.roofs()


@pytest.fixture(scope="module")
def used(city):
    return _roofs.with_loads(city, {OFFICE: 20.0, HOUSE: 0.5, GABLE: 0.5})


@pytest.fixture(scope="module")
def result(used):
    return run(used)


def run(city, **params):
    require(city, PvModel)
    return PvModel(PvParams(**params)).run(city)


def value(result, building, column, table="buildings"):
    return float(result.tables[table].loc[building, column])


def test_a_flat_roof_carries_rows_within_its_edge(city, result):
    """40 × 20 m less a strip of 1 m and 30 % of obstacles, over the distance of rows at 10°."""
    spacing = rows.pitch(site_of(city).latitude, 10.0)
    assert value(result, OFFICE, "pv_roof_kwp") == pytest.approx(38.0 * 18.0 * 0.7 / spacing * EFFICIENCY)


def test_a_house_drawn_flat_carries_modules_on_two_faces(result):
    """16 × 8 m less a strip of 0.3 m, two halves at 35°, a fifth for obstacles; the north face has too little sun."""
    whole = 15.4 * 7.4 / np.cos(np.radians(35.0)) * 0.8 * EFFICIENCY
    assert value(result, HOUSE, "pv_roof_kwp") == pytest.approx(whole / 2.0)
    assert value(run(_roofs.roofs(), least_share=0.0), HOUSE, "pv_roof_kwp") == pytest.approx(whole)


def test_faces_that_a_source_models_are_taken_as_they_are(result):
    """South face of 16 × 4 m on the ground at 30°; the north face is left out, and so is a shed of 9 m²."""
    face = 15.4 * 3.4 / np.cos(np.radians(30.0)) * 0.8 * EFFICIENCY
    assert value(result, ROOFS[GABLE], "pv_kwp", "surfaces") == pytest.approx(face)
    assert np.isnan(value(result, NORTH_FACE, "pv_kwp", "surfaces"))
    assert np.isnan(value(result, ROOFS[SHED], "pv_kwp", "surfaces"))
    assert value(result, SHED, "pv_roof_kwp") == 0.0


def test_walls_carry_modules_where_they_are_bright(result):
    share = load("fr", "solar")["facade"]["usable_share"]
    assert value(result, OFFICE, "pv_facade_kwp") == pytest.approx(360.0 * share * EFFICIENCY)
    assert value(result, HOUSE, "pv_facade_kwp") == 0.0


def test_a_face_to_the_south_gives_more_than_rows_and_rows_more_than_a_wall(result):
    table = result.tables["surfaces"]["pv_kwh_kwp"]
    assert table[ROOFS[GABLE]] > table[ROOFS[OFFICE]] > table[SOUTH_WALL] > 0.0
    assert 1400.0 < table[ROOFS[GABLE]] < 2200.0  # a year without a cloud
    assert_allclose(table * result.tables["surfaces"]["pv_kwp"], result.tables["surfaces"]["pv_kwh"])


def test_surfaces_of_a_building_add_up_to_it(city, result):
    surfaces = result.tables["surfaces"].fillna(0.0)
    for unit in ("kwp", "kwh"):
        sums = surfaces[f"pv_{unit}"].groupby(city["surfaces"]["building_id"]).sum()
        buildings = result.tables["buildings"]
        assert_allclose(buildings[f"pv_roof_{unit}"] + buildings[f"pv_facade_{unit}"], sums, rtol=1e-6)


def test_what_hides_the_sky_takes_power(result):
    """A roof that sees half of sky and sun has half of the light; cells stay cooler, inverters run below their best."""
    half = run(_roofs.roofs(seen=0.5), least_share=0.0)
    ratio = value(half, OFFICE, "pv_roof_kwh") / value(result, OFFICE, "pv_roof_kwh")
    assert 0.48 < ratio < 0.53
    dark = run(_roofs.roofs(seen=0.5))  # less than the least share of the best
    assert dark.tables["buildings"]["pv_roof_kwp"].sum() == dark.tables["buildings"]["pv_facade_kwp"].sum() == 0.0


def test_rows_that_stand_closer_hold_more_and_shade_more(result):
    """Free for two hours round noon they stand farther apart than for noon alone; steeper ones as well."""
    apart = run(_roofs.roofs(), clear_hours=3.0)
    assert value(apart, OFFICE, "pv_roof_kwp") < value(result, OFFICE, "pv_roof_kwp")
    far, near = (value(one, ROOFS[OFFICE], "pv_kwh_kwp", "surfaces") for one in (apart, result))
    assert far > near
    steep = run(_roofs.roofs(), rack_tilt_deg=25.0)
    assert value(steep, OFFICE, "pv_roof_kwp") < value(result, OFFICE, "pv_roof_kwp")
    assert value(steep, ROOFS[OFFICE], "pv_kwh_kwp", "surfaces") > near
    tents = run(_roofs.roofs(), layout="east_west")
    assert value(tents, OFFICE, "pv_roof_kwp") > 1.2 * value(result, OFFICE, "pv_roof_kwp")
    assert value(tents, ROOFS[OFFICE], "pv_kwh_kwp", "surfaces") < near


def test_parameters_move_the_yield_the_right_way(result):
    base = value(result, OFFICE, "pv_roof_kwh")
    assert value(run(_roofs.roofs(), efficiency_share=0.105), OFFICE, "pv_roof_kwh") == pytest.approx(base / 2.0)
    assert value(run(_roofs.roofs(), gamma_k=-0.005), OFFICE, "pv_roof_kwh") < base
    assert value(run(_roofs.roofs(), dc_ac_ratio=1.6), OFFICE, "pv_roof_kwh") < base
    assert value(run(_roofs.roofs(), temperature_model="faiman"), OFFICE, "pv_roof_kwh") != pytest.approx(
        base, rel=1e-4
    )


def test_own_use_is_reckoned_hour_by_hour(used, result):
    made = hourly_of_all(used)
    own = np.minimum(made, 20_000.0).sum() / 1000.0
    year = made.sum() / 1000.0
    assert value(result, OFFICE, "pv_roof_kwh") == pytest.approx(year, rel=1e-6)
    assert value(result, OFFICE, "pv_roof_used_share") == pytest.approx(own / year, rel=1e-5)
    assert value(result, OFFICE, "pv_roof_cover_share") == pytest.approx(own / (20.0 * 8760.0), rel=1e-5)
    assert np.isnan(value(result, SHED, "pv_roof_used_share"))


def hourly_of_all(city):
    """Power of all of the usable roof of the office, hour by hour, by way of the chain."""
    whole = _roofs.with_modules(city, roof=1.0)
    after = generation_from(whole, run(whole))
    table = after["building_generation"]
    assert table.index.tolist() == [OFFICE]
    return unpacked(table["generation"], np.float32)[0].astype(float)


def test_hours_handed_on_are_those_of_the_year(city):
    """On half of the roof and a quarter of the walls."""
    some = _roofs.with_modules(city, roof=0.5, facade=0.25)
    result = run(some)
    power = unpacked(generation_from(some, result)["building_generation"]["generation"], np.float32)
    assert power.shape == (1, 8760)
    assert power.sum() / 1000.0 == pytest.approx(value(result, OFFICE, "pv_kwh"), rel=1e-6)
    assert (power >= 0.0).all()
    assert "building_generation" not in generation_from(city, run(city))


def test_modules_that_are_there_are_a_share_of_what_fits(city):
    result = run(_roofs.with_modules(city, roof=0.5, facade=0.25))
    for unit in ("kwp", "kwh"):
        parts = 0.5 * value(result, OFFICE, f"pv_roof_{unit}") + 0.25 * value(result, OFFICE, f"pv_facade_{unit}")
        assert value(result, OFFICE, f"pv_{unit}") == pytest.approx(parts, rel=1e-6)
    assert value(result, HOUSE, "pv_kwp") == 0.0


def scenario(changes):
    return Scenario.model_validate({"name": "soleil", "title": "Soleil", "change": changes})


def test_a_solar_programme_moves_the_result_the_right_way(used):
    """The change of a scenario, on roofs and then on façades as well."""
    changes = [{"kind": "rooftop_pv", "buildings": {"ids": [OFFICE, HOUSE]}, "roof_share": 0.6}]
    roofs = scenario(changes).apply(used)
    changes[0]["facade_share"] = 0.5
    walls = scenario(changes).apply(used)
    none, some, more = (run(one).diagnostics["total"] for one in (used, roofs, walls))
    assert none["pv_kwh"] == 0.0 < some["pv_kwh"] < more["pv_kwh"]
    assert none["pv_roof_kwh"] == some["pv_roof_kwh"] == more["pv_roof_kwh"]


def test_the_offer_is_the_size_worth_most(used, result):
    """Of the sizes tried, no other has a greater net present value; the roof is large enough for all."""
    from dothi.pv.offers import SIZES

    worths = {}
    whole, load = value(result, HOUSE, "pv_roof_kwh"), 0.5 * 8760.0
    made = hourly(used, HOUSE)
    for size in SIZES:
        scale = min(size * load / whole, 1.0)
        kwp = scale * value(result, HOUSE, "pv_roof_kwp")
        if kwp >= 1.0:
            worths[round(kwp, 6)] = by_hand(kwp, scale * made, 500.0)
    best = max(worths, key=lambda kwp: worths[kwp]["npv"])
    assert value(result, HOUSE, "pv_offer_kwp") == pytest.approx(best, rel=1e-5)
    for name in ("npv", "saving", "cost", "used_share", "cover_share"):
        assert value(result, HOUSE, f"pv_offer_{name}") == pytest.approx(worths[best][name], rel=1e-4), name


def hourly(city, building):
    whole = _roofs.with_modules(city, roof=1.0, building=building)
    return unpacked(generation_from(whole, run(whole))["building_generation"]["generation"], np.float32)[0].astype(
        float
    )


def by_hand(kwp, power, load_w):
    """Money of one household with the usual tariffs of France, year by year."""
    finance, rule = load("fr", "tariffs")["finance"], surplus_in_force("fr")
    own = np.minimum(power, load_w).sum() / 1000.0
    out = power.sum() / 1000.0 - own
    at = int(np.searchsorted(rule.upto_kwp, kwp))
    saved, earned = own * in_force("fr", "household").price_kwh[0], out * rule.price_kwh[at]
    price = kwp * float(economy.price_per_kwp("fr", np.array([kwp]))[0])
    cost = price - kwp * rule.premium_kwp[at]
    npv = -cost
    for year in range(1, finance["life_years"] + 1):
        left = (1.0 - finance["degradation_share"]) ** (year - 1)
        flow = left * (saved + earned * (year <= rule.years)) - finance["upkeep_share"] * price
        npv += flow / (1.0 + finance["discount_share"]) ** year
    return {
        "npv": npv,
        "saving": saved + earned,
        "cost": cost,
        "used_share": own / (own + out),
        "cover_share": own / (load_w * 8.76),
    }


def test_nothing_is_offered_without_loads_or_where_too_little_is_used(city, used):
    columns = [name for name in run(city).tables["buildings"] if "offer" in name or "share" in name]
    assert run(city).tables["buildings"][columns].isna().all(axis=None)
    little = run(_roofs.with_loads(city, {HOUSE: 0.01}))
    assert little.tables["buildings"]["pv_offer_kwp"].isna().all()


def test_tiers_make_the_first_kilowatt_hours_saved_the_dearest():
    """A household that uses 400 kWh a month saves what lies in the highest tier first."""
    tariff = in_force("vn", "household", name="vn-household-2025-05")
    load_kwh, own = np.full((1, 12), 400.0), np.full((1, 12), 100.0)
    saved = economy.saved(load_kwh, own, np.array([1.0]), tariff)
    assert saved[0] == pytest.approx(12 * 100 * 3350 * 1.08)
    assert economy.saved(load_kwh, own, np.array([4.0]), tariff)[0] == pytest.approx(
        12 * 4 * float(bill(100.0, tariff) - bill(75.0, tariff))
    )


def test_surplus_is_paid_up_to_its_limits():
    """Viet Nam: since 2025 up to a fifth of what is generated; larger systems earn nothing."""
    rule = surplus_in_force("vn", name="vn-decree-58-2025")
    earned = economy.sold(np.array([100.0, 400.0, 400.0]), np.array([1000.0] * 3), np.array([5.0, 5.0, 2000.0]), rule)
    assert_allclose(earned, [671.0 * 100.0, 671.0 * 200.0, 0.0])


def test_a_limit_of_power_keeps_surplus_unpaid():
    """Decree 135/2024: power that flows out above a fifth of the size earns nothing."""
    city = _roofs.with_loads(_roofs.roofs("vn"), {HOUSE: 1.0})
    capped = run(city, surplus="vn-decree-135-2024")
    assert capped.diagnostics["surplus"]["id"] == "vn-decree-135-2024"
    assert capped.diagnostics["currency"] == "VND"
    kwp, made = (value(capped, HOUSE, f"pv_offer_{name}") for name in ("kwp", "kwh"))
    power = hourly(city, HOUSE) * (made / value(capped, HOUSE, "pv_roof_kwh"))
    out = np.maximum(power - 1000.0, 0.0)
    paid = np.minimum(out, 0.2 * kwp * 1000.0).sum() / 1000.0
    assert 0.0 < paid < 0.98 * out.sum() / 1000.0
    month = pd.date_range("2001-01-01", periods=8760, freq="h").month.to_numpy() - 1
    own = economy.monthly_kwh(np.minimum(power, 1000.0)[None], month)
    load_kwh = economy.monthly_kwh(np.full((1, 8760), 1000.0), month)
    saved = economy.saved(load_kwh, own, np.array([1.0]), in_force("vn", "household"))[0]
    assert value(capped, HOUSE, "pv_offer_saving") == pytest.approx(saved + 671.0 * paid, rel=1e-4)


def test_worth_in_closed_form_without_discount_and_wear():
    """1,000 kWh saved at 0.2 a year for 10 years, no upkeep: paid back when the price is earned."""
    finance = economy.Finance(life_years=10, discount_share=0.0, degradation_share=0.0, upkeep_share=0.0)
    rule = surplus_in_force("fr", name="fr-s21-2026-01")
    kwp = np.array([3.0])
    found = economy.worth(kwp, np.array([1000.0]), np.array([1200.0]), np.array([0.0]), rule, "fr", finance)
    cost = 3.0 * 2750.0 - 3.0 * 80.0
    assert found.cost[0] == pytest.approx(cost)
    assert found.npv[0] == pytest.approx(12_000.0 - cost)
    assert found.payback_years[0] == pytest.approx(cost / 1200.0)
    assert found.lcoe[0] == pytest.approx(cost / 10_000.0)
    late = economy.worth(kwp, np.array([1000.0]), np.array([100.0]), np.array([0.0]), rule, "fr", finance)
    assert np.isnan(late.payback_years[0])


def test_worth_with_discount_wear_and_upkeep_is_a_geometric_sum():
    finance = economy.Finance(life_years=25, discount_share=0.04, degradation_share=0.01, upkeep_share=0.02)
    rule = surplus_in_force("fr", name="fr-s21-2026-01")
    kwp = np.array([6.0])
    found = economy.worth(kwp, np.array([6000.0]), np.array([800.0]), np.array([50.0]), rule, "fr", finance)
    q, v = 0.99, 1.0 / 1.04
    series = {n: v * (1.0 - (q * v) ** n) / (1.0 - q * v) for n in (20, 25)}
    annuity = (1.0 - v**25) / 0.04
    price = 6.0 * 2210.0
    cost = price - 6.0 * 80.0
    assert found.npv[0] == pytest.approx(800.0 * series[25] + 50.0 * series[20] - 0.02 * price * annuity - cost)
    assert found.lcoe[0] == pytest.approx((cost + 0.02 * price * annuity) / (6000.0 * series[25]))


def test_prices_of_installations_fall_with_their_size():
    sizes = np.array([1.0, 3.0, 5.0, 9.0, 50.0, 500.0, 5000.0])
    for country in ("fr", "vn"):
        prices = economy.price_per_kwp(country, sizes)
        assert (np.diff(prices) <= 0.0).all()
        assert prices[0] == prices[1]


def test_energy_by_month_is_that_of_the_year():
    power = np.random.default_rng(1).uniform(0.0, 1000.0, (3, 48)).astype(np.float32)
    month = np.repeat([0, 11], 24)
    found = economy.monthly_kwh(power, month)
    assert_allclose(found.sum(axis=1), power.sum(axis=1, dtype=float) / 1000.0)
    assert_allclose(found[:, 0], power[:, :24].sum(axis=1, dtype=float) / 1000.0)


def test_a_city_without_light_is_refused(city):
    bare = City(city.name, city.country, city.crs, city.bounds).with_tables(buildings=city["buildings"])
    with pytest.raises(InputError, match="surface_light: table is present"):
        require(bare, PvModel)


def test_roofs_of_viet_nam_are_flat_and_face_south():
    result = run(_roofs.roofs("vn"))
    data = load("vn", "solar")["roof"]
    spacing = rows.pitch(47.2, data["rack"]["tilt_deg"])
    room = 15.0 * 7.0 * (1.0 - data["obstacle_flat_share"])  # strip of 0.5 m
    assert value(result, HOUSE, "pv_roof_kwp") == pytest.approx(room / spacing * EFFICIENCY, rel=5e-3)


def test_angles_of_incidence_are_those_of_true_north(city):
    """True north lies 3.3° off the grid there; glass by pvlib, with the azimuth of the sun on the globe."""
    import pvlib

    from dothi.pv import modules
    from dothi.pv.arrays import FLUSH, Arrays
    from dothi.pv.yields import Power, Technology
    from dothi.sky import Light, sun_path

    light, site = Light.of(city), site_of(city)
    row = np.flatnonzero(light.surface_id == ROOFS[GABLE])
    assert abs(site.convergence_deg) > 3.0
    one, count = np.zeros(len(light), dtype=np.int64), np.arange(len(light))
    azimuth = np.nan_to_num(light.azimuth_deg)
    arrays = Arrays(count, light.tilt_deg, azimuth, np.ones(len(light)), one + FLUSH, one, light.kind == "roof")
    power = Power(arrays, light, city["weather"], Technology(0.0, 1.2, "sapm", 1.0, 0.0)).hourly(row)[0]
    beam, diffuse = (part[0].astype(float) for part in light.split(row))
    path = sun_path(city["weather"], site.latitude, site.longitude)
    angle = pvlib.irradiance.aoi(30.0, 180.0, path.zenith_deg, path.azimuth_deg)
    useful = beam * pvlib.iam.physical(angle, *modules.PANE) + diffuse * modules.diffuse_share(np.array([30.0]))[0]
    known = pvlib.inverter.pvwatts(useful / 1000.0 * modules.kept_share(), 1.0 / 1.2 / 0.96)
    assert_allclose(power, known, atol=2e-6)


def test_a_tariff_is_taken_by_name_and_told_with_its_source():
    city = _roofs.with_loads(_roofs.roofs("vn"), {HOUSE: 1.0})
    usual, named = run(city), run(city, tariff="vn-household-five-tiers")
    assert usual.diagnostics["tariffs"]["household"]["id"] == "vn-household-2025-05"
    told = named.diagnostics["tariffs"]["household"]
    assert (told["id"], told["verified"]) == ("vn-household-five-tiers", False)
    assert "Decision 14/2025" in told["source"]
    assert value(named, HOUSE, "pv_offer_saving") != value(usual, HOUSE, "pv_offer_saving")
    with pytest.raises(InputError, match="vn-household-five-tiers"):
        run(city, tariff="none such")


def test_buildings_whose_load_is_not_known_have_no_offer(used):
    result = run(used.with_tables(building_loads=used["building_loads"].drop(HOUSE)))
    assert np.isnan(value(result, HOUSE, "pv_offer_kwp"))
    assert value(result, OFFICE, "pv_offer_kwp") > 1.0


def test_a_city_without_a_suitable_roof_has_no_modules(used):
    result = run(used, least_share=1.0)
    assert result.tables["buildings"]["pv_roof_kwp"].sum() == 0.0
    assert result.tables["surfaces"].isna().all(axis=None)
    assert result.diagnostics["arrays"] == {"roof": 0, "facade": 0}
    assert result.diagnostics["roof_kwh_kwp"] is None
    shed = used.with_tables(surface_light=used["surface_light"].loc[[ROOFS[SHED]]])
    assert run(shed).diagnostics["arrays"] == {"roof": 0, "facade": 0}
    assert (
        run(shed.with_tables(surface_light=shed["surface_light"].iloc[:0])).diagnostics["total"]["pv_roof_kwh"] == 0.0
    )
