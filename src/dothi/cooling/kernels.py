"""Kernels of district networks: friction, loop flows, temperatures, pressures, and the tank of cold water."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dothi.compiled import kernel

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

LAMINAR = 2000.0
"""Reynolds number up to which flow is laminar."""
TURBULENT = 4000.0
"""Reynolds number from which it is turbulent; between the two the factor runs straight."""
STILL = 1e-9
"""Flow below which water stands [kg s⁻¹]."""
STEPS = 60
"""Most steps of an iteration."""
CLOSED_PA = 1e-3
"""Pressure left over around a loop at which its flow counts as found [Pa]."""
AGREED = 1e-8
"""Relative change of a building's flow at which flows and temperatures agree."""
TURNS = 6
"""Steps of flows and temperatures in turns, after which each goes half way only."""


@kernel()
def colebrook(Re: float, rough: float) -> tuple[float, float]:
    r"""
    Friction factor of turbulent flow, and its slope over the Reynolds number (Colebrook and White [1]_).

    .. math:: x = -2 \log_{10}\left(\frac{k}{3.71 D} + \frac{2.51 x}{Re}\right), \qquad f = x^{-2}

    solved by Newton's method.

    Parameters
    ----------
    Re
        Reynolds number.
    rough
        Roughness over diameter.

    References
    ----------
    .. [1] C. F. Colebrook 1939, doi:10.1680/ijoti.1939.13150.
    """
    scale = 2.0 / math.log(10.0)
    a, c = rough / 3.71, 2.51 / Re
    x = 7.0  # in the middle of what occurs
    for _ in range(STEPS):
        inner = a + c * x
        step = (x + scale * math.log(inner)) / (1.0 + scale * c / inner)
        x -= step
        if abs(step) < 1e-7 * x:  # the next one would be its square
            break
    inner = a + c * x
    slope = scale * c * x / (Re * inner) / (1.0 + scale * c / inner)  # dx over dRe
    return 1.0 / (x * x), -2.0 * slope / (x * x * x)


@kernel()
def drop(m: float, length: float, D: float, k: float, rho: float, mu: float) -> tuple[float, float]:
    r"""
    Pressure that a flow loses along a pipe, and its slope over the flow (Darcy and Weisbach).

    .. math:: \Delta p = f \frac{L}{D} \frac{m |m|}{2 \rho A^2}

    Parameters
    ----------
    m
        Flow, negative backwards [kg s⁻¹].
    length
        Length, fittings counted as pipe [m].
    D
        Inner diameter [m].
    k
        Roughness [m].
    rho, mu
        Density [kg m⁻³] and viscosity [Pa s].
    """
    area = math.pi * D * D / 4.0
    flow = abs(m)
    Re = flow * D / (area * mu)
    if Re <= LAMINAR:
        slope = 32.0 * mu * length / (rho * area * D * D)
        return slope * m, slope
    if Re >= TURBULENT:
        f, df = colebrook(Re, k / D)
    else:
        low = 64.0 / LAMINAR
        df = (colebrook(TURBULENT, k / D)[0] - low) / (TURBULENT - LAMINAR)
        f = low + df * (Re - LAMINAR)
    loss = length / D / (2.0 * rho * area * area)
    return loss * f * m * flow, loss * flow * (2.0 * f + df * Re)


@kernel()
def tree_flows(parent: Integers, ends: Integers, draw: Floats, m: Floats) -> None:
    """
    Flow of every pipe: what all nodes behind it draw.

    Parameters
    ----------
    parent : (n,)
        Node from which the pipe to each node comes, a lower number; the first node is the plant, without a pipe.
    ends : (n_loops, 2)
        Nodes that each closing pipe joins.
    draw : (n,)
        Flow that leaves the network at each node [kg s⁻¹].
    m : (n + n_loops,)
        The last ones are given: flows of the closing pipes. On return, those of all pipes; first that of the plant
        [kg s⁻¹].
    """
    n = len(parent)
    for i in range(n):
        m[i] = draw[i]
    for j in range(len(ends)):
        m[ends[j, 0]] += m[n + j]
        m[ends[j, 1]] -= m[n + j]
    for i in range(n - 1, 0, -1):
        m[parent[i]] += m[i]


