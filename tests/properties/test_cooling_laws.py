"""Laws of district networks: balances, symmetry, short trees, and tanks."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dothi.cooling.network import Network, Topology, simulate_hour
from dothi.cooling.plant import stored
from dothi.cooling.steiner import steiner_tree
from dothi.cooling.water import Service
from dothi.verify.cooling import town

SERVICES = st.sampled_from([Service(5.0, 14.0), Service(80.0, 50.0)])
seeds = st.integers(0, 10_000)


@settings(max_examples=25)
@given(seeds, SERVICES, st.floats(0.0, 30.0), st.integers(0, 4), st.floats(1e-4, 3.0))
def test_mass_energy_and_pressure_add_up_whatever_the_network(seed, service, ground, loops, share):
    network, load = town(seed, 25, loops)
    hour = simulate_hour(network, service, share * load, ground)
    assert hour.agreed
    assert_allclose(hour.flow_kg_s[0], hour.draw_kg_s.sum(), rtol=1e-9)
    plant = service.sign * hour.flow_kg_s[0] * service.cp * (service.supply_c - hour.return_c[0])
    lost = service.sign * (hour.supply_loss_w.sum() + hour.return_loss_w.sum())
    assert_allclose(plant, share * load.sum() + lost, rtol=1e-7)
    assert (hour.supply_pa <= 1e-9).all()
    assert (hour.return_pa >= -1e-9).all()
    low, high = min(service.supply_c, ground), max(service.supply_c, ground)
    assert ((hour.supply_c >= low - 1e-9) & (hour.supply_c <= high + 1e-9)).all()


@settings(max_examples=15)
@given(seeds)
def test_a_loop_closed_by_a_pipe_lowers_no_pressure_where_all_pipes_are_alike(seed):
    network, load = town(seed, 20, 0)
    parent, n = network.topology.parent, len(network.topology.parent)
    closed = Topology.of(parent, np.array([[0, n - 1]]))

    def alike(topology):
        whole = (np.full(topology.n_pipes, value) for value in (50.0, 0.2, 1e-4, 0.0))
        return Network(topology, network.at, *whole)

    service = Service(5.0, 14.0)
    tree, ring = (simulate_hour(alike(one), service, load, 5.0) for one in (network.topology, closed))
    assert ring.supply_pa.min() >= tree.supply_pa.min() - 1.0
    assert ring.supply_pa[n - 1] >= tree.supply_pa[n - 1] - 1.0


def shortest(n, one, other, cost, terminals):
    """Length of the shortest tree, by Dreyfus and Wagner 1971."""
    far = np.full((n, n), np.inf)
    np.fill_diagonal(far, 0.0)
    far[one, other] = far[other, one] = cost
    for k in range(n):
        far = np.minimum(far, far[:, k : k + 1] + far[k : k + 1])
    last, rest = int(terminals[-1]), terminals[:-1]
    best = np.full((1 << len(rest), n), np.inf)
    for bit, node in enumerate(rest):
        best[1 << bit] = far[node]
    for chosen in range(1, 1 << len(rest)):
        if chosen & (chosen - 1):
            part = (chosen - 1) & chosen
            while part:
                best[chosen] = np.minimum(best[chosen], best[part] + best[chosen ^ part])
                part = (part - 1) & chosen
            best[chosen] = (best[chosen][:, None] + far).min(axis=0)
    return best[-1, last]


@settings(max_examples=25)
@given(seeds, st.integers(2, 7))
def test_trees_join_all_terminals_and_are_close_to_the_shortest(seed, many):
    rng, k = np.random.default_rng(seed), 6
    number = np.arange(k * k).reshape(k, k)
    one = np.r_[number[:, :-1].ravel(), number[:-1].ravel()]
    other = np.r_[number[:, 1:].ravel(), number[1:].ravel()]
    cost = rng.uniform(1.0, 2.0, len(one))
    terminals = rng.choice(k * k, many, replace=False)
    tree = steiner_tree(k * k, one, other, cost, terminals)
    nodes = np.unique(np.r_[one[tree], other[tree]])
    assert len(tree) == len(nodes) - 1  # a tree, as every one of its edges hangs on the rest
    assert np.isin(terminals, nodes).all()
    best = shortest(k * k, one, other, cost, terminals)
    assert best - 1e-9 <= cost[tree].sum() <= 1.25 * best


def test_trees_are_one_in_a_hundred_too_long_in_the_mean():
    rng, k, ratios = np.random.default_rng(5), 6, []
    number = np.arange(k * k).reshape(k, k)
    one = np.r_[number[:, :-1].ravel(), number[:-1].ravel()]
    other = np.r_[number[:, 1:].ravel(), number[1:].ravel()]
    for _ in range(30):
        cost = rng.uniform(1.0, 2.0, len(one))
        terminals = rng.choice(k * k, 6, replace=False)
        tree = steiner_tree(k * k, one, other, cost, terminals)
        ratios.append(cost[tree].sum() / shortest(k * k, one, other, cost, terminals))
    assert np.mean(ratios) < 1.015


@settings(max_examples=40)
@given(st.lists(st.floats(0.0, 100.0), min_size=2, max_size=60), st.floats(0.0, 500.0), st.floats(0.0, 0.2))
def test_a_tank_never_asks_for_more_power_and_always_suffices(need, tank, lost):
    need = np.array(need)
    capacity, made, level, short = stored(need, tank, lost)
    assert short <= max(need.max() * 1e-8, 1e-9)
    assert capacity <= need.max() + tank * lost + 1e-9
    assert (made <= capacity + 1e-9).all()
    assert ((level >= 0.0) & (level <= tank + 1e-9)).all()
    smaller = stored(need, tank / 2.0, lost)[0] if lost == 0.0 else capacity
    assert smaller >= capacity - 1e-6
