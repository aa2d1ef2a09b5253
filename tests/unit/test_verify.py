"""Cases whose answer is known."""

import pytest

from dothi.verify import ENGINES, Case, Checked, Quantity, cases


def test_value_that_is_missing_never_passes():
    assert not Quantity("gap", "", float("nan"), 0.0, 1.0).passed


def test_case_fails_when_one_quantity_does():
    case = Case("traffic", "two roads", "by hand", lambda: ())
    near, far = Quantity("flow", "veh/h", 1.0, 1.0, 0.0), Quantity("flow", "veh/h", 2.0, 1.0, 0.5)
    assert Checked(case, (near,)).passed
    assert not Checked(case, (near, far)).passed


ALL = [case for engine in ENGINES for case in cases(engine)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.engine}-{case.name}".replace(" ", "-"))
def test_engine_meets_the_known_answer(case, sample):
    failed = [quantity for quantity in case.run(*map(sample, case.files)) if not quantity.passed]
    assert not failed
