"""Heat balance against the six programs of ANSI/ASHRAE Standard 140, where the weather of Denver is at hand."""

import pytest

from dothi.errors import Problems
from dothi.io.epw import read_epw
from dothi.verify.bestest import COOLING, FILE, HEATING, ROOMS, Denver


@pytest.fixture
def denver(sample):
    return Denver(read_epw(sample(FILE), Problems())["weather"])


def test_loads_lie_within_fifteen_percent_of_the_range_of_the_programs(denver):
    """Limits of the standard are wider; those that hold no heat to speak of are left out."""
    for name, room in ROOMS.items():
        found = denver.simulate(room)
        for value, table in ((found.heating_mwh, HEATING), (found.cooling_mwh, COOLING)):
            if name in table and table[name][2] > 0.5:
                _, _, low, high = table[name]
                assert 0.85 * low <= value <= 1.15 * high, name


def test_differences_between_cases_are_those_of_the_programs(denver):
    """What a change of the room does: mass, windows, insulation, set points [MWh]; means of the programs."""
    loads = {name: denver.simulate(ROOMS[name]) for name in ("600", "620", "680", "685", "900", "920", "980", "985")}

    def middle(table, name):
        return 0.5 * (table[name][2] + table[name][3])

    for one, other in (("900", "600"), ("620", "600"), ("680", "600"), ("685", "600"), ("920", "900"), ("980", "900")):
        for table, value in ((HEATING, "heating_mwh"), (COOLING, "cooling_mwh")):
            found = getattr(loads[one], value) - getattr(loads[other], value)
            assert found == pytest.approx(middle(table, one) - middle(table, other), abs=0.35)
