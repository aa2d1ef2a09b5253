"""Light of the sky and the sun on planes, hour by hour: compiled loops."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dothi.compiled import kernel

Singles = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]


@kernel()
def patch_weights(normal: Floats, towards: Floats, solid_angle: Floats, weight: Singles) -> None:
    r"""
    Projected solid angle of every patch of the sky as planes see it: :math:`\int \max(\cos\theta, 0)\,d\Omega`.

    Parameters
    ----------
    normal : (planes, 3)
        Unit normals: east, north, up.
    towards : (patches, points, 3)
        Points of equal solid angle in every patch.
    solid_angle : (patches,)
        Solid angle [sr].
    weight : (planes, patches)
        On return, the projected solid angles [sr].
    """
    n_patches, n_points, _ = towards.shape
    for i in range(normal.shape[0]):
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        for p in range(n_patches):
            total = 0.0
            for k in range(n_points):
                total += max(nx * towards[p, k, 0] + ny * towards[p, k, 1] + nz * towards[p, k, 2], 0.0)
            weight[i, p] = total * solid_angle[p] / n_points


@kernel()
def light_of(
    normal: Singles,
    sun: Singles,
    dni: Singles,
    place: Integers,
    lit: Bytes,
    share: Singles,
    ground: Singles,
    walls: Singles,
    side: Integers,
    hour: Integers,
    sky: Singles,
    together: bool,
    beam: Singles,
    other: Singles,
) -> None:
    r"""
    Direct light, :math:`f E_n \max(\cos\theta, 0)` with the lit share *f*, and light of the sky and the neighbourhood.

    Parameters
    ----------
    normal : (planes, 3)
        Unit normals.
    sun : (3, day hours)
        Unit vectors to the sun.
    dni : (day hours,)
        Direct normal irradiance [W m⁻²].
    place : (day hours,)
        Column of `lit`.
    lit : (planes, places)
        Lit share in 255ths.
    share : (planes, 4)
        Shares reflected of the beam and the sky on the ground, and of the beam and the sky on walls.
    ground : (2, day hours)
        Beam and light of the open sky on the level [W m⁻²].
    walls : (sides, 2, day hours)
        Beam and light of the sky on open walls that face a plane of each side [W m⁻²].
    side : (planes,)
        Side of each plane.
    hour : (day hours,)
        Column of the results.
    sky : (planes, day hours)
        Light that comes straight from the sky [W m⁻²].
    together
        Whether all light goes into `beam`.
    beam, other : (planes, hours)
        On return, direct light and all other; hours without light stay as they are [W m⁻²].
    """
    n_steps = hour.shape[0]
    rest = np.empty(n_steps, np.float32)
    direct = np.empty(n_steps, np.float32)
    for i in range(normal.shape[0]):
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        a, b, c, d = share[i, 0], share[i, 1], share[i, 2], share[i, 3]
        s = side[i]
        unit = np.float32(1.0 / 255.0)
        none = np.float32(0.0)
        for t in range(n_steps):
            facing = nx * sun[0, t] + ny * sun[1, t] + nz * sun[2, t]
            direct[t] = max(facing, none) * dni[t] * unit
            rest[t] = sky[i, t] + a * ground[0, t] + b * ground[1, t] + c * walls[s, 0, t] + d * walls[s, 1, t]
        if together:
            for t in range(n_steps):
                beam[i, hour[t]] = rest[t] + direct[t] * lit[i, place[t]]
        else:
            for t in range(n_steps):
                beam[i, hour[t]] = direct[t] * lit[i, place[t]]
                other[i, hour[t]] = rest[t]


@kernel()
def beam_of_year(normal: Floats, sun: Floats, dni: Floats, place: Integers, lit: Bytes, out: Floats) -> None:
    """
    Direct light of the year; arguments as those of `light_of`, unit vectors in rows.

    Parameters
    ----------
    out : (planes, 2)
        On return, what reaches each plane, and what would if nothing hid the sun [W h m⁻²].
    """
    for i in range(normal.shape[0]):
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        reached, free = 0.0, 0.0
        for t in range(sun.shape[0]):
            facing = nx * sun[t, 0] + ny * sun[t, 1] + nz * sun[t, 2]
            if facing > 0.0:
                free += facing * dni[t]
                reached += facing * dni[t] * lit[i, place[t]]
        out[i, 0] = reached / 255.0
        out[i, 1] = free
