"""Laws that every equilibrium of traffic obeys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dothi.traffic.assignment import equilibrium
from dothi.traffic.gap import imbalance_veh_h
from dothi.traffic.network import BPR, CONICAL, Network, Turns
from dothi.traffic.paths import skims

settings.register_profile("assignment", max_examples=40, deadline=None)
FEW = settings.get_profile("assignment")

N_NODES, N_ZONES, GAP = 7, 3, 1e-9
PCU = np.array([1.0, 0.3])
LINK = st.tuples(
    st.integers(0, N_NODES - 1),
    st.integers(0, N_NODES - 1),
    st.sampled_from([0.0, 10.0, 10.0, 25.0, 40.0]),  # ties and links that cost nothing
    st.sampled_from([50.0, 200.0, 1000.0]),
    st.sampled_from([(BPR, 0.0, 1.0), (BPR, 0.15, 4.0), (BPR, 1.0, 1.0), (BPR, 0.5, 2.5), (CONICAL, 4.0, 1.0)]),
    st.tuples(*[st.sampled_from([0.0, 0.0, 5.0, np.inf])] * 2),
)
TRIPS = st.lists(st.sampled_from([0.0, 1.0, 60.0, 300.0]), min_size=2 * N_ZONES**2, max_size=2 * N_ZONES**2)


@st.composite
def cases(draw) -> tuple[Network, np.ndarray]:
    links = draw(st.lists(LINK, min_size=4, max_size=24))
    from_node, to_node, time, capacity, curve, cost = zip(*links, strict=True)
    function, alpha, beta = zip(*curve, strict=True)
    through = draw(st.sampled_from([0, N_ZONES]))
    network = Network(
        N_ZONES, N_NODES, from_node, to_node, time, capacity, alpha, beta, function, np.array(cost).T,
        first_through_node=through,
    )  # fmt: skip
    if draw(st.booleans()):
        network = replace(network, turns=draw(turns(network)))
    return network, np.array(draw(TRIPS)).reshape(2, N_ZONES, N_ZONES)


@st.composite
def turns(draw, network: Network) -> Turns:
    meet = (network.to_node[:, None] == network.from_node) & (network.to_node >= N_ZONES)[:, None]
    pairs = np.argwhere(meet)
    penalty = draw(st.lists(st.sampled_from([None, None, 0.0, 15.0, np.inf]), min_size=len(pairs), max_size=len(pairs)))
    kept = [row for row, value in enumerate(penalty) if value is not None]
    return Turns(pairs[kept, 0], pairs[kept, 1], [penalty[row] for row in kept])


def solve(network: Network, demand: np.ndarray, **more):
    return equilibrium(network, demand, PCU, gap=GAP, max_iterations=200, **more)


@FEW
@given(cases())
def test_gap_is_reached_nothing_is_lost_and_closed_links_stay_empty(case):
    network, demand = case
    found = solve(network, demand)
    assert found.gap <= GAP  # recomputed by SciPy
    made = demand.copy()
    lost = found.unreachable
    made[lost.class_index, lost.origin, lost.destination] = 0.0
    assert imbalance_veh_h(network, made, found.volumes_veh_h) < 1e-9
    assert (found.volumes_veh_h >= 0.0).all()
    assert not found.volumes_veh_h[np.isinf(network.cost_s)].any()
    assert not found.turns_veh_h[:, np.isinf(network.turns.penalty_s)].any()


@FEW
@given(cases())
def test_trips_are_lost_just_where_there_is_no_path(case):
    network, demand = case
    found = solve(network, demand)
    between = np.ones((N_ZONES, N_ZONES)) - np.eye(N_ZONES)
    none = np.isinf(skims(network, found)["cost_s"]) & (demand * between > 0.0)
    lost = np.zeros(demand.shape, dtype=bool)
    lost[found.unreachable.class_index, found.unreachable.origin, found.unreachable.destination] = True
    assert (lost == none).all()


@FEW
@given(cases())
def test_used_ways_of_a_bush_cost_the_same(case):
    """A trip of any bush pays on average what the cheapest path costs."""
    network, demand = case
    found = solve(network, demand)
    least = skims(network, found)["cost_s"]
    paid = np.zeros(2)
    for m in range(2):
        used = found.volumes_veh_h[m] > 0.0
        paid[m] = found.volumes_veh_h[m][used] @ (found.class_time_s[m] + network.cost_s[m])[used]
        turned = found.turns_veh_h[m] > 0.0
        paid[m] += found.turns_veh_h[m][turned] @ network.turns.penalty_s[turned]
    made = np.isfinite(least) & (demand > 0.0)
    due = np.where(made, least, 0.0) * demand
    assert paid == pytest.approx(due.sum(axis=(1, 2)), rel=1e-6, abs=1e-6)


@FEW
@given(cases(), st.integers(0, 2**32 - 1))
def test_numbering_of_nodes_and_links_changes_neither_gap_nor_objective(case, seed):
    network, demand = case
    rng = np.random.default_rng(seed)
    node = np.concatenate([np.arange(N_ZONES), N_ZONES + rng.permutation(N_NODES - N_ZONES)])
    order = rng.permutation(network.n_links)
    place = np.argsort(order)
    names = ("free_time_s", "capacity_pcu_h", "alpha", "beta", "function", "background_pcu_h")
    other = replace(
        network,
        from_node=node[network.from_node][order],
        to_node=node[network.to_node][order],
        cost_s=network.cost_s[:, order],
        turns=Turns(place[network.turns.from_link], place[network.turns.to_link], network.turns.penalty_s),
        **{name: getattr(network, name)[order] for name in names},
    )
    one, two = solve(network, demand), solve(other, demand)
    assert two.gap <= GAP
    assert two.objective == pytest.approx(one.objective, rel=1e-7, abs=1e-9)


@FEW
@given(cases(), st.floats(1.0, 3.0))
def test_more_demand_never_lowers_the_objective(case, factor):
    network, demand = case
    less, more = solve(network, demand), solve(network, factor * demand)
    assert more.objective >= less.objective * (1.0 - 1e-8)


@FEW
@given(cases(), st.data())
def test_warm_start_ends_where_a_cold_start_does(case, data):
    """Links are closed, opened and changed at random, and trips too; what is unique comes out the same."""
    network, demand = case
    before = solve(network, demand)
    cost = network.cost_s.copy()
    changed = data.draw(st.lists(st.integers(0, network.n_links - 1), max_size=6))
    for a in changed:
        cost[:, a] = data.draw(st.sampled_from([0.0, 3.0, np.inf]))
    other = replace(network, cost_s=cost)
    trips = np.array(data.draw(TRIPS)).reshape(demand.shape)
    cold, warm = solve(other, trips), solve(other, trips, warm=before)
    assert warm.gap <= GAP
    assert warm.objective == pytest.approx(cold.objective, rel=1e-7, abs=1e-9)
    assert len(warm.unreachable) == len(cold.unreachable)


@FEW
@given(cases(), st.floats(0.2, 1.0))
def test_filtering_reaches_its_gap(case, share):
    network, demand = case
    found = solve(network, demand, filtering=[1.0, share])
    assert found.gap <= GAP
    assert found.objective is None
