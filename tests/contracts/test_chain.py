"""What holds for the chain of all simulations on offer."""

from dothi.chain import STAGES


def test_every_simulation_stands_behind_those_it_takes_from_and_needs_none_that_is_made_on_request_only():
    names = list(STAGES)
    for name, stage in STAGES.items():
        assert all(names.index(earlier) < names.index(name) for earlier in stage.before)
        assert stage.on_request or not any(STAGES[earlier].on_request for earlier in stage.before)
        assert stage.load().name == name
