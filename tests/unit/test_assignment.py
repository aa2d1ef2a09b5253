"""User equilibrium of traffic on small networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad

from dothi.errors import ConvergenceError, InputError
from dothi.traffic import assignment
from dothi.traffic.assignment import equilibrium
from dothi.traffic.bushes import no_trees, room_for, room_for_pairs
from dothi.traffic.gap import imbalance_veh_h, relative_gap
from dothi.traffic.graph import prepared, traffic_of
from dothi.traffic.kernels import touch_all
from dothi.traffic.kernels_bush import Trees, better_links, improve, label, replace_flow, trim
from dothi.traffic.kernels_shift import move
from dothi.traffic.network import BPR, CONICAL, Network, Turns, beckmann, delay_s, link_time_s
from dothi.traffic.paths import select_link, skims


def network(links, n_zones=2, n_nodes=None, cost_s=None, **more) -> Network:
    """Links as (from, to, free time, capacity[, alpha, beta])."""
    rows = [(*link, 0.15, 4.0)[:6] for link in links]
    from_node, to_node, time, capacity, alpha, beta = map(np.array, zip(*rows, strict=True))
    cost = np.zeros((1, len(rows))) if cost_s is None else np.array(cost_s, dtype=float)
    n = int(max(from_node.max(), to_node.max())) + 1 if n_nodes is None else n_nodes
    function = more.pop("function", np.full(len(rows), BPR))
    return Network(n_zones, n, from_node, to_node, time, capacity, alpha, beta, function, cost, **more)


def trips(net: Network, *entries) -> np.ndarray:
    """Demand with (class, origin, destination, trips)."""
    demand = np.zeros((net.n_classes, net.n_zones, net.n_zones))
    for m, i, j, flow in entries:
        demand[m, i, j] += flow
    return demand


def lattice(n: int = 5, n_classes: int = 1, seed: int = 3) -> tuple[Network, np.ndarray]:
    """Streets of n × n crossings, with a zone at each corner and one in the middle."""
    rng = np.random.default_rng(seed)
    node = 5 + np.arange(n * n).reshape(n, n)
    pairs = [*zip(node[:, :-1].ravel(), node[:, 1:].ravel(), strict=True)]
    pairs += [*zip(node[:-1].ravel(), node[1:].ravel(), strict=True)]
    corners = [node[0, 0], node[0, -1], node[-1, 0], node[-1, -1], node[n // 2, n // 2]]
    streets = [(i, j) for pair in pairs for i, j in (pair, pair[::-1])]
    links = [(i, j, rng.uniform(20, 60), rng.uniform(400, 900)) for i, j in streets]
    links += [row for z, c in enumerate(corners) for row in ((z, c, 0.0, 1.0, 0.0, 1.0), (c, z, 0.0, 1.0, 0.0, 1.0))]
    cost = rng.uniform(0.0, 20.0, (n_classes, len(links)))
    net = network(links, n_zones=5, cost_s=cost)
    demand = rng.uniform(100.0, 400.0, (n_classes, 5, 5)) / n_classes
    return net, demand


# Times


def test_bpr_and_conical_times_are_those_of_their_formulas():
    net = network([(0, 1, 60.0, 1000.0, 0.5, 3.0), (0, 1, 60.0, 1000.0, 4.0, 1.0)], function=[BPR, CONICAL])
    x = 1.3
    b = (2 * 4.0 - 1) / (2 * 4.0 - 2)
    cone = 2.0 + np.sqrt(4.0**2 * (1 - x) ** 2 + b**2) - 4.0 * (1 - x) - b
    assert_allclose(link_time_s(net, np.full(2, 1300.0)), [60.0 * (1 + 0.5 * x**3), 60.0 * cone], rtol=1e-14)
    assert_allclose(link_time_s(net, np.zeros(2)), 60.0, rtol=1e-14)


@pytest.mark.parametrize("function", [[BPR], [CONICAL]])
def test_objective_is_the_integral_of_the_time(function):
    net = network([(0, 1, 60.0, 1000.0, 2.5, 3.0)], function=function, background_pcu_h=[200.0], cost_s=[[7.0]])
    area, _ = quad(lambda v: link_time_s(net, np.array([v]))[0], 0.0, 1500.0, epsabs=1e-9, epsrel=1e-12)
    assert beckmann(net, np.array([[1500.0]])) == pytest.approx(area + 7.0 * 1500.0, rel=1e-12)


@pytest.mark.parametrize(
    ("alpha", "beta", "function"), [(0.4, 4.0, BPR), (0.4, 2.5, BPR), (1.0, 1.0, BPR), (5.0, 1.0, CONICAL)]
)
def test_solver_makes_the_times_of_the_network(alpha, beta, function):
    net = network(
        [(0, 1, 60.0, 1000.0, alpha, beta), (0, 1, 70.0, 900.0, alpha, beta)],
        function=[function] * 2,
        background_pcu_h=[150.0, 50.0],
        cost_s=[[1.0, 2.0]],
    )
    found = equilibrium(net, trips(net, (0, 0, 1, 2000.0)), [1.0], gap=1e-13)
    assert_allclose(found.time_s, link_time_s(net, found.volume_pcu_h), rtol=1e-14)
    assert_allclose(found.time_s[0] + 1.0, found.time_s[1] + 2.0, rtol=1e-10)
    assert found.iterations < 10


def test_kernel_knows_how_times_grow():
    links = [(0, 1, 60.0, 900.0, 0.4, 4.0), (0, 1, 60.0, 900.0, 0.4, 2.5), (0, 1, 60.0, 900.0, 5.0, 1.0)]
    net = network(links, function=[BPR, BPR, CONICAL], background_pcu_h=[50.0, 60.0, 70.0])
    shares = np.array([[0.5, 0.6, 0.7]])
    traffic = traffic_of(net, prepared(net), shares)
    traffic.x[:] = 1000.0
    touch_all(traffic)
    step = 1e-3
    growth = (link_time_s(net, traffic.x + step) - link_time_s(net, traffic.x - step)) / (2.0 * step)
    assert_allclose(traffic.D, growth, rtol=1e-6)
    assert_allclose(traffic.T, 60.0 + shares * delay_s(net, traffic.x), rtol=1e-14)


@pytest.mark.parametrize("flow", [(100.0, 900.0), (900.0, 100.0)])
def test_kernel_moves_flow_either_way_and_counts_what_the_class_feels(flow):
    """Times grow in proportion to flow, so that one Newton step is all it takes."""
    net = network([(0, 1, 60.0, 500.0, 1.0, 1.0)] * 2)
    traffic = traffic_of(net, prepared(net), np.full((1, 2), 0.25))
    traffic.x[:] = flow
    touch_all(traffic)
    trees = no_trees()._replace(link=np.arange(2, dtype=np.int32), flow=np.array(flow))
    pairs = room_for_pairs(1, 2)
    pairs.n[0], pairs.start[1], pairs.middle[0], pairs.place[1] = 1, 2, 1, 1
    difference = 0.25 * 60.0 * 800.0 / 500.0
    assert move(traffic, trees, pairs, 0, 1e-9) == pytest.approx(difference * 900.0)
    assert_allclose(trees.flow, 500.0, rtol=1e-12)
    assert_allclose(traffic.x, 500.0, rtol=1e-12)


# Flows


def test_parallel_links_share_the_flow():
    net = network([(0, 1, 60.0, 1000.0), (0, 1, 60.0, 1000.0), (0, 1, 60.0, 2000.0)])
    found = equilibrium(net, trips(net, (0, 0, 1, 4000.0)), [1.0], gap=1e-12)
    assert_allclose(found.volumes_veh_h[0], [1000.0, 1000.0, 2000.0], rtol=1e-6)


def test_background_takes_its_place():
    net = network([(0, 1, 60.0, 1000.0), (0, 1, 60.0, 1000.0)], background_pcu_h=[300.0, 0.0])
    found = equilibrium(net, trips(net, (0, 0, 1, 1500.0)), [1.0], gap=1e-12)
    assert_allclose(found.volumes_veh_h[0], [600.0, 900.0], rtol=1e-6)


def test_nobody_passes_through_a_centroid_unless_the_network_says_so():
    links = [(0, 2, 10.0, 1e3), (2, 1, 10.0, 1e3), (0, 3, 50.0, 1e3), (3, 1, 50.0, 1e3)]
    around = network(links, n_zones=3)
    through = network(links, n_zones=3, first_through_node=0)
    demand = trips(around, (0, 0, 1, 10.0), (0, 0, 2, 5.0))
    assert_allclose(equilibrium(around, demand, [1.0]).volumes_veh_h[0], [5.0, 0.0, 10.0, 10.0])
    assert_allclose(equilibrium(through, demand, [1.0]).volumes_veh_h[0], [15.0, 10.0, 0.0, 0.0])


def test_links_closed_to_a_class_are_open_to_another():
    net = network([(0, 1, 60.0, 1e3), (0, 1, 90.0, 1e3)], cost_s=[[np.inf, 0.0], [0.0, 0.0]])
    found = equilibrium(net, trips(net, (0, 0, 1, 100.0), (1, 0, 1, 100.0)), [1.0, 0.29])
    assert_allclose(found.volumes_veh_h, [[0.0, 100.0], [100.0, 0.0]])
    assert_allclose(found.volume_pcu_h, [29.0, 100.0])


def test_trips_without_a_path_are_reported_and_the_others_made():
    cost = [[0.0, 0.0], [0.0, np.inf]]
    net = network([(0, 1, 60.0, 1e3), (2, 0, 60.0, 1e3)], n_zones=3, cost_s=cost, first_through_node=0)
    demand = trips(net, (0, 0, 1, 100.0), (0, 1, 0, 7.0), (1, 2, 1, 5.0), (0, 2, 1, 3.0))
    found = equilibrium(net, demand, [1.0, 0.5])
    lost = found.unreachable
    rows = zip(lost.class_index, lost.origin, lost.destination, lost.demand_veh_h, strict=True)
    assert sorted(rows) == [(0, 1, 0, 7.0), (1, 2, 1, 5.0)]
    assert_allclose(found.volumes_veh_h, [[103.0, 3.0], [0.0, 0.0]])
    assert found.converged


def test_trips_within_a_zone_use_no_link():
    net = network([(0, 1, 60.0, 1e3), (1, 0, 60.0, 1e3)])
    found = equilibrium(net, trips(net, (0, 0, 0, 50.0), (0, 0, 1, 10.0)), [1.0])
    assert_allclose(found.volumes_veh_h[0], [10.0, 0.0])
    assert len(found.unreachable) == 0


def test_links_that_cost_nothing_and_circles_of_them_do_no_harm():
    links = [
        (0, 2, 0.0, 1e3, 0.0, 1.0),
        (2, 3, 0.0, 1e3, 0.0, 1.0),
        (3, 2, 0.0, 1e3, 0.0, 1.0),
        (2, 2, 0.0, 1.0, 0.0, 1.0),
    ]
    links += [
        (3, 4, 0.0, 1e3, 0.0, 1.0),
        (4, 2, 0.0, 1e3, 0.0, 1.0),
        (3, 1, 60.0, 1e3),
        (2, 1, 60.0, 1e3),
        (4, 1, 60.0, 1e3),
    ]
    net = network(links)
    found = equilibrium(net, trips(net, (0, 0, 1, 3000.0)), [1.0], gap=1e-12)
    assert_allclose(found.volumes_veh_h[0, -3:], 1000.0, rtol=1e-6)
    assert found.gap <= 1e-12


def test_city_without_trips_or_links_has_an_equilibrium():
    net = network([(0, 1, 60.0, 1e3)])
    found = equilibrium(net, trips(net), [1.0])
    assert found.converged
    assert found.objective == 0.0
    empty = Network(2, 2, [], [], [], [], [], [], [], np.zeros((1, 0)))
    lost = equilibrium(empty, trips(empty, (0, 0, 1, 3.0)), [1.0]).unreachable
    assert lost.demand_veh_h.tolist() == [3.0]


def test_bush_that_outgrows_its_room_gets_more(monkeypatch):
    def tight(*args):
        trees = room_for(*args)
        room = np.diff(trees.link_start)
        n_nodes = args[1]
        start = np.concatenate([[0], np.cumsum(np.minimum(room, n_nodes))])
        return trees._replace(link_start=start, link=trees.link[: start[-1]], flow=trees.flow[: start[-1]])

    net, demand = lattice()
    wide = equilibrium(net, 3 * demand, [1.0], gap=1e-10)
    monkeypatch.setattr(assignment, "room_for", tight)
    found = equilibrium(net, 3 * demand, [1.0], gap=1e-10)
    assert found.converged
    assert_allclose(found.volume_pcu_h, wide.volume_pcu_h, atol=1e-3)


def test_bushes_keep_no_residues_of_rounding():
    net, demand = lattice(6)
    bushes = equilibrium(net, 5 * demand, [1.0], gap=1e-11).bushes
    ends = np.repeat(np.arange(len(bushes.node)), bushes.degree)  # which node of which bush each link ends at
    largest = np.zeros(len(bushes.node))
    np.maximum.at(largest, ends, bushes.flow_pcu_h)
    used = bushes.flow_pcu_h > 0.0
    assert (bushes.flow_pcu_h[used] > 1e-11 * largest[ends][used]).all()
    arriving = np.bincount(ends, bushes.flow_pcu_h, len(bushes.node))
    for b, origin in enumerate(bushes.origin):
        nodes, links = slice(*bushes.node_start[b : b + 2]), slice(*bushes.link_start[b : b + 2])
        leaving = np.bincount(bushes.arcs.from_node[bushes.link[links]], bushes.flow_pcu_h[links], net.n_nodes)
        leaving[:5] += np.where(np.arange(5) == origin, -leaving[:5], 5 * demand[0, origin])
        assert_allclose(arriving[nodes], leaving[bushes.node[nodes]], rtol=1e-14, atol=0.0)


def test_threads_change_nothing(monkeypatch):
    net, demand = lattice(7)
    alone = equilibrium(net, demand, [1.0], gap=1e-9)
    monkeypatch.setattr(assignment, "SMALL_WORK", 0)
    monkeypatch.setattr(assignment, "get_num_threads", lambda: 3)
    together = equilibrium(net, demand, [1.0], gap=1e-9)
    assert_array_equal(together.volumes_veh_h, alone.volumes_veh_h)


def test_it_says_whether_the_gap_was_reached():
    net, demand = lattice()
    heard = []
    found = equilibrium(
        net, 3 * demand, [1.0], gap=1e-12, max_iterations=1, progress=lambda n, gap: heard.append((n, gap))
    )
    assert not found.converged
    assert found.gap > 1e-12
    assert heard == [(n + 1, step.gap) for n, step in enumerate(found.history)]
    assert found.gap == pytest.approx(found.history[-1].gap, rel=1e-6)


def test_flow_that_is_lost_is_never_returned(monkeypatch):
    net, demand = lattice()
    monkeypatch.setattr(assignment, "packed", lambda *args: _without_last_flow(packed(*args)))
    packed = __import__("dothi.traffic.bushes", fromlist=["packed"]).packed
    with pytest.raises(ConvergenceError, match="gains or loses"):
        equilibrium(net, demand, [1.0])


def _without_last_flow(bushes):
    bushes.flow_pcu_h[np.flatnonzero(bushes.flow_pcu_h)[-1]] = 0.0
    return bushes


# Several classes


def test_two_classes_that_are_alike_are_one():
    net, demand = lattice()
    twice = replace(net, cost_s=np.repeat(net.cost_s, 2, axis=0))
    one = equilibrium(net, demand, [1.0], gap=1e-12)
    two = equilibrium(twice, np.concatenate([0.4 * demand, 2.4 * demand]), [1.0, 0.25], gap=1e-12)
    assert_allclose(two.volume_pcu_h, one.volume_pcu_h, atol=1e-4)
    assert two.objective == pytest.approx(one.objective, rel=1e-11)


def test_filtering_by_one_share_everywhere_is_a_class_with_other_costs():
    """Cost t0 + θ d + F ranks paths as t0 + d + ((1 − θ) t0 + F) / θ does, which all classes see alike."""
    net, demand = lattice(n_classes=2)
    share = 0.4
    cost = net.cost_s.copy()
    cost[1] = ((1.0 - share) * net.free_time_s + cost[1]) / share
    alike = equilibrium(replace(net, cost_s=cost), demand * 2, [1.0, 0.3], gap=1e-12)
    found = equilibrium(net, demand * 2, [1.0, 0.3], gap=1e-12, filtering=[1.0, share])
    assert_allclose(found.volumes_veh_h, alike.volumes_veh_h, atol=1e-2)
    assert found.objective is None
    assert found.converged


def test_filtering_may_differ_from_link_to_link():
    net, demand = lattice(n_classes=2)
    shares = np.random.default_rng(1).uniform(0.3, 1.0, net.cost_s.shape)
    shares[0] = 1.0
    found = equilibrium(net, demand * 2, [1.0, 0.3], gap=1e-9, filtering=shares)
    assert found.converged
    delay = found.time_s - net.free_time_s
    assert_allclose(found.class_time_s, net.free_time_s + shares * delay)
    assert relative_gap(net, demand * 2, [1.0, 0.3], found.volumes_veh_h, filtering=shares) == found.gap


# Turns


CROSS = [
    (0, 3, 10.0, 1e3),
    (3, 4, 10.0, 1e3),
    (4, 1, 10.0, 1e3),
    (4, 2, 10.0, 1e3),
    (3, 5, 30.0, 1e3),
    (5, 4, 30.0, 1e3),
]


def test_turn_that_is_forbidden_sends_trips_round():
    net = network(CROSS, n_zones=3)
    ban = replace(net, turns=Turns([1], [2], [np.inf]))
    demand = trips(net, (0, 0, 1, 100.0), (0, 0, 2, 50.0))
    assert_allclose(equilibrium(net, demand, [1.0]).volumes_veh_h[0], [150, 150, 100, 50, 0, 0])
    found = equilibrium(ban, demand, [1.0])
    assert_allclose(found.volumes_veh_h[0], [150, 50, 100, 50, 100, 100])
    assert found.turns_veh_h.tolist() == [[0.0]]
    assert found.gap <= 1e-6


def test_turn_that_takes_time_is_paid_and_counted():
    net = replace(network(CROSS, n_zones=3), turns=Turns([1, 5], [2, 2], [20.0, 5.0]))
    demand = trips(net, (0, 0, 1, 100.0))
    found = equilibrium(net, demand, [1.0])
    assert_allclose(found.turns_veh_h, [[100.0, 0.0]])
    assert_allclose(found.objective, beckmann(net, found.volumes_veh_h) + 20.0 * 100.0)
    assert_allclose(skims(net, found)["cost_s"][0, 0, 1], found.time_s[:3].sum() + 20.0)


def test_turns_leave_the_others_at_the_crossing_alone():
    """Every turn at every crossing of a lattice is tried: as an explicit free turn it changes nothing."""
    net, demand = lattice()
    meets = [
        (a, b)
        for a in range(net.n_links)
        for b in range(net.n_links)
        if net.to_node[a] == net.from_node[b] and net.to_node[a] >= 5
    ]
    plain = equilibrium(net, 2 * demand, [1.0], gap=1e-11)
    for part in (meets[::3], meets):
        free = replace(net, turns=Turns(*zip(*part, strict=True), np.zeros(len(part))))
        found = equilibrium(free, 2 * demand, [1.0], gap=1e-11)
        assert_allclose(found.volume_pcu_h, plain.volume_pcu_h, atol=1e-3)
        assert found.imbalance_veh_h < 1e-8
        rng = np.random.default_rng(5)
        costly = replace(
            net, turns=Turns(*zip(*part, strict=True), rng.choice([0.0, 15.0, np.inf], len(part), p=[0.4, 0.5, 0.1]))
        )
        there = equilibrium(costly, 2 * demand, [1.0], gap=1e-10)
        assert there.gap <= 1e-10  # found by SciPy on a graph of turns
        assert there.objective > plain.objective


# Warm start


def test_warm_start_needs_fewer_iterations_and_ends_at_the_same_flows():
    net, demand = lattice(6)
    before = equilibrium(net, 2 * demand, [1.0], gap=1e-10)
    cost = net.cost_s.copy()
    cost[0, int(np.argmax(before.volume_pcu_h[:100]))] = np.inf
    closed = replace(net, cost_s=cost)
    cold = equilibrium(closed, 2 * demand, [1.0], gap=1e-10)
    warm = equilibrium(closed, 2 * demand, [1.0], gap=1e-10, warm=before)
    assert_allclose(warm.volume_pcu_h, cold.volume_pcu_h, atol=1e-3)
    again = equilibrium(net, 2 * demand, [1.0], gap=1e-10, warm=warm)  # opened again
    assert_allclose(again.volume_pcu_h, before.volume_pcu_h, atol=1e-3)
    same = equilibrium(net, 2 * demand, [1.0], gap=1e-10, warm=before)
    assert same.iterations == 1
    assert_allclose(same.volumes_veh_h, before.volumes_veh_h, rtol=1e-12, atol=1e-9)


def test_warm_start_knows_links_by_their_nodes():
    net, demand = lattice()
    before = equilibrium(net, 2 * demand, [1.0], gap=1e-10)
    order = np.random.default_rng(2).permutation(net.n_links)
    rows = {
        name: getattr(net, name)[order]
        for name in ("from_node", "to_node", "free_time_s", "capacity_pcu_h", "alpha", "beta", "function")
    }
    mixed = replace(net, **rows, cost_s=net.cost_s[:, order], background_pcu_h=None)
    found = equilibrium(mixed, 2 * demand, [1.0], gap=1e-9, warm=before)
    assert found.iterations == 1
    assert_allclose(found.volume_pcu_h, before.volume_pcu_h[order], atol=1e-6)


def test_warm_start_with_links_and_nodes_added_and_demand_changed():
    net, demand = lattice()
    before = equilibrium(net, 2 * demand, [1.0], gap=1e-10)
    n = net.n_nodes
    more = network(
        [
            *zip(net.from_node, net.to_node, net.free_time_s, net.capacity_pcu_h, net.alpha, net.beta, strict=True),
            (5, n, 5.0, 900.0),
            (n, n - 1, 5.0, 900.0),
        ],
        n_zones=5,
        cost_s=np.append(net.cost_s, [[0.0, 0.0]], axis=1),
    )
    other = 2 * demand * np.random.default_rng(3).uniform(0.0, 2.0, demand.shape)
    other[0, 2] = 0.0
    cold = equilibrium(more, other, [1.0], gap=1e-10)
    warm = equilibrium(more, other, [1.0], gap=1e-10, warm=before)
    assert_allclose(warm.volume_pcu_h, cold.volume_pcu_h, atol=1e-3)
    assert warm.imbalance_veh_h < 1e-9


def test_warm_start_with_turns_that_changed():
    net, demand = lattice()
    turning = replace(net, turns=Turns([0], [np.flatnonzero(net.from_node == net.to_node[0])[0]], [30.0]))
    before = equilibrium(turning, demand, [1.0], gap=1e-10)
    same = equilibrium(turning, demand, [1.0], gap=1e-9, warm=before)
    assert same.iterations == 1
    for start, to in ((before, net), (equilibrium(net, demand, [1.0]), turning)):
        found = equilibrium(to, demand, [1.0], gap=1e-10, warm=start)
        assert_allclose(found.volume_pcu_h, equilibrium(to, demand, [1.0], gap=1e-10).volume_pcu_h, atol=1e-3)


def test_warm_start_forgets_trips_that_are_made_no_more():
    net = network([(0, 1, 60.0, 1e3), (0, 1, 70.0, 1e3), (1, 0, 60.0, 1e3)], cost_s=np.zeros((2, 3)))
    before = equilibrium(net, trips(net, (0, 0, 1, 3000.0), (1, 0, 1, 10.0)), [1.0, 1.0], gap=1e-10)
    less = trips(net, (1, 0, 1, 10.0))
    found = equilibrium(net, less, [1.0, 1.0], gap=1e-10, warm=before)
    assert found.converged
    assert_allclose(found.volumes_veh_h, [[0.0, 0.0, 0.0], [10.0, 0.0, 0.0]])


def test_warm_start_sends_new_trips_the_cheapest_way_where_nobody_went_before():
    """The bush holds both ways to zone 2, as the first became dear, and no flow on either."""
    net = network([(0, 3, 10.0, 100.0), (3, 1, 1.0, 1e3), (3, 2, 5.0, 1e3), (0, 2, 18.0, 1e3)], n_zones=3)
    before = equilibrium(net, trips(net, (0, 0, 1, 300.0)), [1.0])
    assert before.bushes.degree.tolist().count(2) == 1
    found = equilibrium(net, trips(net, (0, 0, 1, 300.0), (0, 0, 2, 50.0)), [1.0], warm=before)
    assert_allclose(found.volumes_veh_h, [[300.0, 300.0, 0.0, 50.0]])


def test_nodes_cut_off_by_a_closed_link_are_reached_another_way_or_reported():
    links = [(0, 2, 10.0, 1e3), (2, 3, 10.0, 1e3), (3, 1, 10.0, 1e3), (2, 4, 50.0, 1e3), (4, 3, 50.0, 1e3)]
    net = network(links)
    demand = trips(net, (0, 0, 1, 100.0))
    before = equilibrium(net, demand, [1.0])
    for closed, flow in ((1, [100, 0, 100, 100, 100]), (2, [0, 0, 0, 0, 0])):
        cost = np.zeros((1, 5))
        cost[0, closed] = np.inf
        found = equilibrium(replace(net, cost_s=cost), demand, [1.0], warm=before)
        assert_allclose(found.volumes_veh_h[0], flow)
        assert len(found.unreachable) == (closed == 2)


def test_kernels_keep_cheapest_and_used_links_and_find_those_that_are_better():
    """Node 2 is reached by a used link and through node 3; from zone 1 a link leads back to node 3."""
    net = network([(0, 2, 10.0, 1e3), (0, 3, 1.0, 1e3), (1, 3, 0.0, 1e3), (2, 1, 1.0, 1e3), (3, 2, 2.0, 1e3)])
    graph = prepared(net).graph
    low, high, cheapest, begin = np.zeros(4), np.zeros(4), np.zeros(4, np.int64), np.zeros(4, np.int64)

    def bush() -> Trees:
        return Trees(
            np.array([0, 4]), np.array([4]), np.array([4]), np.array([0, 3, 2, 1], np.int32),
            np.array([0, 1, 2, 1], np.uint16), np.array([0, 4]), np.array([1, 0, 4, 3], np.int32),
            np.array([0.0, 5.0, 0.0, 5.0]),
        )  # fmt: skip

    trees, t = bush(), np.array([10.0, 1.0, 0.0, 1.0, 2.0])
    label(graph, t, trees, 0, low, cheapest)
    assert low.tolist() == [0.0, 4.0, 3.0, 1.0]
    assert trim(graph, t, trees, 0, cheapest, begin, high) == 5.0 * 10.0 + 5.0 * 1.0
    assert trees.n_links[0] == 4
    assert high.tolist() == [0.0, 11.0, 10.0, 1.0]
    trees, t[1] = bush(), 20.0
    label(graph, t, trees, 0, low, cheapest)
    trim(graph, t, trees, 0, cheapest, begin, high)
    assert trees.link[: trees.n_links[0]].tolist() == [1, 0, 3]
    assert high.tolist() == [0.0, 11.0, 10.0, 20.0]
    room = np.zeros(5, np.int32), np.zeros(5, np.int32), np.zeros(4, np.bool_)
    through = graph._replace(first_through=0)
    assert better_links(graph, t, trees, 0, 0.0, low, high, *room) == (0, 0)
    assert better_links(through, t, trees, 0, 9.0, low, high, *room) == (0, 0)
    assert better_links(through, t, trees, 0, 8.9, low, high, *room) == (1, 1)
    assert room[0][0] == 2


@pytest.mark.parametrize("change", ["busy", "several", "opened", "cheaper", "demand", "both"])
def test_warm_start_ends_where_a_cold_one_does(change):
    net, demand = lattice(8)
    streets = np.flatnonzero((net.from_node >= 5) & (net.to_node >= 5))
    cost, other, trips = net.cost_s.copy(), net.cost_s.copy(), 3 * demand
    busiest = streets[np.argsort(equilibrium(net, 3 * demand, [1.0]).volume_pcu_h[streets])[::-1]]
    if change in ("busy", "both"):
        other[0, busiest[0]] = np.inf
    elif change == "several":
        other[0, busiest[[0, 3, 5, 20]]] = np.inf
    elif change == "opened":
        cost[0, busiest[:3]] = np.inf
    elif change == "cheaper":
        other[0, busiest[:3]] = 0.0
    if change in ("demand", "both"):
        trips = trips * np.random.default_rng(8).uniform(0.5, 1.5, demand.shape)
    before = equilibrium(replace(net, cost_s=cost), 3 * demand, [1.0], gap=1e-11)
    after = replace(net, cost_s=other)
    cold = equilibrium(after, trips, [1.0], gap=1e-11)
    warm = equilibrium(after, trips, [1.0], gap=1e-11, warm=before)
    assert warm.gap <= 1e-11
    assert_allclose(warm.volume_pcu_h, cold.volume_pcu_h, atol=1e-3)
    assert warm.objective == pytest.approx(cold.objective, rel=1e-12)


def test_warm_start_settles_what_a_change_touches_before_it_looks_at_the_rest(monkeypatch):
    net, demand = lattice(6)
    before = equilibrium(net, 2 * demand, [1.0], gap=1e-10)
    bushes = before.bushes
    owner = np.repeat(np.arange(5), np.diff(bushes.link_start))
    users = [np.unique(owner[(bushes.link == a) & (bushes.flow_pcu_h > 0.0)]) for a in range(net.n_links)]
    closed = next(a for a in range(100) if len(users[a]) == 2)
    cost = net.cost_s.copy()
    cost[0, closed] = np.inf
    looked_at = []
    monkeypatch.setattr(
        assignment, "improve", lambda *args: (looked_at.append(args[4][args[5] : args[6]]), improve(*args))
    )
    found = equilibrium(replace(net, cost_s=cost), 2 * demand, [1.0], gap=1e-10, warm=before)
    assert found.gap <= 1e-10
    assert_array_equal(looked_at[0], users[closed])
    assert_array_equal(looked_at[-1], np.arange(5))


def test_kernel_replaces_flow_where_it_differs_and_keeps_times_in_step():
    """Link 0 keeps its flow, 1 gets more, 2 is given up, 3 is new; others use 0 to 2 as well."""
    net = network([(0, 1, 60.0, 500.0, 1.0, 1.0)] * 4)
    traffic = traffic_of(net, prepared(net), np.ones((1, 4)))
    traffic.x[:] = [110.0, 220.0, 330.0, 0.0]
    touch_all(traffic)
    old, new = (
        no_trees()._replace(
            link_start=np.array([0, len(link)]),
            n_links=np.array([len(link)]),
            link=np.array(link, np.int32),
            flow=np.array(flow),
        )
        for link, flow in (([0, 1, 2], [10.0, 20.0, 30.0]), ([3, 0, 1], [15.0, 10.0 * (1.0 + 1e-12), 35.0]))
    )
    more = np.zeros(4)
    assert replace_flow(traffic, old, 0, new, 0, more)
    assert_allclose(traffic.x, [110.0, 235.0, 300.0, 15.0], rtol=1e-15)
    assert traffic.x[0] == 110.0
    assert not more.any()
    assert_allclose(traffic.T[0], link_time_s(net, traffic.x), rtol=1e-14)
    assert not replace_flow(traffic, new, 0, new, 0, more)
    assert replace_flow(traffic, old, -1, new, 0, more)
    assert_allclose(traffic.x, [120.0, 270.0, 300.0, 30.0], rtol=1e-12)


# Paths


def test_skims_are_shortest_paths_and_their_sums():
    net, demand = lattice(n_classes=2)
    found = equilibrium(net, demand, [1.0, 0.3], filtering=[1.0, 0.5])
    length = np.random.default_rng(4).uniform(10.0, 90.0, net.n_links)
    got = skims(net, found, link_values={"length_m": length, "one": np.ones(net.n_links)})
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    for m in range(2):
        cost = found.class_time_s[m] + net.cost_s[m]
        split = np.where(net.from_node < 5, net.n_nodes + net.from_node, net.from_node)
        graph = csr_array((cost, (split, net.to_node)), shape=(net.n_nodes + 5,) * 2)
        expected, before = dijkstra(graph, indices=net.n_nodes + np.arange(5), return_predecessors=True)
        expected = expected[:, :5]
        np.fill_diagonal(expected, 0.0)
        assert_allclose(got["cost_s"][m], expected, rtol=1e-12)
        link = {(i, j): a for a, (i, j) in enumerate(zip(split, net.to_node, strict=True))}
        path, node = [], 3
        while node != net.n_nodes:
            path.append(link[before[0, node], node])
            node = before[0, node]
        assert_allclose(got["length_m"][m, 0, 3], length[path].sum())
        assert_allclose(got["time_s"][m, 0, 3], found.class_time_s[m, path].sum())
        assert got["one"][m, 0, 3] == len(path)


def test_skims_without_a_path_are_infinite():
    net = network([(0, 1, 60.0, 1e3)])
    got = skims(net, link_time_s(net, np.zeros(1)), link_values={"length_m": [500.0]})
    assert got["cost_s"].tolist() == [[[0.0, 60.0], [np.inf, 0.0]]]
    assert got["length_m"].tolist() == [[[0.0, 500.0], [np.inf, 0.0]]]


def test_selected_trips_are_those_that_leave_when_the_link_is_all_there_is():
    net = network([(0, 3, 10.0, 1e3), (1, 3, 10.0, 1e3), (3, 2, 10.0, 1e3), (1, 2, 100.0, 1e3)], n_zones=3)
    demand = trips(net, (0, 0, 2, 100.0), (0, 1, 2, 60.0))
    found = equilibrium(net, demand, [1.0])
    selected = select_link(net, found, demand, [1.0], [0])
    assert_allclose(selected.trips_veh_h[0], [[0, 0, 100], [0, 0, 0], [0, 0, 0]])
    assert_allclose(selected.volumes_veh_h[0], [100, 0, 100, 0])
    both = select_link(net, found, demand, [1.0], [0, 1, 2])
    assert_allclose(both.trips_veh_h, demand)


def test_selected_trips_pass_the_link_as_often_as_it_is_used():
    net, demand = lattice(6, n_classes=2)
    found = equilibrium(net, 4 * demand, [1.0, 0.3], gap=1e-8)
    streets = np.flatnonzero((net.from_node >= 5) & (net.to_node >= 5))
    for link in streets[np.argsort(found.volume_pcu_h[streets])[-3:]]:
        selected = select_link(net, found, 4 * demand, [1.0, 0.3], link)
        volume = found.volumes_veh_h[:, link]
        assert_allclose(selected.trips_veh_h.sum(axis=(1, 2)), volume, rtol=1e-9)
        assert_allclose(selected.volumes_veh_h[:, link], volume, rtol=1e-9)
        assert (selected.volumes_veh_h <= found.volumes_veh_h + 1e-9).all()
        for m in range(2):
            assert imbalance_veh_h(net, selected.trips_veh_h[m : m + 1], selected.volumes_veh_h[m : m + 1]) < 1e-8


def test_selecting_links_one_after_another_on_a_path_selects_once():
    net = network([(0, 2, 10.0, 1e3), (2, 3, 10.0, 1e3), (3, 1, 10.0, 1e3), (2, 1, 25.0, 500.0)])
    demand = trips(net, (0, 0, 1, 1500.0))
    found = equilibrium(net, demand, [1.0], gap=1e-10)
    once, twice = (select_link(net, found, demand, [1.0], links) for links in ([1], [1, 2]))
    assert_allclose(once.trips_veh_h, twice.trips_veh_h)
    assert_allclose(once.volumes_veh_h, twice.volumes_veh_h)
    assert 0.0 < once.trips_veh_h[0, 0, 1] < 1500.0


# Checks


def test_gap_knows_cheaper_paths():
    net = network([(0, 1, 60.0, 1000.0, 0.0, 1.0), (0, 1, 90.0, 1000.0, 0.0, 1.0)], cost_s=[[5.0, 0.0]])
    demand = trips(net, (0, 0, 1, 100.0))
    assert relative_gap(net, demand, [1.0], [[50.0, 50.0]]) == pytest.approx(1 - 65.0 / 77.5)
    assert relative_gap(net, demand, [1.0], [[100.0, 0.0]]) == 0.0


def test_imbalance_finds_flow_that_comes_from_nowhere_and_flow_through_a_centroid():
    net = network([(0, 2, 10.0, 1e3), (2, 1, 10.0, 1e3)], n_zones=3)
    demand = trips(net, (0, 0, 1, 10.0))
    assert imbalance_veh_h(net, demand, np.array([[10.0, 10.0]])) == 10.0
    free = network([(0, 2, 10.0, 1e3), (2, 1, 10.0, 1e3)])
    demand = trips(free, (0, 0, 1, 10.0))
    assert imbalance_veh_h(free, demand, np.array([[10.0, 10.0]])) == 0.0
    assert imbalance_veh_h(free, demand, np.array([[10.0, 9.0]])) == 1.0


def test_all_problems_of_a_network_are_named_at_once():
    with pytest.raises(InputError) as caught:
        network(
            [(0, 9, -1.0, 0.0, -0.1, 0.5), (0, 1, np.nan, 1.0, 0.9, 1.0)],
            n_nodes=2,
            function=[BPR, CONICAL],
            cost_s=[[-1.0, np.nan]],
            background_pcu_h=[-1.0, 0.0],
        )
    named = {problem.column for problem in caught.value.problems}
    assert named == {"to_node", "free_time_s", "capacity_pcu_h", "alpha", "beta", "cost_s", "background_pcu_h"}


def test_arrays_that_do_not_fit_are_named():
    with pytest.raises(InputError, match=r"capacity_pcu_h.*\n.*cost_s"):
        Network(2, 2, [0], [1], [1.0], [1.0, 2.0], [0.0], [1.0], [0], np.zeros((1, 3)))
    with pytest.raises(InputError, match="zones are nodes"):
        Network(3, 2, [0], [1], [1.0], [1.0], [0.0], [1.0], [0], np.zeros((1, 1)))


@pytest.mark.parametrize(
    ("turns", "rule"),
    [
        (Turns([0], [9], [1.0]), "of the network"),
        (Turns([0], [2], [1.0]), "begins where the first ends"),
        (Turns([2], [0], [1.0]), "no zones"),
        (Turns([0], [1], [-1.0]), "≥ 0 s"),
        (Turns([0, 0], [1, 1], [1.0, 2.0]), "there once"),
        (Turns([0], [1, 1], [1.0]), "equally long"),
    ],
)
def test_turns_that_cannot_be_are_refused(turns, rule):
    with pytest.raises(InputError, match=rule):
        network([(0, 2, 10.0, 1e3), (2, 1, 10.0, 1e3), (1, 0, 10.0, 1e3)], turns=turns)


@pytest.mark.parametrize(
    ("demand", "pcu", "filtering", "rule"),
    [
        (np.zeros((1, 3, 3)), [1.0], None, "has shape"),
        (np.full((1, 2, 2), np.nan), [1.0], None, "≥ 0 veh/h"),
        (np.full((1, 2, 2), -1.0), [1.0], None, "≥ 0 veh/h"),
        (np.zeros((1, 2, 2)), [1.0, 2.0], None, "each of 1 classes"),
        (np.zeros((1, 2, 2)), [0.0], None, "> 0"),
        (np.zeros((1, 2, 2)), [1.0], [0.0], "> 0"),
        (np.zeros((1, 2, 2)), [1.0], [0.5, 0.5], "for each class"),
    ],
)
def test_demand_that_does_not_fit_is_refused(demand, pcu, filtering, rule):
    with pytest.raises(InputError, match=rule):
        equilibrium(network([(0, 1, 60.0, 1e3)]), demand, pcu, filtering=filtering)


def test_values_that_do_not_fit_are_refused():
    net = network([(0, 1, 60.0, 1e3)])
    with pytest.raises(InputError, match=r"time_s.*\n.*link_values"):
        skims(net, [1.0, 2.0], link_values={"length_m": [1.0, 2.0]})
    with pytest.raises(InputError, match="≥ 0 s"):
        skims(net, [-1.0])
    with pytest.raises(InputError, match="from 0 to 0"):
        select_link(net, equilibrium(net, trips(net), [1.0]), trips(net), [1.0], [1])
