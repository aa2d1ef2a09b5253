"""Compiled loop of the heat balance: hours of many zones at once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dothi.compiled import kernel

Array = NDArray[Any]

LANES: Final = 32
"""Zones that advance together, side by side in the registers."""
SPAN: Final = 365
"""Hours that are fetched at once: long enough that reading along the hours is cheap, short enough for the cache."""
KG_H_PER_W_K: Final = 3600.0 / 1006.0
"""Air [kg/h] that carries a heat flow of 1 W per K."""

WH_PER_KG: Final = 2501.0e3 / 3600.0
"""Heat of evaporation [Wh/kg] at 0 °C."""

(
    E1_1, E1_2, E1_TE, E1_QI, E1_SUN, E1_SKIN, E1_SKY, E1_GROUND,
    E2_1, E2_2, E2_TE, E2_QI, E2_SUN, E2_SKIN, E2_SKY, E2_GROUND,
    A_1, A_2, A_TE, A_QI, A_SUN, A_SKIN, A_SKY, A_GROUND,
    E1_Q, E2_Q, A_Q, Q_A,
    P_OCC, P_APP, P_LIT,
    H_BASE, H_OCC, H_OPEN,
    T_HEAT, SETBACK, T_COOL, T_OPEN, Q_HEAT, Q_COOL,
    W_CAP, W_OCC, W_COIL, W_DRY,
    N_COEFFICIENTS,
) = range(45)  # fmt: skip
"""Rows of the coefficients of a zone; `network` says what they are."""

OCC, APP, LIT, HEAT, COOL, OPEN, N_PROFILES = range(7)
"""Columns of the schedules."""


@kernel()
def balance(
    C: Array, sched_of: Array, T_e: Array, sky: Array, ground: Array, w_e: Array, schedules: Array,
    sun: Array, skin: Array, row_of: Array, share: Array,
    state: Array, q_heat: Array, q_cool: Array, q_wet: Array, T_air: Array,
) -> None:  # fmt: skip
    r"""
    Heat and moisture balance of zones over the hours.

    The two masses and the air of a zone are linear in what acts on them, so an hour is three rows of coefficients. All
    that people and machines do acts on the air node: a flow of outdoor air :math:`h` turns the temperature
    :math:`\theta` of the closed room into :math:`(\theta + a h T_e) / (1 + a h)`, where :math:`a` [K/W] is the
    answer of the air to a watt, and the power that holds a set point is :math:`(\theta_{set} - \theta) / a`.

    Parameters
    ----------
    C : (n_coefficients, n_zones)
        Coefficients, see `dothi.heat.network`.
    sched_of : (n_zones,)
        Schedule.
    T_e, sky, ground, w_e : (n_hours,)
        Outdoor air [°C], its excess over the sky [K], that of the ground over it [K], its moisture [kg/kg].
    schedules : (n_hours, n_schedules, n_profiles)
        Presence, appliances, lighting, heating, cooling, use of windows, each 0 to 1 or with a mean of 1. Where
        heating is below 0 there is none.
    sun, skin : (n_buildings, n_hours)
        Sun through windows [W] and taken up by walls and roofs on its way in [W].
    row_of, share : (n_zones,)
        Building, and share of its sun.
    state : (3, n_zones)
        Temperature of both masses [°C] and moisture of the air [kg/kg]; on return, at the end.
    q_heat, q_cool, q_wet : (n_zones, n_hours)
        On return, heating, sensible and latent cooling [W].
    T_air : (n_zones, n_hours)
        On return, temperature of the room, mean of the hour [°C].
    """
    n_zones, n_hours = q_heat.shape
    n_c = C.shape[0]
    zero, one, kg_h = C.dtype.type(0.0), C.dtype.type(1.0), C.dtype.type(KG_H_PER_W_K)
    never, little, wh_kg = C.dtype.type(200.0), C.dtype.type(1e-6), C.dtype.type(WH_PER_KG)
    c = np.zeros((n_c, LANES), C.dtype)
    s = np.zeros((3, LANES), C.dtype)
    span = np.zeros((6, SPAN, LANES), C.dtype)
    p = np.zeros((N_PROFILES, LANES), C.dtype)
    kind = np.zeros(LANES, np.int64)
    for first in range(0, n_zones, LANES):
        n = min(LANES, n_zones - first)
        for j in range(LANES):
            z = first + min(j, n - 1)
            kind[j] = sched_of[z]
            for i in range(n_c):
                c[i, j] = C[i, z]
            for i in range(3):
                s[i, j] = state[i, z]
        for begin in range(0, n_hours, SPAN):
            hours = min(SPAN, n_hours - begin)
            for j in range(LANES):
                z = first + min(j, n - 1)
                row, part = row_of[z], share[z]
                for h in range(hours):
                    span[0, h, j] = sun[row, begin + h] * part
                    span[1, h, j] = skin[row, begin + h] * part
            for h in range(hours):
                t = begin + h
                te, ts, tg, we = T_e[t], sky[t], ground[t], w_e[t]
                for j in range(LANES):
                    for i in range(N_PROFILES):
                        p[i, j] = schedules[t, kind[j], i]
                for j in range(LANES):
                    t1, t2, w = s[0, j], s[1, j], s[2, j]
                    su, sk = span[0, h, j], span[1, h, j]
                    qi = c[P_OCC, j] * p[OCC, j] + c[P_APP, j] * p[APP, j] + c[P_LIT, j] * p[LIT, j]
                    free = (
                        c[A_1, j] * t1 + c[A_2, j] * t2 + c[A_TE, j] * te + c[A_QI, j] * qi
                        + c[A_SUN, j] * su + c[A_SKIN, j] * sk + c[A_SKY, j] * ts + c[A_GROUND, j] * tg
                    )  # fmt: skip
                    a = c[A_Q, j]
                    # air for people, then windows: as far open as holds the temperature wished for
                    h_occ, h_open = c[H_OCC, j] * p[OCC, j], c[H_OPEN, j] * p[OPEN, j]
                    y, y_open = a * h_occ, a * (h_occ + h_open)
                    closed = (free + y * te) / (one + y)
                    widest = (free + y_open * te) / (one + y_open)
                    aired = min(closed, max(widest, c[T_OPEN, j]))
                    answer = a / (one + y)
                    # heating, or cooling behind closed windows where they alone do not do
                    t_cool = c[T_COOL, j] + never * (one - p[COOL, j])
                    off = never if p[HEAT, j] < zero else zero
                    t_heat = c[T_HEAT, j] - c[SETBACK, j] * (one - p[HEAT, j]) - off
                    wanted = min((closed - t_cool) / answer, c[Q_COOL, j])
                    cool = wanted if aired > t_cool else zero
                    heat = min(max((t_heat - closed) / answer, zero), c[Q_HEAT, j])
                    ran = cool + heat > zero
                    room = closed + answer * (heat - cool) if ran else aired
                    opened = (closed - aired) / max(closed - widest, little)
                    open_share = zero if ran else opened
                    acting = (room - free) * c[Q_A, j]
                    new_1 = (
                        c[E1_1, j] * t1 + c[E1_2, j] * t2 + c[E1_TE, j] * te + c[E1_QI, j] * qi
                        + c[E1_SUN, j] * su + c[E1_SKIN, j] * sk + c[E1_SKY, j] * ts + c[E1_GROUND, j] * tg
                        + c[E1_Q, j] * acting
                    )  # fmt: skip
                    new_2 = (
                        c[E2_1, j] * t1 + c[E2_2, j] * t2 + c[E2_TE, j] * te + c[E2_QI, j] * qi
                        + c[E2_SUN, j] * su + c[E2_SKIN, j] * sk + c[E2_SKY, j] * ts + c[E2_GROUND, j] * tg
                        + c[E2_Q, j] * acting
                    )  # fmt: skip
                    # moisture: outdoor air, people, coil
                    air = kg_h * (c[H_BASE, j] + h_occ + open_share * h_open)
                    gain = c[W_CAP, j] * w + air * we + c[W_OCC, j] * p[OCC, j]
                    dry = gain / (c[W_CAP, j] + air)
                    coil = c[W_COIL, j] * cool
                    wet = (gain + coil * c[W_DRY, j]) / (c[W_CAP, j] + air + coil)
                    now = wet if dry > c[W_DRY, j] else dry
                    s[0, j], s[1, j], s[2, j] = new_1, new_2, now
                    span[2, h, j] = heat
                    span[3, h, j] = cool
                    span[4, h, j] = wh_kg * coil * max(now - c[W_DRY, j], zero)
                    span[5, h, j] = room
            for j in range(n):
                for h in range(hours):
                    q_heat[first + j, begin + h] = span[2, h, j]
                    q_cool[first + j, begin + h] = span[3, h, j]
                    q_wet[first + j, begin + h] = span[4, h, j]
                    T_air[first + j, begin + h] = span[5, h, j]
        for j in range(n):
            for i in range(3):
                state[i, first + j] = s[i, j]
