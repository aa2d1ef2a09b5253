"""Paths of ISO/TR 17534-4:2020, each as the profile under it and the levels it should give."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import numpy as np

from dothi.noise.air import absorption
from dothi.shapes import Floats

ROOF: Final = 0.0
"""Ground factor of roofs that a path passes over."""
CONDITIONS: Final = ("homogeneous", "favourable")
MEAN: Final = "half the time each"
"""Levels of both conditions, each half of the time: what the report has where one of them has no path."""
ISO_TOLERANCE_DB: Final = 0.1

Bands = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Path:
    """
    A path of a published case.

    Attributes
    ----------
    name, what
        Case, and what is on the way.
    points
        Points on the way from the source to the receiver, in plan and up: x, y, level of the ground, ground factor up
        to the next point; where there is a wall, also its top and whether the path goes ``in`` under a roof, ``out`` of
        it, or over a ``thin`` wall; where the path turns, ``turn``.
    hs, hr
        Levels of source and receiver [m].
    expected
        Levels by octave band [dB], in homogeneous and in favourable conditions, or with half the time of each;
        what the report does not have is left out.
    power_db
        Sound power in every band [dB].
    mirror
        Number of the point that reflects, and the top of the wall there [m].
    alpha
        Absorption of the wall by octave band.
    lateral
        Whether the turns are upright edges.
    tolerance_db, because
        How far the levels may lie from those of the report, and why, where it is not `ISO_TOLERANCE_DB`.
    """

    name: str
    what: str
    points: tuple[tuple[float | str, ...], ...]
    hs: float
    hr: float
    expected: Mapping[str, Bands]
    power_db: float = 93.0
    mirror: tuple[int, float] | None = None
    alpha: Bands = (0.0,) * 8
    lateral: bool = False
    tolerance_db: float = ISO_TOLERANCE_DB
    because: str = ""


def profile(path: Path) -> tuple[Floats, Floats, Floats, Floats, list[int]]:
    """Way, level, ground factor and level as an edge of the vertices under a path; the vertex of each point."""
    from dothi.noise.kernels import NO_EDGE

    rows: list[tuple[float, float, float, float]] = []
    at: list[int] = []
    s, under, last = 0.0, False, (float(path.points[0][0]), float(path.points[0][1]))
    for k, point in enumerate(path.points):
        x, y, z, soft = (float(value) for value in point[:4])
        s += float(np.hypot(x - last[0], y - last[1]))
        last, wall = (x, y), point[4:]
        kind = str(wall[-1]) if wall else ""
        if under and kind != "out":
            at.append(len(rows) - 1)
            continue
        if kind == "in":
            rows += [(s, z, ROOF, NO_EDGE), (s, float(wall[0]), ROOF, float(wall[0]))]
        elif kind == "out":
            rows += [(s, float(wall[0]), ROOF, float(wall[0])), (s, z, soft, NO_EDGE)]
        elif kind == "thin":
            rows += [(s, z, soft, NO_EDGE), (s, float(wall[0]), soft, float(wall[0])), (s, z, soft, NO_EDGE)]
        else:
            ends = k in (0, len(path.points) - 1)
            rows.append((s, z, soft, 2.0 * NO_EDGE if ends else z))
        under = kind == "in" or (under and kind != "out")
        at.append(len(rows) - 1)
    way, level, factor, crest = (np.array(column) for column in zip(*rows, strict=True))
    return way, level, factor, crest, at


def band_levels(path: Path) -> Floats:
    """Levels of a path in both conditions (2, 8) [dB], at 10 °C and 70 % humidity."""
    from dothi.noise.kernels import NO_EDGE, PLANE, around, boundary, by_wall
    from dothi.noise.kernels_corners import slanted

    x, z, ground, crest, at = profile(path)
    n = len(x)
    if path.lateral:
        crest = np.full(n, 2.0 * NO_EDGE)
    edges, comes = np.zeros((2, n), dtype=np.int64), np.zeros((2, 8))
    counts = boundary(
        x, z, ground, crest, n, path.hs, path.hr, float(ground[0]), edges, np.zeros((3, PLANE)), np.zeros(n), comes
    )
    d = away = float(np.hypot(x[-1], path.hr - path.hs))
    if path.mirror is not None:
        half, top = at[path.mirror[0]], path.mirror[1]
        by_wall(x, z, crest, n, half, top, path.hs, path.hr, edges, counts, comes)
    if path.lateral:
        ends = (path.points[0], *(point for point in path.points if point[-1] == "turn"), path.points[-1])
        way = np.array([point[:2] for point in ends], dtype=float)
        away = float(np.sqrt(((way[-1] - way[0]) ** 2).sum() + (path.hr - path.hs) ** 2))
        d, between = slanted(way[:, 0].copy(), way[:, 1].copy(), len(way), path.hs, path.hr)
        for k in (0, 1):
            around(d - away, between, comes[k])
    with np.errstate(divide="ignore"):  # no path: silence
        through = 10.0 * np.log10(comes * (1.0 - np.asarray(path.alpha)))
    found: Floats = path.power_db - 20.0 * np.log10(away) - 11.0 - absorption(10.0, 70.0) * d + through
    return found


def mean_levels(levels: Floats) -> Floats:
    """Levels of both conditions (2, 8), each half of the time (8) [dB]."""
    found: Floats = 10.0 * np.log10((10.0 ** (levels / 10.0)).mean(axis=0))
    return found


def straight_road(away_m: tuple[float, ...]) -> Floats:
    """Levels at slant distances from a straight road of 10 km and 0 dB per metre over hard ground [dB]."""
    import shapely

    from dothi.noise.emission import SOURCE_HEIGHT_M
    from dothi.noise.kernels_map import Method, listen
    from dothi.noise.scene import Ground, scene_of, sources_of

    middles = np.array([-6000.0, 0.0, 6000.0])
    ground = Ground(middles, middles, np.zeros((3, 3)), np.zeros((3, 3)))
    none, one = np.empty(0), np.array([1.0])
    scene = scene_of(np.empty(0, dtype=object), none, none, ground)
    lines = np.array([shapely.LineString([(-5000.0, 0.0), (5000.0, 0.0)])], dtype=object)
    power = np.zeros((1, 1, 8))
    power[0, 0, 4] = 1.0
    sources = sources_of(lines, power, one, ground, np.full((1, 2), np.nan))
    height = 4.0
    y = np.sqrt(np.asarray(away_m) ** 2 - (height - SOURCE_HEIGHT_M) ** 2)
    method = Method(6000.0, 100.0, np.deg2rad(15.0), 0.0, 0.8, 0.0, 0.0, 0.5, 1e-6, 1e-9, np.zeros(8), np.zeros(1), one)
    energy, paths = np.zeros((len(y), 1)), np.zeros((len(y), 4), dtype=np.int64)
    listen(scene, sources, method, np.zeros(len(y)), y, height, 0, len(y), energy, paths)
    found: Floats = 10.0 * np.log10(energy[:, 0])
    return found


def _paths() -> tuple[Path, ...]:
    text = files("dothi.verify").joinpath("noise_paths.toml").read_text(encoding="utf-8")
    return tuple(_of(row) for row in tomllib.loads(text)["path"])


def _of(row: dict[str, Any]) -> Path:
    plain = ("name", "what", "hs", "hr", "power_db", "lateral", "tolerance_db", "because")
    given = {name: row[name] for name in plain if name in row}
    expected: dict[str, Bands] = {str(name): tuple(row[name]) for name in (*CONDITIONS, MEAN) if name in row}
    points = tuple(tuple(point) for point in row["points"])
    mirror = (int(row["mirror"][0]), float(row["mirror"][1])) if "mirror" in row else None
    return Path(points=points, expected=expected, mirror=mirror, alpha=tuple(row.get("alpha", (0.0,) * 8)), **given)


PATHS: Final = _paths()
"""Paths that are tried, see ``noise_paths.toml``."""
