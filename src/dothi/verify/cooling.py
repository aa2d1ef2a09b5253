"""Cases of district networks: friction, one pipe, two ways, balances, ground, tank, chillers, and pandapipes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from dothi.cooling.data import district
from dothi.cooling.economy import annuity
from dothi.cooling.ground import ground_temperature
from dothi.cooling.network import Network, Topology, simulate_hour, simulate_year
from dothi.cooling.plant import chillers, stored, wet_bulb
from dothi.cooling.steiner import steiner_tree
from dothi.cooling.water import Service, density, viscosity
from dothi.shapes import Floats, Integers
from dothi.verify import Case, Quantity

COLD: Final = Service(5.0, 14.0)
HEAT: Final = Service(80.0, 50.0)


def _root(reynolds: float, rough: float) -> float:
    """Friction factor by halving: the equation of Colebrook and White as it stands."""
    low, high = 1.0, 100.0
    for _ in range(200):
        x = 0.5 * (low + high)
        low, high = (x, high) if x < -2.0 * math.log10(rough / 3.71 + 2.51 * x / reynolds) else (low, x)
    return low**-2


def _friction() -> Iterator[Quantity]:
    from dothi.cooling.kernels import LAMINAR, TURBULENT, colebrook, drop

    for reynolds, rough in ((4e3, 0.0), (1e4, 1e-3), (1e5, 1e-4), (1e6, 1e-2), (1e7, 1e-6)):
        found = colebrook(reynolds, rough)[0]
        yield Quantity(f"factor at Re {reynolds:g}, k/D {rough:g}", "", found, _root(reynolds, rough), 1e-12)
    length, inner, k, rho, mu = 100.0, 0.1, 1e-4, 1000.0, 1.3e-3
    still = LAMINAR / 4.0 * math.pi * inner * mu / 4.0
    poiseuille = 128.0 * mu * length * still / (math.pi * rho * inner**4)
    yield Quantity("laminar loss", "Pa", drop(still, length, inner, k, rho, mu)[0], poiseuille, 1e-12)
    yield Quantity("without flow", "Pa", drop(0.0, length, inner, k, rho, mu)[0], 0.0, 0.0)
    one = math.pi * inner * mu / 4.0  # flow at a Reynolds number of 1
    for reynolds in (LAMINAR, TURBULENT):
        below, above = (drop(one * reynolds * (1.0 + side), length, inner, k, rho, mu)[0] for side in (-1e-9, 1e-9))
        yield Quantity(f"jump of the loss at Re {reynolds:g}", "", above / below, 1.0, 1e-8)
    for reynolds in (500.0, 3000.0, 2e5):
        m, step = one * reynolds, 1e-5 * one * reynolds
        ahead, behind = (drop(m + side * step, length, inner, k, rho, mu)[0] for side in (1.0, -1.0))
        slope = drop(m, length, inner, k, rho, mu)[1]
        yield Quantity(f"slope at Re {reynolds:g}", "", slope / ((ahead - behind) / (2.0 * step)), 1.0, 1e-6)


def pipes(parent: list[int], at: list[int], *, ends: list[list[int]] | None = None, inner: float = 0.15) -> Network:
    """Network of pipes of 100 m, all alike."""
    topology = Topology.of(np.array(parent), np.array(ends) if ends else None)
    n = topology.n_pipes
    length, size, rough, loss = (np.full(n, value) for value in (100.0, inner, 1e-4, 0.3))
    return Network(topology, np.array(at), length, size, rough, loss)


def _one_pipe(service: Service, ground: float) -> Iterator[Quantity]:
    """A pipe with a building at its end: the flow by halving, then every quantity by hand."""
    network, load = pipes([-1, 0], [1]), 2e5
    cp, sign, fall = service.cp, service.sign, 0.3 * 100.0
    low, high = 1e-3, 1e3

    def arrives(m: float) -> float:
        return ground + (service.supply_c - ground) * math.exp(-fall / (m * cp))

    for _ in range(200):
        m = 0.5 * (low + high)
        low, high = (m, high) if m * cp * sign * (arrives(m) - service.return_c) < load else (low, m)
    back = ground + (service.return_c - ground) * math.exp(-fall / (low * cp))
    hour = simulate_hour(network, service, np.array([load]), ground)
    word = "heat" if sign > 0.0 else "cold"
    yield Quantity(f"flow of {word}", "kg/s", float(hour.flow_kg_s[1]), low, 1e-6)
    yield Quantity(f"supply of {word} at the building", "°C", float(hour.supply_c[1]), arrives(low), 1e-8)
    yield Quantity(f"return of {word} at the plant", "°C", float(hour.return_c[0]), back, 1e-6)
    lost = low * cp * (service.supply_c - arrives(low))
    yield Quantity(f"lost by the supply of {word}", "W", float(hour.supply_loss_w[1]), lost, 1e-3)
    rho, mu = service.water[:2]
    area = math.pi * 0.15**2 / 4.0
    f = _root(low * 0.15 / (area * mu), 1e-4 / 0.15)
    loss = f * 100.0 / 0.15 * low**2 / (2.0 * rho * area**2)
    yield Quantity(f"pressure lost by the supply of {word}", "Pa", -float(hour.supply_pa[1]), loss, 1e-6 * loss)


def _both_services() -> Iterator[Quantity]:
    yield from _one_pipe(COLD, 18.0)
    yield from _one_pipe(HEAT, 10.0)


def _two_ways() -> Iterator[Quantity]:
    load = np.array([3e5])
    once = simulate_hour(pipes([-1, 0], [1]), COLD, load / 2.0, 5.0)
    twice = simulate_hour(pipes([-1, 0], [1], ends=[[0, 1]]), COLD, load, 5.0)
    yield Quantity("share of one of two equal pipes", "", float(twice.flow_kg_s[1] / twice.flow_kg_s[0]), 0.5, 1e-9)
    beside = float(twice.supply_pa[1] / once.supply_pa[1])
    yield Quantity("loss of pressure beside half the load in one", "", beside, 1.0, 1e-7)
    line = simulate_hour(pipes([-1, 0, 1], [2]), COLD, load, 5.0)
    yield Quantity("two pipes in a row beside one", "", float(line.supply_pa[2] / line.supply_pa[1]), 2.0, 1e-12)
    rough = pipes([-1, 0], [1], ends=[[0, 1]], inner=0.3)
    rough.roughness_m[:] = 0.03
    rough.length_m[2] = 400.0
    far = simulate_hour(rough, COLD, np.array([4e7]), 5.0)
    ratio = float(far.flow_kg_s[1] / far.flow_kg_s[2])
    yield Quantity("flows of rough pipes, one four times as long", "", ratio, 2.0, 2e-4)
    bridge = simulate_hour(pipes([-1, 0, 0, 1, 2], [3, 4], ends=[[1, 2]]), COLD, np.array([1e5, 1e5]), 5.0)
    yield Quantity("flow across a bridge between equal ways", "kg/s", float(bridge.flow_kg_s[5]), 0.0, 1e-6)


def town(seed: int, n: int = 60, loops: int = 3) -> tuple[Network, Floats]:
    """A network drawn by lot, and its loads [W]."""
    rng = np.random.default_rng(seed)
    parent = np.array([-1, *(int(rng.integers(max(0, i - 6), i)) for i in range(1, n))])
    ends = np.array([rng.choice(n, 2, replace=False) for _ in range(loops)]).reshape(-1, 2)
    topology = Topology.of(parent, ends)
    leaf = np.bincount(parent[1:], minlength=n) == 0
    at: Integers = np.flatnonzero(leaf | (rng.random(n) < 0.5))
    at = at[at > 0]
    n_pipes = topology.n_pipes
    size = rng.uniform(0.08, 0.25, n_pipes)
    network = Network(topology, at, rng.uniform(20.0, 80.0, n_pipes), size, np.full(n_pipes, 1e-4), 2.0 * size)
    return network, rng.uniform(2e4, 2e5, len(at))


def _balances() -> Iterator[Quantity]:
    for service, ground in ((COLD, 18.0), (HEAT, 10.0)):
        network, load = town(7)
        hour = simulate_hour(network, service, load, ground)
        topology, flow = network.topology, hour.flow_kg_s
        left = -hour.draw_kg_s.copy()
        n = len(topology.parent)
        for e in range(1, topology.n_pipes):
            a, b = (topology.parent[e], e) if e < n else topology.ends[e - n]
            left[a] -= flow[e]
            left[b] += flow[e]
        left[0] += flow[0]
        word = "heat" if service.sign > 0.0 else "cold"
        yield Quantity(f"mass at any node, {word}", "kg/s", float(np.abs(left).max()), 0.0, 1e-9)
        plant = service.sign * flow[0] * service.cp * (service.supply_c - hour.return_c[0])
        needed = load.sum() + service.sign * (hour.supply_loss_w.sum() + hour.return_loss_w.sum())
        yield Quantity(f"energy, {word}", "", float(plant / needed), 1.0, 1e-9)
        around = topology.around @ _losses(network, service, flow)
        yield Quantity(f"pressure left around any loop, {word}", "Pa", float(np.abs(around).max()), 0.0, 1e-2)
        year = simulate_year(network, service, np.repeat(load[:, None], 3, axis=1), np.full(3, ground), 5e4)
        need = needed - service.sign * year.water_w[0]
        made = float(year.plant_w(service)[0] / need)
        yield Quantity(f"energy of the plant with its pump, {word}", "", made, 1.0, 1e-9)


def _losses(network: Network, service: Service, flow: Floats) -> Floats:
    """Pressure that supply and return lose in every pipe, along its direction [Pa]."""
    from dothi.cooling.kernels import drop

    water, given = service.water, network.pipes
    lost = [
        sum(drop(flow[e], *given[e, :3], *water[k : k + 2])[0] for k in (0, 2)) if e else 0.0 for e in range(len(flow))
    ]
    return np.array(lost)


def _ground() -> Iterator[Quantity]:
    turn = 2.0 * np.pi * np.arange(8760) / 8760
    air = 15.0 - 9.0 * np.cos(turn - 0.4) + 4.0 * np.cos(365.0 * turn)
    depth, a = 1.2, 6e-7
    reach = math.sqrt(a * 8760 * 3600.0 / math.pi)
    found = ground_temperature(air, depth, a)
    by_hand = 15.0 - 9.0 * math.exp(-depth / reach) * np.cos(turn - 0.4 - depth / reach)
    yield Quantity("greatest difference over the year", "K", float(np.abs(found - by_hand).max()), 0.0, 1e-9)
    surface = ground_temperature(air, 0.0, a) - (15.0 - 9.0 * np.cos(turn - 0.4))
    yield Quantity("at the surface", "K", float(np.abs(surface).max()), 0.0, 1e-9)


def _tank() -> Iterator[Quantity]:
    from dothi.cooling.kernels import dispatch

    need = np.tile(np.repeat([2.0, 0.0], 12), 10)
    # a tank that lasts for days begins full, and what it lacks at the end is not asked for
    for tank, least in ((0.0, 2.0), (3.0, 1.75), (12.0, 1.0), (40.0, 1.0 - 28.0 / 228.0)):
        capacity, made, level, _ = stored(need, tank, 0.0)
        yield Quantity(f"power beside a tank of {tank:g} h", "", capacity, least, 1e-6)
        yield Quantity(f"cold kept, tank of {tank:g} h", "", tank + float((made - need).sum()) - level[-1], 0.0, 1e-6)
    made, level = np.zeros(5), np.zeros(5)
    dispatch(np.zeros(5), 1.5, 10.0, 0.9, made, level)
    yield Quantity("made to keep a tank of 10 h full that loses a tenth in an hour", "", float(made[3]), 1.0, 1e-12)


def _chillers() -> Iterator[Quantity]:
    data = district()
    rated = float(data["machines"]["rated_cop"])
    cold, warm = (44.0 - 32.0) / 1.8, (85.0 - 32.0) / 1.8
    _, power = chillers(np.array([1e6]), np.array([warm]), cold, 1, data)
    yield Quantity("COP at the rating over that rated", "", 1e6 / power[0] / rated, 1.0, 0.01)
    _, half = chillers(np.array([1e6, 5e5]), np.full(2, warm), cold, 1, data)
    a, b, c = data["chiller"]["eir_part_load"]
    by_hand = (a + b / 2.0 + c / 4.0) / (a + b + c)
    yield Quantity("power at half load over that at full load", "", half[1] / half[0], by_hand, 1e-9)
    _, two = chillers(np.array([1e6, 5e5]), np.full(2, warm), cold, 2, data)
    yield Quantity("the same of two machines, one at rest", "", two[1] / two[0], 0.5, 1e-9)
    _, crumb = chillers(np.array([1e6, 1e4, 2e4]), np.full(3, warm), cold, 1, data)
    yield Quantity("power below the least part load goes with the load", "", crumb[2] / crumb[1], 2.0, 1e-9)
    _, none = chillers(np.zeros(2), np.full(2, warm), cold, 2, data)
    yield Quantity("power without a load", "W", float(none.max()), 0.0, 0.0)


def _published() -> Iterator[Quantity]:
    yield Quantity("viscosity of water at 25 °C", "Pa s", viscosity(25.0), 0.889996773679e-3, 1e-14)
    yield Quantity("density of water at 4 °C", "kg/m³", density(4.0), 999.972, 1e-3)
    yield Quantity("density of water at 25 °C", "kg/m³", density(25.0), 997.045, 1e-3)
    wet = float(wet_bulb(np.array([20.0]), np.array([50.0]))[0])
    yield Quantity("wet-bulb at 20 °C and 50 %", "°C", wet, 13.7, 0.05)
    yield Quantity("annuity of 20 years at 5 %", "", annuity(0.05, 20.0), 0.08024, 5e-6)
    yield Quantity("annuity of 20 years without interest", "", annuity(0.0, 20.0), 0.05, 1e-15)


def _trees() -> Iterator[Quantity]:
    spokes, rim = np.array([[0, 1], [0, 2], [0, 3]]), np.array([[1, 2], [2, 3], [1, 3]])
    one, other = np.concatenate([spokes, rim]).T
    star = steiner_tree(4, one, other, np.repeat([1.0, 2.1], 3), np.array([1, 2, 3]))
    yield Quantity("edges by way of the middle of a star", "", float(len(star)), 3.0, 0.0)
    k = 5
    number = np.arange(k * k).reshape(k, k)
    one, other = np.r_[number[:, :-1].ravel(), number[:-1].ravel()], np.r_[number[:, 1:].ravel(), number[1:].ravel()]
    corners = np.array([0, k - 1, k * (k - 1), k * k - 1])
    tree = steiner_tree(k * k, one, other, np.ones(len(one)), corners)
    yield Quantity("tree to the corners of 5 × 5 crossings", "", float(len(tree)), 12.0, 0.0)


PEER_AT: Final = (1, 3, 4)
PEER_LOADS_W: Final = (150_000.0, 90_000.0, 160_000.0)
PEER_SUPPLY_BAR: Final = (0.0, -0.036281434, -0.056163773, -0.076176927, -0.093631267)
PEER_SUPPLY_C: Final = (5.0, 5.013226108, 5.028523711, 5.047230467, 5.07033607)
PEER_RETURN_C: Final = (14.013474423, 14.006560157, 14.008201782, 13.99999999, 13.999999974)
PEER_FLOW: Final = (0.0, 8.096555452, 4.116182719, 2.39729458, 1.718888139, 2.553996501)
"""What pandapipes 0.16.0 gives for `peer_network` where its buildings draw what Dothi finds (computed for this)."""


def peer_network() -> Network:
    """Five nodes and a loop, as pandapipes was asked."""
    topology = Topology.of(np.array([-1, 0, 1, 2, 2]), np.array([[0, 4]]))
    length = np.array([0.0, 120.0, 80.0, 60.0, 90.0, 250.0])
    size = np.array([1.0, 0.1325, 0.1071, 0.0825, 0.0697, 0.0825])
    loss = np.array([0.0, 0.288, 0.2543, 0.2418, 0.2325, 0.2418])
    return Network(topology, np.array(PEER_AT), length, size, np.full(6, 1e-4), loss)


class OneWater(Service):
    """Service whose return flows like its supply: pandapipes was given one density and one viscosity."""

    @property
    def water(self) -> Floats:
        """As of `Service`, with the water of the supply in both."""
        found = Service(self.supply_c, self.return_c).water
        found[2:4] = found[:2]
        return found


def _peer() -> Iterator[Quantity]:
    hour = simulate_hour(peer_network(), OneWater(5.0, 14.0), np.array(PEER_LOADS_W), 18.0)
    for node in range(1, 5):
        bar, tolerance = PEER_SUPPLY_BAR[node], 1e-3 * abs(PEER_SUPPLY_BAR[node])
        yield Quantity(f"pressure lost up to node {node}", "bar", float(hour.supply_pa[node]) / 1e5, bar, tolerance)
        yield Quantity(f"supply at node {node}", "°C", float(hour.supply_c[node]), PEER_SUPPLY_C[node], 0.01)
        yield Quantity(f"return at node {node}", "°C", float(hour.return_c[node]), PEER_RETURN_C[node], 0.01)
    yield Quantity("return at the plant", "°C", float(hour.return_c[0]), PEER_RETURN_C[0], 0.01)
    for pipe in range(1, 6):
        yield Quantity(f"flow of pipe {pipe}", "kg/s", float(hour.flow_kg_s[pipe]), PEER_FLOW[pipe], 1e-3)


CASES: Final = (
    Case(
        "cooling",
        "Friction of a pipe",
        "Equation of Colebrook and White (1939) solved by halving; Hagen and Poiseuille; slopes by differences.",
        _friction,
    ),
    Case(
        "cooling",
        "One pipe with a building",
        "Flow by halving from the exponential decay of temperature, the rest by hand; to the tolerance of the kernel.",
        _both_services,
    ),
    Case(
        "cooling",
        "Pipes in a row, side by side, and across",
        "By symmetry; rough pipes share a flow as the roots of their lengths, but for viscosity.",
        _two_ways,
    ),
    Case(
        "cooling",
        "Balances of a town with loops",
        "Conservation of mass and energy, and pressure that adds up to nothing around a loop; to rounding.",
        _balances,
    ),
    Case("cooling", "Warmth of the ground", "Kusuda and Achenbach 1965, a pure wave by hand; to rounding.", _ground),
    Case("cooling", "Tank beside a load of half days", "By hand: what lacks by day is what the tank holds.", _tank),
    Case(
        "cooling",
        "Chillers at full and part load",
        "COMNET curves of centrifugal chillers by hand; they come to 1 at their rating but for half a per cent.",
        _chillers,
    ),
    Case(
        "cooling",
        "Published values",
        "IAPWS SR6-08 (check value from memory); Kell 1975; Stull 2011, example of 20 °C and 50 %; annuity tables.",
        _published,
    ),
    Case("cooling", "Shortest trees", "By hand.", _trees),
    Case(
        "cooling",
        "Five nodes beside pandapipes",
        "pandapipes 0.16.0 with constant water, sequential heat and Colebrook's equation, run for this case; the aim "
        "is 0.1 % of pressure and 0.01 K.",
        _peer,
    ),
)
"""Cases of district networks."""