@kernel()
def solve_symmetric(a: Floats, b: Floats) -> None:
    """Solve a positive definite system in place by Cholesky; the answer is in `b`."""
    n = len(b)
    for j in range(n):
        for k in range(j):
            a[j, j] -= a[j, k] * a[j, k]
        a[j, j] = math.sqrt(a[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                a[i, j] -= a[i, k] * a[j, k]
            a[i, j] /= a[j, j]
    for i in range(n):
        for k in range(i):
            b[i] -= a[i, k] * b[k]
        b[i] /= a[i, i]
    for i in range(n - 1, -1, -1):
        for k in range(i + 1, n):
            b[i] -= a[k, i] * b[k]
        b[i] /= a[i, i]


@kernel()
def loop_residual(
    parent: Integers, ends: Integers, around: Floats, draw: Floats, pipes: Floats, water: Floats,
    m: Floats, slope: Floats, residual: Floats,
) -> float:  # fmt: skip
    """Pressure left over around each loop with these flows of the closing pipes; gives the greatest [Pa]."""
    n, n_loops = len(parent), len(ends)
    tree_flows(parent, ends, draw, m)
    for j in range(n_loops):
        residual[j] = 0.0
    for i in range(1, n + n_loops):
        supply, s_slope = drop(m[i], pipes[i, 0], pipes[i, 1], pipes[i, 2], water[0], water[1])
        back, b_slope = drop(m[i], pipes[i, 0], pipes[i, 1], pipes[i, 2], water[2], water[3])
        slope[i] = s_slope + b_slope
        for j in range(n_loops):
            residual[j] += around[j, i] * (supply + back)
    worst = 0.0
    for j in range(n_loops):
        worst = max(worst, abs(residual[j]))
    return worst


@kernel()
def loop_flows(
    parent: Integers, ends: Integers, around: Floats, draw: Floats, pipes: Floats, water: Floats,
    m: Floats, slope: Floats,
) -> bool:  # fmt: skip
    """
    Flows of all pipes, with those of the closing pipes such that no pressure is left over around any loop.

    Newton's method on the flows of the closing pipes; the problem is convex, a step that makes matters worse is halved.

    Parameters
    ----------
    parent : (n,)
        As for `tree_flows`.
    ends : (n_loops, 2)
        Nodes that each closing pipe joins.
    around : (n_loops, n + n_loops)
        By loop, 1 where a pipe is passed along its direction, −1 against it.
    draw : (n,)
        Flow that leaves the network at each node [kg s⁻¹].
    pipes : (n + n_loops, 4)
        Length with fittings, inner diameter, roughness [m], and heat that a metre passes per kelvin [W m⁻¹ K⁻¹].
    water : (5,)
        Density and viscosity of the supply, of the return, and heat capacity.
    m : (n + n_loops,)
        The last ones are a first guess; on return, flows [kg s⁻¹].
    slope : (n + n_loops,)
        On return, slope of the pressure lost by supply and return over the flow [Pa s kg⁻¹].

    Returns
    -------
    bool
        Whether it converged.
    """
    n, n_loops = len(parent), len(ends)
    if n_loops == 0:
        tree_flows(parent, ends, draw, m)
        return True
    residual, step, start = np.empty(n_loops), np.empty(n_loops), np.empty(n_loops)
    matrix = np.empty((n_loops, n_loops))
    worst, found, share = np.inf, np.inf, 1.0
    for _ in range(STEPS):
        found = loop_residual(parent, ends, around, draw, pipes, water, m, slope, residual)
        if found < CLOSED_PA:
            return True
        if found < worst or share < 1e-3:
            worst, share = found, 1.0
            for j in range(n_loops):
                start[j], step[j] = m[n + j], residual[j]
                for k in range(n_loops):
                    matrix[j, k] = 0.0
                    for i in range(1, n + n_loops):
                        matrix[j, k] += around[j, i] * around[k, i] * slope[i]
            solve_symmetric(matrix, step)
        else:
            share /= 2.0
        for j in range(n_loops):
            m[n + j] = start[j] - share * step[j]
    return found < 100.0 * CLOSED_PA


@kernel()
def flow_order(
    parent: Integers, ends: Integers, first: Integers, touching: Integers, m: Floats, order: Integers
) -> None:
    """
    Nodes such that water passes each before those that it reaches from there.

    Parameters
    ----------
    first : (n + 1,)
        Where the pipes of each node begin in `touching`.
    touching : (2 (n - 1 + n_loops),)
        Pipes that end at each node.
    order : (n,)
        On return, the nodes.
    """
    n = len(parent)
    if len(ends) == 0:
        for i in range(n):
            order[i] = i
        return
    waits = np.zeros(n, dtype=np.int64)
    for e in range(1, n + len(ends)):
        a, b = (parent[e], e) if e < n else (ends[e - n, 0], ends[e - n, 1])
        if m[e] > STILL:
            waits[b] += 1
        elif m[e] < -STILL:
            waits[a] += 1
    count, done = 0, 0
    for i in range(n):
        if waits[i] == 0:
            order[count] = i
            count += 1
    while done < count:
        at = order[done]
        done += 1
        for k in range(first[at], first[at + 1]):
            e = touching[k]
            a, b = (parent[e], e) if e < n else (ends[e - n, 0], ends[e - n, 1])
            to = b if a == at and m[e] > STILL else a if b == at and m[e] < -STILL else -1
            if to >= 0:
                waits[to] -= 1
                if waits[to] == 0:
                    order[count] = to
                    count += 1
    for i in range(n):
        if waits[i] > 0:  # flows that go round, as they may where none were found
            order[count] = i
            count += 1


@kernel()
def temperatures(
    parent: Integers, ends: Integers, first: Integers, touching: Integers, pipes: Floats, metres: Floats, m: Floats,
    order: Integers, cp: float, way: float, enters: Floats, T_enters: Floats, T_ground: float,
    T: Floats, passed: Floats,
) -> None:  # fmt: skip
    r"""
    Temperatures at every node, of the supply that flows from the plant or of the return that flows back on its ways.

    .. math:: T_{out} = T_g + (T_{in} - T_g) \exp\left(-\frac{U' L}{m c_p}\right)

    Where waters meet they mix by their flows.

    Parameters
    ----------
    metres : (n + n_loops,)
        Length over which heat passes [m].
    order : (n,)
        As `flow_order` gives it.
    way
        1 where water flows as `m` says, −1 for the other way.
    enters, T_enters : (n,)
        Flow that comes into the network at each node [kg s⁻¹], and its temperature [°C].
    T : (n,)
        On return, temperatures; that of the ground where water stands [°C].
    passed : (n + n_loops,)
        On return, heat that each pipe loses to the ground, negative where it gains [W].
    """
    n = len(parent)
    mixed, weight = np.empty(n), np.empty(n)
    for i in range(n):
        mixed[i], weight[i] = enters[i] * T_enters[i], enters[i]
    for e in range(len(passed)):
        passed[e] = 0.0
    for k in range(n):
        at = order[k] if way > 0.0 else order[n - 1 - k]
        T[at] = mixed[at] / weight[at] if weight[at] > STILL else T_ground
        for c in range(first[at], first[at + 1]):
            e = touching[c]
            a, b = (parent[e], e) if e < n else (ends[e - n, 0], ends[e - n, 1])
            flow = way * m[e]
            to = b if a == at and flow > STILL else a if b == at and flow < -STILL else -1
            if to >= 0:
                flow = abs(flow)
                out = T_ground + (T[at] - T_ground) * math.exp(-pipes[e, 3] * metres[e] / (flow * cp))
                passed[e] = flow * cp * (T[at] - out)
                mixed[to] += flow * out
                weight[to] += flow


@kernel()
def pressures(
    parent: Integers, ends: Integers, pipes: Floats, m: Floats, rho: float, mu: float, p: Floats, lost: Floats
) -> None:
    """Pressure at every node below that of the plant (negative) and what each pipe loses [Pa]."""
    n = len(parent)
    p[0] = 0.0
    for i in range(1, n + len(ends)):
        lost[i] = drop(m[i], pipes[i, 0], pipes[i, 1], pipes[i, 2], rho, mu)[0]
        if i < n:
            p[i] = p[parent[i]] - lost[i]


@kernel()
def year(
    parent: Integers, ends: Integers, first: Integers, touching: Integers, around: Floats, pipes: Floats,
    metres: Floats, water: Floats, plan: Floats, at: Integers, Q: Floats, T_ground: Floats, station_pa: float,
    hours: Floats, by_pipe: Floats, by_building: Floats,
    m: Floats, draw: Floats, T_supply: Floats, T_return: Floats, p_supply: Floats, p_return: Floats,
    s_passed: Floats, r_passed: Floats,
) -> int:  # fmt: skip
    r"""
    Hours one after the other, in which every building takes its load.

    A building lets so much water through that it goes back at the temperature of the plan,

    .. math:: m = \frac{Q}{c_p \max(s (T - T_b), \Delta T_{min})}

    with :math:`s` 1 for heating and −1 for cooling; what reaches it depends on the flow, so both are found in turns.

    Parameters
    ----------
    plan : (4,)
        Temperature of the supply at the plant and of the return at buildings [°C], least difference between them [K],
        and 1 for heating, −1 for cooling.
    at : (n_buildings,)
        Node of each building, each another one.
    Q : (n_buildings, n_hours)
        Loads, 0 or more [W].
    T_ground : (n_hours,)
        Temperature of the ground around the pipes [°C].
    station_pa
        Pressure that a building needs between supply and return [Pa].
    hours : (n_hours, 6)
        Zeros; on return, flow of the plant [kg s⁻¹], temperature at which it comes back [°C], heat lost to the ground
        by the supply and by the return [W], pressure of the pump [Pa], its power in the water [W].
    by_pipe : (n + n_loops, 4)
        Zeros; on return, greatest flow [kg s⁻¹], greatest loss of pressure in the supply [Pa], sum of heat lost to the
        ground by supply and return [W h], sum of flows [kg s⁻¹ h].
    by_building : (n_buildings, 3)
        Zeros; on return, sum of load times temperature of the supply [W h °C], sum of loads [W h], greatest load [W].
    m : (n + n_loops,)
        Zeros; on return, flows of the last hour with any load [kg s⁻¹].
    draw, T_supply, T_return, p_supply, p_return : (n,)
        On return, of the same hour, what buildings take [kg s⁻¹], temperatures [°C], and pressures of the supply, and
        of the return were it a supply, below that at the plant [Pa].
    s_passed, r_passed : (n + n_loops,)
        On return, of the same hour, heat lost to the ground by supply and return [W].

    Returns
    -------
    int
        Hours in which flows and temperatures did not agree.
    """
    n, n_pipes, cp = len(parent), len(parent) + len(ends), water[4]
    slope, s_lost, r_lost, wants = np.empty(n_pipes), np.empty(n_pipes), np.empty(n_pipes), np.empty(len(at))
    T_back, enters, T_enters, order = np.empty(n), np.empty(n), np.empty(n), np.empty(n, dtype=np.int64)
    T_plant, T_planned, least, sign = plan[0], plan[1], plan[2], plan[3]
    failed = 0
    for t in range(len(T_ground)):
        for i in range(n):
            T_back[i], enters[i], T_enters[i], draw[i] = T_planned, 0.0, T_plant, 0.0
        total = 0.0
        for b in range(len(at)):
            total += Q[b, t]
            draw[at[b]] = Q[b, t] / (cp * max(sign * (T_plant - T_planned), least))
        if total <= 0.0:
            hours[t, 1] = T_ground[t]
            continue
        agreed = False
        for step in range(STEPS):
            agreed = loop_flows(parent, ends, around, draw, pipes, water, m, slope)
            flow_order(parent, ends, first, touching, m, order)
            enters[0] = m[0]
            temperatures(
                parent, ends, first, touching, pipes, metres, m, order, cp, 1.0, enters, T_enters, T_ground[t],
                T_supply, s_passed,
            )  # fmt: skip
            for b in range(len(at)):
                i = at[b]
                if draw[i] > STILL:
                    wanted = Q[b, t] / (cp * max(sign * (T_supply[i] - T_planned), least))
                    agreed &= abs(wanted - draw[i]) <= AGREED * wanted
                    T_back[i] = T_supply[i] - sign * Q[b, t] / (draw[i] * cp)
                    wants[b] = wanted if step < TURNS else 0.5 * (draw[i] + wanted)
            if agreed or step == STEPS - 1:
                break
            for b in range(len(at)):
                if draw[at[b]] > STILL:
                    draw[at[b]] = wants[b]
        if not agreed:
            failed += 1
        temperatures(
            parent, ends, first, touching, pipes, metres, m, order, cp, -1.0, draw, T_back, T_ground[t],
            T_return, r_passed,
        )  # fmt: skip
        pressures(parent, ends, pipes, m, water[0], water[1], p_supply, s_lost)
        pressures(parent, ends, pipes, m, water[2], water[3], p_return, r_lost)
        lowest = 0.0
        for b in range(len(at)):
            i = at[b]
            if draw[i] > STILL:
                lowest = min(lowest, p_supply[i] + p_return[i])
                by_building[b, 0] += Q[b, t] * T_supply[i]
                by_building[b, 1] += Q[b, t]
                by_building[b, 2] = max(by_building[b, 2], Q[b, t])
        hours[t, 0], hours[t, 1] = m[0], T_return[0]
        hours[t, 4] = station_pa - lowest
        hours[t, 5] = hours[t, 4] * m[0] / (0.5 * (water[0] + water[2]))
        for e in range(1, n_pipes):
            hours[t, 2] += s_passed[e]
            hours[t, 3] += r_passed[e]
            by_pipe[e, 0] = max(by_pipe[e, 0], abs(m[e]))
            by_pipe[e, 1] = max(by_pipe[e, 1], abs(s_lost[e]))
            by_pipe[e, 2] += s_passed[e] + r_passed[e]
            by_pipe[e, 3] += abs(m[e])
    return failed


@kernel()
def dispatch(need: Floats, capacity: float, tank: float, kept: float, made: Floats, level: Floats) -> float:
    r"""
    Cold that chillers make where a tank helps out: they fill it whenever they have power to spare.

    .. math:: E_t = r E_{t-1} + C_t - Q_t, \qquad 0 \le E_t \le E_{max}, \quad 0 \le C_t \le C_{max}

    The tank is full in the beginning.

    Parameters
    ----------
    need : (n,)
        Cold that goes out [W].
    capacity
        Power of the chillers [W].
    tank
        Cold that the tank holds [W h].
    kept
        Share of it that is left after an hour.
    made, level : (n,)
        On return, cold made [W], and cold in the tank after each hour [W h].

    Returns
    -------
    float
        Cold that was wanting [W h].
    """
    held, short = tank, 0.0
    for t in range(len(need)):
        held *= kept
        made[t] = min(max(need[t] + tank - held, 0.0), capacity)
        held += made[t] - need[t]
        if held < 0.0:
            short -= held
            held = 0.0
        level[t] = held
    return short
