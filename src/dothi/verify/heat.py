"""Cases of the heat balance: closed forms of one room, and BESTEST."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from dothi.heat import kernels as k
from dothi.heat.moisture import EVAPORATION_J_KG, RATED_C, coil_temperature_c, rated_moisture, saturated
from dothi.heat.network import Zones, coefficients
from dothi.shapes import Floats
from dothi.verify import Case, Quantity
from dothi.verify.bestest import COOLING, FILE, FLOATING, FREE, HEATING, LET_IN_SHARE, ROOMS, SUN_KWH_M2, Denver

FAR: Final = 1e4
USUAL: Final = {
    "H_ve": 30.0, "H_is": 600.0, "H_w": 40.0, "H_1": 900.0, "H_2": 1200.0, "H_e": 60.0, "H_g": 0.0,
    "C_1": 2e7, "C_2": 1e7, "gain_air": 0.5, "sun_1": 0.2, "sun_2": 0.5, "sun_lost": 0.0,
    "heat_set_c": -FAR, "cool_set_c": FAR, "open_set_c": FAR, "heat_max_w": 1e7, "cool_max_w": 1e7,
    "volume_m3": 200.0, "moisture_buffer": 1.0, "coil_c": 11.0,
}  # fmt: skip
"""A room of some 80 m²."""


@dataclass(frozen=True, slots=True)
class Year:
    """What came of a room: powers [W], temperature [°C], each (hours,), and its state at the end."""

    heat: Floats
    cool: Floats
    wet: Floats
    room_c: Floats
    state: Floats


def room(**numbers: float) -> Zones:
    """A room like the usual one, with some numbers of its own."""
    given = {**USUAL, **numbers}
    return Zones(**{name: np.array([float(given.get(name, 0.0))]) for name in Zones.__dataclass_fields__})


def simulate(
    zones: Zones,
    air_c: Floats,
    *,
    sun_w: Any = 0.0,
    skin_w: Any = 0.0,
    sky_k: Any = 0.0,
    ground_k: Any = 0.0,
    moisture: Any = 0.008,
    profiles: Floats | None = None,
    start: tuple[float, float, float] = (20.0, 20.0, 0.008),
    dtype: Any = np.float64,
) -> Year:
    """Run a room through some hours."""
    hours = len(air_c)

    def series(value: Any) -> Floats:
        return np.ascontiguousarray(np.broadcast_to(np.asarray(value, dtype=dtype), (hours,)))

    plan = np.ones((hours, 1, k.N_PROFILES)) if profiles is None else profiles
    state = np.array(start, dtype=dtype)[:, None].copy()
    out = [np.zeros((1, hours), dtype=dtype) for _ in range(4)]
    k.balance(
        coefficients(zones).astype(dtype), np.zeros(1, dtype=np.int64), series(air_c), series(sky_k), series(ground_k),
        series(moisture), plan.astype(dtype), series(sun_w)[None, :], series(skin_w)[None, :],
        np.zeros(1, dtype=np.int64), np.ones(1, dtype=dtype), state, *out,
    )  # fmt: skip
    heat, cool, wet, air = (one[0] for one in out)
    return Year(heat, cool, wet, air, state[:, 0])


def _steady() -> Iterator[Quantity]:
    held = room(heat_set_c=20.0)
    z = {name: float(getattr(held, name)[0]) for name in Zones.__dataclass_fields__}
    through = z["H_w"] + 1.0 / (1.0 / z["H_1"] + 1.0 / z["H_e"])
    loss = z["H_ve"] + 1.0 / (1.0 / z["H_is"] + 1.0 / through)
    year = simulate(held, np.zeros(4000))
    yield Quantity("heating at 0 °C outdoors", "W", float(year.heat[-1]), 20.0 * loss, 1e-6)
    yield Quantity("room", "°C", float(year.room_c[-1]), 20.0, 1e-9)
    hot = simulate(room(cool_set_c=24.0), np.full(4000, 34.0))
    yield Quantity("cooling at 34 °C outdoors", "W", float(hot.cool[-1]), 10.0 * loss, 1e-6)
    weak = simulate(room(heat_set_c=20.0, heat_max_w=500.0), np.zeros(6000))
    yield Quantity("room with 500 W", "°C", float(weak.room_c[-1]), 500.0 / loss, 1e-6)
    ground = room(H_g=25.0, H_ve=1e-9, H_w=0.0, H_e=0.0)
    settled = simulate(ground, np.full(40_000, 5.0), ground_k=7.0)
    yield Quantity("room that only the ground warms", "°C", float(settled.room_c[-1]), 12.0, 1e-6)


def _one_mass(hours: float) -> tuple[Zones, float]:
    """A room whose envelope alone stores heat, with a time constant."""
    to_air = 1.0 / (1.0 / 900.0 + 1.0 / 40.0)
    capacity = hours * 3600.0 * (60.0 + to_air)
    return room(H_ve=1e-9, H_2=1e-6, C_2=1e9, C_1=capacity), hours


def _decay() -> Iterator[Quantity]:
    zones, tau = _one_mass(120.0)
    year = simulate(zones, np.zeros(240), start=(20.0, 20.0, 0.008))
    yield Quantity("mass after two time constants", "°C", float(year.state[0]), 20.0 * np.exp(-240.0 / tau), 1e-3)


def _wave() -> Iterator[Quantity]:
    zones, tau = _one_mass(60.0)
    hours = np.arange(24 * 200)
    omega = 2.0 * np.pi / 24.0
    half = np.sin(omega / 2.0) / (omega / 2.0)  # an hour has the mean of the wave
    year = simulate(zones, 10.0 * half * np.sin(omega * (hours + 0.5)), start=(0.0, 0.0, 0.008))
    share = 40.0 / (900.0 + 40.0)  # surfaces lie between windows and mass
    inner = 10.0 / np.sqrt(1.0 + (omega * tau) ** 2)
    lag = np.arctan(omega * tau)
    expected = share * 10.0 * np.sin(omega * (hours + 0.5)) + (1.0 - share) * inner * np.sin(
        omega * (hours + 0.5) - lag
    )
    worst = float(np.abs(year.room_c - expected)[-24:].max())
    yield Quantity("error of a wave of 10 K a day", "K", worst, 0.0, 0.02)


def _openings() -> Iterator[Quantity]:
    profiles = np.ones((3, 1, k.N_PROFILES))
    closed = simulate(room(), np.full(3, 15.0), profiles=profiles, start=(26.0, 26.0, 0.008))
    answer = float(coefficients(room())[k.A_Q, 0])
    aired = simulate(room(occupied_w_k=80.0), np.full(3, 15.0), profiles=profiles, start=(26.0, 26.0, 0.008))
    mixed = (closed.room_c[0] + answer * 80.0 * 15.0) / (1.0 + answer * 80.0)
    yield Quantity("room with air for people", "°C", float(aired.room_c[0]), float(mixed), 1e-9)
    wide = room(opening_w_k=500.0, open_set_c=22.0)
    year = simulate(wide, np.full(3, 15.0), profiles=profiles, start=(26.0, 26.0, 0.008))
    yield Quantity("room whose windows hold 22 °C", "°C", float(year.room_c[0]), 22.0, 1e-9)
    narrow = room(opening_w_k=20.0, open_set_c=22.0)
    year = simulate(narrow, np.full(3, 15.0), profiles=profiles, start=(26.0, 26.0, 0.008))
    mixed = (closed.room_c[0] + answer * 20.0 * 15.0) / (1.0 + answer * 20.0)
    yield Quantity("room whose windows do not do", "°C", float(year.room_c[0]), float(mixed), 1e-9)
    cooled = room(opening_w_k=20.0, open_set_c=22.0, cool_set_c=23.0)
    year = simulate(cooled, np.full(3, 15.0), profiles=profiles, start=(26.0, 26.0, 0.008))
    yield Quantity("cooling behind windows shut", "W", float(year.cool[0]), (closed.room_c[0] - 23.0) / answer, 1e-6)
    hot = simulate(wide, np.full(3, 35.0), profiles=profiles, start=(26.0, 26.0, 0.008))
    shut = simulate(room(), np.full(3, 35.0), profiles=profiles, start=(26.0, 26.0, 0.008))
    yield Quantity("room in a heat wave, windows shut", "°C", float(hot.room_c[0]), float(shut.room_c[0]), 1e-9)


def _moisture() -> Iterator[Quantity]:
    flow = 30.0 * k.KG_H_PER_W_K
    year = simulate(room(moisture_kg_h=0.3), np.full(4000, 20.0), moisture=0.008)
    yield Quantity("moisture of a room with people", "g/kg", 1e3 * float(year.state[2]), 8.0 + 300.0 / flow, 1e-9)
    once = simulate(room(moisture_kg_h=0.3, moisture_buffer=5.0), np.full(1, 20.0), moisture=0.008)
    held = 1.2 * 200.0 * 5.0
    expected = (held * 0.008 + flow * 0.008 + 0.3) / (held + flow)
    yield Quantity("after an hour, with furniture", "g/kg", 1e3 * float(once.state[2]), 1e3 * expected, 1e-9)
    yield from _carried_by_air()
    machine = room(cool_set_c=26.0, moisture_kg_h=0.3, coil_c=11.0)
    humid = simulate(machine, np.full(4000, 34.0), moisture=0.020, start=(26.0, 26.0, 0.012))
    inside, dry = float(humid.state[2]), float(saturated(11.0))
    condensed = flow * (0.020 - inside) + 0.3
    latent = condensed * EVAPORATION_J_KG / 3600.0
    yield Quantity("latent cooling over water that condenses", "", float(humid.wet[-1]) / latent, 1.0, 1e-6)
    line = float(humid.cool[-1]) * EVAPORATION_J_KG * (inside - dry) / (1006.0 * (26.0 - 11.0))
    yield Quantity("latent cooling on the line of the coil", "", float(humid.wet[-1]) / line, 1.0, 1e-6)
    dusty = simulate(machine, np.full(50, 34.0), moisture=0.004, start=(26.0, 26.0, 0.005))
    yield Quantity("latent cooling of dry air", "W", float(np.abs(dusty.wet).max()), 0.0, 0.0)
    steady = 4.0 + 300.0 / flow
    settled = simulate(machine, np.full(4000, 34.0), moisture=0.004, start=(26.0, 26.0, 0.005))
    free = 1e3 * min(float(saturated(11.0)), steady / 1e3)
    yield Quantity("moisture of dry air past a coil", "g/kg", 1e3 * float(settled.state[2]), free, 1e-9)
    coil = float(coil_temperature_c(0.75)[0])
    wet = EVAPORATION_J_KG * (rated_moisture() - float(saturated(coil))) / (1006.0 * (RATED_C - coil))
    yield Quantity("sensible share of a machine rated 0.75", "", 1.0 / (1.0 + wet), 0.75, 1e-6)


def _carried_by_air() -> Iterator[Quantity]:
    """An hour of moisture with air for people and open windows, and with windows that cooling shuts."""
    aired = {"occupied_w_k": 45.0, "opening_w_k": 60.0, "open_set_c": 10.0, "moisture_kg_h": 0.3}
    held, start = 1.2 * 200.0, (26.0, 26.0, 0.012)
    open_wide = simulate(room(**aired), np.full(1, 15.0), moisture=0.006, start=start)
    flow = (30.0 + 45.0 + 60.0) * k.KG_H_PER_W_K
    expected = (held * 0.012 + flow * 0.006 + 0.3) / (held + flow)
    yield Quantity("moisture with windows open", "g/kg", 1e3 * float(open_wide.state[2]), 1e3 * expected, 1e-9)
    shut = simulate(room(**aired, cool_set_c=12.0, coil_c=5.0), np.full(1, 15.0), moisture=0.006, start=start)
    flow = (30.0 + 45.0) * k.KG_H_PER_W_K
    coil = float(shut.cool[0]) * 3600.0 / (1006.0 * (12.0 - 5.0))
    expected = (held * 0.012 + flow * 0.006 + 0.3 + coil * float(saturated(5.0))) / (held + flow + coil)
    yield Quantity("moisture with windows that cooling shuts", "g/kg", 1e3 * float(shut.state[2]), 1e3 * expected, 1e-9)


def balance_error() -> float:
    """Greatest residual of the heat balances of nodes and room over many odd hours, over the heat that flows."""
    rng = np.random.default_rng(7)
    zones = room(
        H_g=12.0, people_w=300.0, appliances_w=500.0, lighting_w=90.0, sun_lost=0.05, sky_1=9.0, sky_s=4.0,
        occupied_w_k=45.0, opening_w_k=150.0, open_set_c=23.0, heat_set_c=20.0, setback_k=3.0, cool_set_c=26.0,
        heat_max_w=6e3, cool_max_w=4e3, moisture_kg_h=0.2,
    )  # fmt: skip
    z = {name: float(getattr(zones, name)[0]) for name in Zones.__dataclass_fields__}
    state, worst = (21.0, 19.0, 0.009), 0.0
    for _ in range(300):
        te, sun, skin = rng.uniform(-8.0, 38.0), rng.uniform(0.0, 4e3), rng.uniform(0.0, 3e3)
        sky, ground, use = rng.uniform(0.0, 20.0), rng.uniform(-9.0, 9.0), rng.uniform(0.0, 1.0, k.N_PROFILES)
        year = simulate(
            zones, np.array([te]), sun_w=sun, skin_w=skin, sky_k=sky, ground_k=ground,
            profiles=use[None, None, :], start=state,
        )  # fmt: skip
        new, room_c = year.state, float(year.room_c[0])
        gains = z["people_w"] * use[k.OCC] + z["appliances_w"] * use[k.APP] + z["lighting_w"] * use[k.LIT]
        mean_1, mean_2 = (0.5 * (state[i] + new[i]) for i in (0, 1))
        lost = z["sky_s"] * sky
        to_surface = (1.0 - z["gain_air"]) * gains + (1.0 - z["sun_1"] - z["sun_2"] - z["sun_lost"]) * sun - lost
        joined = z["H_is"] + z["H_w"] + z["H_1"] + z["H_2"]
        surface = z["H_is"] * room_c + z["H_w"] * te + z["H_1"] * mean_1 + z["H_2"] * mean_2 + to_surface
        surface /= joined
        stored = (z["C_1"] * (new[0] - state[0]) + z["C_2"] * (new[1] - state[1])) / 3600.0
        inside = gains * (1.0 - z["gain_air"]) + sun * (1.0 - z["sun_lost"]) + skin - lost - z["sky_1"] * sky
        lost_out = z["H_w"] * (surface - te) + z["H_e"] * (mean_1 - te) + z["H_g"] * (mean_2 - te - ground)
        residual = inside + z["H_is"] * (room_c - surface) - lost_out - stored
        air = z["H_ve"] * (te - room_c) + z["H_is"] * (surface - room_c) + z["gain_air"] * gains
        machine = float(year.heat[0]) - float(year.cool[0])
        vented = machine + air  # carried off by air for people and through windows
        least, most = z["occupied_w_k"] * use[k.OCC], z["opening_w_k"] * use[k.OPEN]
        possible = sorted((least * (room_c - te), (least + most) * (room_c - te)))
        outside = max(possible[0] - vented, vented - possible[1], 0.0)
        scale = abs(inside) + abs(machine) + abs(lost_out) + 1.0
        worst = max(worst, abs(residual) / scale, outside / scale)
        state = (float(new[0]), float(new[1]), float(new[2]))
    return worst


def _closed() -> Iterator[Quantity]:
    yield Quantity("greatest residual over the heat that flows", "", balance_error(), 0.0, 1e-9)


def _precision() -> Iterator[Quantity]:
    rng = np.random.default_rng(3)
    hours = 8760
    air = 12.0 + 9.0 * np.sin(np.arange(hours) * 2.0 * np.pi / 8760.0) + rng.normal(0.0, 4.0, hours)
    zones = room(heat_set_c=20.0, cool_set_c=25.0, open_set_c=23.0, opening_w_k=100.0, appliances_w=400.0)
    sun = np.maximum(rng.normal(300.0, 600.0, hours), 0.0)
    fine, coarse = (simulate(zones, air, sun_w=sun, dtype=kind) for kind in (np.float64, np.float32))
    for name, one, other in (("heating", fine.heat, coarse.heat), ("cooling", fine.cool, coarse.cool)):
        error = float(np.sum(other, dtype=np.float64) / one.sum() - 1.0)
        yield Quantity(f"{name} of the year, single less double precision", "", error, 0.0, 2e-4)
    yield Quantity("temperature, greatest difference", "K", float(np.abs(fine.room_c - coarse.room_c).max()), 0.0, 2e-3)


def _within(name: str, unit: str, value: float, low: float, high: float) -> Quantity:
    """A value that should lie between two."""
    return Quantity(name, unit, value, 0.5 * (low + high), 0.5 * (high - low))


def _denver(path: Path) -> Denver:
    from dothi.errors import Problems
    from dothi.io.epw import read_epw

    return Denver(read_epw(path, Problems(path.name))["weather"])


def _bestest(path: Path) -> Iterator[Quantity]:
    denver = _denver(path)
    for name, one in ROOMS.items():
        found = denver.simulate(one)
        for word, value, table in (("heating", found.heating_mwh, HEATING), ("cooling", found.cooling_mwh, COOLING)):
            if name in table:
                yield _within(f"{word} of case {name}", "MWh", value, *table[name][:2])


def _floating(path: Path) -> Iterator[Quantity]:
    denver = _denver(path)
    for name, one in FREE.items():
        found = denver.simulate(one)
        hot_low, hot_high, cold_low, cold_high = FLOATING[name]
        yield _within(f"warmest hour of {name}", "°C", found.warmest_c, hot_low - 1.0, hot_high + 1.0)
        yield _within(f"coldest hour of {name}", "°C", found.coldest_c, cold_low - 1.0, cold_high + 1.0)


def _sun(path: Path) -> Iterator[Quantity]:
    denver = _denver(path)
    for plane, (low, high) in SUN_KWH_M2.items():
        yield _within(f"sun on the {plane} plane", "kWh/m²", denver.sun_kwh_m2(plane), 0.995 * low, 1.005 * high)
    for name, (low, high) in LET_IN_SHARE.items():
        share = float(denver.let_in(ROOMS[name]).sum() / 1e3 / 12.0 / denver.sun_kwh_m2("south"))
        yield _within(f"sun let in over sun on the window, case {name}", "", share, low, 1.12 * high)


CASES: Final = (
    Case("heat", "Steady state", "Resistances in series and parallel; to rounding.", _steady),
    Case("heat", "Decay", "Exponential; error of the trapezoidal rule at a step of 1/120 time constant.", _decay),
    Case("heat", "Daily wave", "Attenuation and lag of one mass, closed form; steps of an hour.", _wave),
    Case("heat", "Windows", "Mixing of two temperatures by hand; to rounding.", _openings),
    Case("heat", "Moisture", "Balance of water by hand, and the line of the coil; to rounding.", _moisture),
    Case("heat", "Balance", "First law for every node in 300 random hours of a room with all there is.", _closed),
    Case("heat", "Precision", "The same kernel in single and in double precision.", _precision),
    Case(
        "heat",
        "BESTEST, annual loads",
        "ANSI/ASHRAE Standard 140, section 5.2: limits of 140-2023 addendum b, see `dothi.verify.bestest`.",
        _bestest,
        (FILE,),
    ),
    Case(
        "heat",
        "BESTEST, free float",
        "The same: range of six programs; 1 K beyond it, as one air node stands for a room whose air is layered.",
        _floating,
        (FILE,),
    ),
    Case(
        "heat",
        "BESTEST, sun",
        "The same, table B8-13: range of six programs and 0.5 %; sun let in, B8-11, and up to 12 % that panes take up.",
        _sun,
        (FILE,),
    ),
)
"""Cases of the heat balance."""
