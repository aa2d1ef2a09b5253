"""Laws of searches on any network: those of scipy's, monotony, conservation, repetition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra

from dothi.access import search
from dothi.access.graph import Graph, compressed


def network(seed, n, n_arcs):
    """Directed network of random arcs, parallel and without length among them; points beside it; their values."""
    rng = np.random.default_rng(seed)
    tail, head = rng.integers(0, n, n_arcs), rng.integers(0, n, n_arcs)
    cost = np.round(rng.uniform(0.0, 10.0, n_arcs), rng.integers(0, 3))
    graph = compressed(tail, head, cost, np.arange(n_arcs), np.arange(n), rng.uniform(size=(n, 2)))
    return rng, graph


def points(rng, n, m):
    node = rng.integers(0, n, m).astype(np.int32)
    return search.Beside(node, rng.uniform(0.0, 3.0, m), np.argsort(node, kind="stable"))


def lengths(graph: Graph):
    """Shortest ways between all nodes by scipy, in which of parallel arcs the cheapest counts."""
    best = np.full((len(graph), len(graph)), np.inf)
    np.minimum.at(best, (graph.tail, graph.head), graph.cost)
    tail, head = np.nonzero(np.isfinite(best))
    cost = np.maximum(best[tail, head], 1e-300)  # a zero would be no arc
    return dijkstra(csr_array(coo_array((cost, (tail, head)), shape=best.shape)))


networks = {"seed": st.integers(0, 2**32 - 1), "n": st.integers(1, 40), "n_arcs": st.integers(0, 160)}


@settings(max_examples=60, deadline=None)
@given(**networks)
def test_sums_within_limits_are_those_of_all_shortest_ways(seed, n, n_arcs):
    rng, graph = network(seed, n, n_arcs)
    doors, goals = points(rng, n, 30), points(rng, n, 50)
    values = rng.integers(0, 4, 50).astype(float)
    limits = np.sort(rng.uniform(0.0, 30.0, 3))
    away = lengths(graph)[doors.node][:, goals.node] + doors.away[:, None] + goals.away
    expected = np.stack([((away <= limit) * values).sum(axis=1) for limit in limits], axis=1)
    found, least = search.within(graph, doors, goals, values, limits)
    near_a_limit = (np.abs(away[:, :, None] - limits) < 1e-9).any(axis=(1, 2))
    assert np.array_equal(found[~near_a_limit], expected[~near_a_limit])
    assert (np.diff(found, axis=1) >= 0.0).all()
    assert np.array_equal(found, search.within(graph, doors, goals, values, limits)[0])
    nearest = np.where(values > 0.0, away, np.inf).min(axis=1)
    nearest[nearest > limits[-1]] = np.inf
    assert np.allclose(least[~near_a_limit], nearest[~near_a_limit], rtol=1e-12)


@settings(max_examples=60, deadline=None)
@given(**networks, limit=st.floats(0.0, 40.0))
def test_the_nearest_of_many_is_the_least_of_all_shortest_ways(seed, n, n_arcs, limit):
    rng, graph = network(seed, n, n_arcs)
    sources = points(rng, n, 5)
    whole = lengths(graph)
    for towards in (False, True):
        ways = whole.T if towards else whole
        expected = (ways[sources.node] + sources.away[:, None]).min(axis=0)
        found = search.nearest(graph, sources, limit, towards=towards)
        clear = np.abs(expected - limit) > 1e-9
        assert np.allclose(found[clear], np.where(expected <= limit, expected, np.inf)[clear], atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(**networks, width=st.sampled_from([np.inf, 2.0, 9.0]))
def test_catchments_give_out_all_there_is_and_no_more(seed, n, n_arcs, width):
    rng, graph = network(seed, n, n_arcs)
    places, people = points(rng, n, 6), points(rng, n, 40)
    capacity, n_people = rng.uniform(1.0, 9.0, 6), rng.integers(0, 5, 40).astype(float)
    limit = 12.0
    away = lengths(graph)[people.node][:, places.node] + people.away[:, None] + places.away
    away[away > limit] = np.nan
    weight = np.nan_to_num(np.exp(-0.5 * (away / width) ** 2))
    demand = n_people @ weight
    ratio = np.divide(capacity, demand, out=np.zeros(6), where=demand > 0.0)
    found = search.catchments(graph, places, capacity, people, n_people, limit, width)
    assert np.allclose(found, weight @ ratio, rtol=1e-9, atol=1e-12)
    assert np.isclose(found @ n_people, capacity[demand > 0.0].sum())
