"""Power of solar modules hour by hour, and what a building uses of it: compiled loops."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from dothi.compiled import kernel

Singles = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@kernel()
def through_glass(cosine: float, n: float, K: float, L: float) -> float:
    r"""
    Light that passes the cover of a module, over that at normal incidence.

    Fresnel's equations for a pane of refractive index *n*, and absorption along its thickness [1]_:

    .. math:: \tau = \tfrac12 (2 - \rho_s - \rho_p)\, e^{-K L / \cos\theta_r}

    Parameters
    ----------
    cosine
        Cosine of the angle of incidence; nothing passes from behind.
    n, K, L
        Refractive index, extinction [m⁻¹] and thickness [m].

    References
    ----------
    .. [1] W. De Soto, S. A. Klein, W. A. Beckman, Improvement and validation of a model for photovoltaic array
       performance, Solar Energy 80 (2006), 78-88, doi:10.1016/j.solener.2005.06.010.
    """
    if cosine <= 0.0:
        return 0.0
    bent = math.sqrt(1.0 - (1.0 - cosine * cosine) / (n * n))
    across = (cosine - n * bent) / (cosine + n * bent)
    along = (bent - n * cosine) / (bent + n * cosine)
    passed = 0.5 * (2.0 - across * across - along * along) * math.exp(K * L * (1.0 - 1.0 / bent))
    return passed * (n + 1.0) * (n + 1.0) / (4.0 * n)


@kernel()
def glass_table(n: float, K: float, L: float, table: Floats) -> None:
    """
    Light through glass at equal steps of the cosine of incidence, from 0 to 1; see `through_glass`.

    Parameters
    ----------
    n, K, L
        Refractive index, extinction [m⁻¹] and thickness [m].
    table : (points,)
        On return, the shares.
    """
    for i in range(table.shape[0]):
        table[i] = through_glass(i / (table.shape[0] - 1.0), n, K, L)


@kernel()
def unit_power(
    beam: Singles,
    diffuse: Singles,
    normal: Floats,
    sun: Floats,
    hour: Integers,
    layout: Integers,
    row_shade: Floats,
    seen: Floats,
    glass: Floats,
    mount: Integers,
    rise: Floats,
    T_air: Floats,
    passed: Floats,
    gamma: float,
    kept: float,
    inverter: Floats,
    power: Singles,
) -> None:
    r"""
    Alternating power of each array in every hour, for a watt of its peak power.

    Light on the modules warms the cells, light through their glass makes direct current [1]_, the inverter alternating
    current up to its rating:

    .. math::
        E &= (1 - f)\, B + s\, D, \qquad E' = (1 - f)\, \tau(\theta)\, B + s\, \tau_d\, D \\
        P_{dc} &= \frac{E'}{1000} (1 + \gamma (T_{air} + r E - 25)) \, k \\
        P_{ac} &= P_{dc} \frac{\eta}{\eta_0} (-0.0162 \zeta - 0.0059 / \zeta + 0.9858), \qquad
        \zeta = P_{dc} / P_{dc0}

    Parameters
    ----------
    beam, diffuse : (arrays, hours)
        Direct light and all other on the plane of each array [W m⁻²].
    normal : (arrays, 3)
        Unit normals on the grid.
    sun : (day hours, 3)
        Unit vectors to the sun.
    hour : (day hours,)
        Column of `beam` for each of these hours; in all others the power is 0.
    layout : (arrays,)
        Row of `row_shade`.
    row_shade : (layouts, day hours)
        Share *f* of the modules that the row in front shades.
    seen, glass : (arrays,)
        Share *s* of the diffuse light that rows leave to each other, and share :math:`\tau_d` of it that passes glass.
    mount : (arrays,)
        Row of `rise`.
    rise : (mounts, hours)
        Warming *r* of cells by light [K m² W⁻¹].
    T_air : (hours,)
        Air temperature [°C].
    passed : (points,)
        Light through glass by cosine of incidence, as `glass_table` gives it; between points along straight lines.
    gamma, kept
        Change of power with temperature [K⁻¹]; share *k* that losses leave.
    inverter : (3,)
        Direct power of its rating for a watt of peak power, nominal and reference efficiency.
    power : (arrays, hours)
        On return, alternating power [W W⁻¹].

    References
    ----------
    .. [1] A. P. Dobos, PVWatts version 5 manual, NREL/TP-6A20-62641, 2014, doi:10.2172/1158421.
    """
    limit, eta_nom, eta_ref = inverter[0], inverter[1], inverter[2]
    efficiency, most, steps = eta_nom / eta_ref, eta_nom * limit, passed.shape[0] - 1
    for i in range(beam.shape[0]):
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        power[i, :] = 0.0
        for d in range(hour.shape[0]):
            t = hour[d]
            direct = beam[i, t] * (1.0 - row_shade[layout[i], d])
            other = diffuse[i, t] * seen[i]
            useful = other * glass[i]
            if direct > 0.0:
                at = max(nx * sun[d, 0] + ny * sun[d, 1] + nz * sun[d, 2], 0.0) * steps
                below = min(int(at), steps - 1)
                useful += direct * (passed[below] + (at - below) * (passed[below + 1] - passed[below]))
            if useful <= 0.0:
                continue
            warm = T_air[t] + rise[mount[i], t] * (direct + other)
            dc = useful * 1e-3 * (1.0 + gamma * (warm - 25.0)) * kept
            if dc <= 0.0:
                continue
            ac = efficiency * (dc * (0.9858 - 0.0162 * dc / limit) - 0.0059 * limit)
            power[i, t] = min(max(ac, 0.0), most)


@kernel()
def add_arrays(power: Singles, peak: Floats, building: Integers, out: Singles) -> None:
    """
    Add the power of arrays to that of their buildings.

    Parameters
    ----------
    power : (arrays, hours)
        Power for a watt of peak power [W W⁻¹].
    peak : (arrays,)
        Peak power [W].
    building : (arrays,)
        Row of `out`.
    out : (buildings, hours)
        What is added to [W].
    """
    for i in range(power.shape[0]):
        b = building[i]
        for t in range(power.shape[1]):
            out[b, t] += np.float32(peak[i] * power[i, t])


@kernel()
def matched(
    load: Singles, power: Singles, scale: Floats, cap: Floats, month: Integers, used: Floats, out: Floats, paid: Floats
) -> None:
    """
    What buildings use of their own power, hour by hour, and what flows out.

    Parameters
    ----------
    load, power : (buildings, hours)
        Electricity used, and made by all modules that could be there [W].
    scale : (buildings,)
        Share of these modules that is there.
    cap : (buildings,)
        Power above which what flows out is not paid [W].
    month : (hours,)
        Month of each hour, from 0.
    used, out, paid : (buildings, 12)
        On return, power used, flowing out, and paid for [W h].
    """
    for b in range(load.shape[0]):
        used[b, :] = 0.0
        out[b, :] = 0.0
        paid[b, :] = 0.0
        for t in range(load.shape[1]):
            made = scale[b] * power[b, t]
            if made <= 0.0:
                continue
            own = min(made, max(float(load[b, t]), 0.0))
            left = made - own
            m = month[t]
            used[b, m] += own
            out[b, m] += left
            paid[b, m] += min(left, cap[b])
