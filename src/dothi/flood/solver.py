"""Flow over a ground: state, steps in time, sources, and the balance of volumes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from dothi.errors import ConvergenceError
from dothi.flood.kernels import TILE, G, copy_active, volumes, wet_tiles
from dothi.flood.kernels_inertial import depths, discharges, shares, velocities
from dothi.flood.kernels_sources import fastest, hold, record, sources
from dothi.shapes import Floats, Integers, Mask

Scheme = Literal["inertial", "first_order", "second_order"]
Precision = Literal["float32", "float64"]
MARGIN: Final = 2
"""Rows and columns of the state around the ground."""
SINK: Final = -np.inf
"""Level of cells that swallow all water."""
CFL: Final[Mapping[str, float]] = {"inertial": 0.7, "first_order": 0.4, "second_order": 0.4}
FILM_M: Final[Mapping[str, float]] = {"inertial": 1e-3, "first_order": 1e-5, "second_order": 1e-5}
"""Depth up to which water stands still, where nothing else is said [m]."""
THETA: Final = 0.8
LONGEST_S: Final = 60.0
TRIES: Final = 30
PORTION_M: Final = 0.005
PORTION_SHARE: Final = 0.05
"""Most that sources add before the flow goes on: this depth, or this share of the depth that is there."""
FEW_M_S: Final = 1e-3
"""Sources weaker than this, as all rain is, add little in any portion."""
TILES_EVERY: Final = 4
"""Steps between two looks at which tiles are wet: a wave crosses less than two cells in each, and a tile has 32."""


@dataclass(frozen=True, slots=True)
class Ground:
    """
    Ground that water flows over.

    Attributes
    ----------
    bed_m : (rows, columns)
        Level of the bed [m]; row 0 is the first along the y axis.
    cell_m
        Edge of a cell [m].
    manning : (rows, columns)
        Manning's n [s m^(-1/3)].
    blocked : (rows, columns)
        Cells that no water enters.
    crest_x : (rows, columns + 1)
        Crest of a wall between a cell and the one before it in its row [m]; −∞ where none.
    crest_y : (rows + 1, columns)
        The same between rows.
    body : (rows, columns)
        Water whose level is given, from 0; −1 where it is free.
    open_sides
        Sides over whose edge water falls freely: ``first_row``, ``last_row``, ``first_column``, ``last_column``.
    """

    bed_m: Floats
    cell_m: float
    manning: Floats
    blocked: Mask | None = None
    crest_x: Floats | None = None
    crest_y: Floats | None = None
    body: Integers | None = None
    open_sides: frozenset[str] = frozenset()


@dataclass(slots=True)
class Kept:
    """Greatest values of a run, times of arrival, and times above marks."""

    marks_m: Floats
    arrives_m: float
    depth_m: NDArray[Any]
    speed_m_s: NDArray[Any]
    hazard_m2_s: NDArray[Any]
    arrival_s: NDArray[Any]
    above_s: NDArray[Any]


@dataclass(slots=True)
class Balance:
    """Volumes of a run so far [m³]."""

    start: float = 0.0
    rain: float = 0.0
    inflow: float = 0.0
    infiltrated: float = 0.0
    drained: float = 0.0
    from_bodies: float = 0.0
    to_bodies: float = 0.0
    stored: float = 0.0

    @property
    def error(self) -> float:
        """What is stored beyond what came and did not go [m³]."""
        came = self.start + self.rain + self.inflow + self.from_bodies
        return self.stored - came + self.infiltrated + self.drained + self.to_bodies

    @property
    def relative_error(self) -> float:
        """The same over all that came."""
        return self.error / max(self.start + self.rain + self.inflow + self.from_bodies, 1e-12)


@dataclass(slots=True)
class Soil:
    """What seeps away: see `kernels_sources.sources`; SI units."""

    conductivity: Floats
    suction: Floats
    pervious: Floats
    drained: Floats
    soaked: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.soaked = np.zeros_like(self.pervious)


class Flow:
    """
    Water on a ground.

    Parameters
    ----------
    ground
        Ground.
    scheme
        ``second_order`` and ``first_order`` solve the full equations; ``inertial`` leaves out advection, and is about
        ten times as fast.
    depth_m : (rows, columns)
        Depth at the start [m]; dry where None.
    soil
        What seeps away; nothing where None.
    precision
        Type of the state.
    film_m
        Depth up to which water stands still; of the scheme where None [m].
    longest_s
        Longest step [s].
    """

    def __init__(
        self,
        ground: Ground,
        scheme: Scheme = "second_order",
        *,
        depth_m: Floats | None = None,
        soil: Soil | None = None,
        precision: Precision = "float64",
        film_m: float | None = None,
        longest_s: float = LONGEST_S,
    ) -> None:
        self.ground, self.scheme, self.soil = ground, scheme, soil
        self.film_m = FILM_M[scheme] if film_m is None else film_m
        self.longest_s = longest_s
        self.time_s, self.steps, self.cells_computed = 0.0, 0, 0
        self.balance = Balance()
        self._shape(ground, np.dtype(precision))
        self._levels = np.zeros(1)
        if depth_m is not None:
            self.depth_m[:] = np.where(self._blocked, 0.0, depth_m)
        self._added = np.zeros(2)
        self._sources_at: tuple[Floats, Floats] = (np.zeros(ground.bed_m.shape), np.zeros(ground.bed_m.shape))
        self.set_sources()
        self.balance.start = self.balance.stored = self._volume()
        self.active = np.ones((self._tiles.shape), dtype=bool)
        self._look()

    def _shape(self, ground: Ground, real: np.dtype[Any]) -> None:
        """Arrays with a margin, in whole tiles."""
        rows, columns = ground.bed_m.shape
        tiles = -(-(rows + 2) // TILE), -(-(columns + 2) // TILE)
        self.inner = (slice(MARGIN + 1, MARGIN + 1 + rows), slice(MARGIN + 1, MARGIN + 1 + columns))
        shape = tiles[0] * TILE + 2 * MARGIN, tiles[1] * TILE + 2 * MARGIN
        self._tiles, self._deepest = np.zeros(tiles, dtype=bool), np.zeros(tiles[0], real)
        self._speed, self._least = np.zeros(tiles[0], real), np.zeros(tiles[0], real)
        self._waves = np.zeros(shape[0], real)
        self._blocked = np.zeros((rows, columns), dtype=bool) if ground.blocked is None else ground.blocked
        open_to = _margin_of(ground, self.inner)
        self._held, self._beside, self._body = _held(ground, shape, self.inner, open_to, self._blocked)
        bed = np.zeros(shape)
        bed[self.inner] = np.where(self._blocked, 0.0, ground.bed_m)
        for cell, beside in open_to:
            bed[cell] = bed[beside]
        self.bed = bed.astype(real)
        friction = np.zeros(shape)
        friction[self.inner] = G * ground.manning**2
        self._gn2 = friction.astype(real)
        self._crests(ground, shape, open_to, real)
        self.h, self.u, self.v = (np.zeros(shape, real) for _ in range(3))
        if self.scheme == "inertial":
            self.qx, self._qx = (np.zeros((shape[0], shape[1] + 1), real) for _ in range(2))
            self.qy, self._qy = (np.zeros((shape[0] + 1, shape[1]), real) for _ in range(2))
            self._share = np.ones(shape, real)
        else:
            self._stage: Any = tuple(np.zeros(shape, real) for _ in range(3))
            self._next: Any = tuple(np.zeros(shape, real) for _ in range(3))

    def _crests(self, ground: Ground, shape: tuple[int, int], open_to: list[Any], real: np.dtype[Any]) -> None:
        """Crests of walls; what lies outside, or is blocked, is closed."""
        shut = np.ones(shape, dtype=bool)
        shut[self.inner] = self._blocked
        for cell, beside in open_to:
            shut[cell] = shut[beside]
        found = []
        for axis, given in ((1, ground.crest_x), (0, ground.crest_y)):
            more = np.zeros((2, 2), dtype=int)
            more[axis] = 1
            wide = np.pad(shut, ((int(more[0, 0]), int(more[0, 1])), (int(more[1, 0]), int(more[1, 1]))))
            before = np.take(wide, range(shape[axis] + 1), axis)
            after = np.take(wide, range(1, shape[axis] + 2), axis)
            crest = np.where(before | after, np.inf, -np.inf)
            if given is not None:
                inside = list(self.inner)
                inside[axis] = slice(inside[axis].start, inside[axis].stop + 1)
                crest[tuple(inside)] = np.maximum(crest[tuple(inside)], given)
            found.append(crest.astype(real))
        self.crest_x, self.crest_y = found
        for (row, column), _ in open_to:  # the margin is a sink: between its cells nothing has to flow
            if row in (MARGIN, self.inner[0].stop):
                self.crest_x[row, column : column + 2] = np.inf
            else:
                self.crest_y[row : row + 2, column] = np.inf

    @property
    def depth_m(self) -> NDArray[Any]:
        """Depth of water [m]."""
        return self.h[self.inner]

    @property
    def velocity_m_s(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Velocities along rows and along columns [m s⁻¹]."""
        return self.u[self.inner], self.v[self.inner]

    def set_velocity(self, u_m_s: Floats, v_m_s: Floats) -> None:
        """Give the water velocities, where it is deeper than a film."""
        for mine, given in ((self.u, u_m_s), (self.v, v_m_s)):
            mine[self.inner] = np.where(self.depth_m > self.film_m, given, 0.0)
        if self.scheme == "inertial":
            hu, hv = self.h * self.u, self.h * self.v
            self.qx[:, 1:-1] = 0.5 * (hu[:, 1:] + hu[:, :-1]) * ((hu[:, 1:] != 0.0) & (hu[:, :-1] != 0.0))
            self.qy[1:-1] = 0.5 * (hv[1:] + hv[:-1]) * ((hv[1:] != 0.0) & (hv[:-1] != 0.0))

    def set_sources(self, rain_m_s: Floats | float = 0.0, inflow_m_s: Floats | float = 0.0) -> None:
        """Rain and other inflows from now on, by cell [m s⁻¹]."""
        for mine, given in zip(self._sources_at, (rain_m_s, inflow_m_s), strict=True):
            mine[:] = given
        rate = (self._sources_at[0] + self._sources_at[1]).ravel()
        self._fed = np.flatnonzero(rate > FEW_M_S)
        self._rate = rate[self._fed]

    def set_levels(self, levels_m: Floats) -> None:
        """Levels of the waters whose level is given, from now on [m]; `SINK` for one that swallows all."""
        self._levels = np.append(levels_m, SINK)

    def keep(self, marks_m: Floats, arrives_m: float) -> Kept:
        """Places to keep greatest values in, for `advance`."""
        shape = self.ground.bed_m.shape
        real = np.float32
        depth, speed, hazard = (np.zeros(shape, real) for _ in range(3))
        return Kept(
            marks_m, arrives_m, depth, speed, hazard, np.full(shape, -1.0, real), np.zeros((len(marks_m), *shape), real)
        )

    def advance(self, until_s: float, every_s: float = 5.0, kept: Kept | None = None) -> None:
        """
        Go on in time.

        Rain and inflows come in portions: each as long as `every_s` at most, and so short that it adds 5 mm at most, or
        a twentieth of the depth that is there, so that the steps of the flow know what comes.

        Parameters
        ----------
        until_s
            Time to reach [s].
        every_s
            Longest portion [s].
        kept
            Where greatest values are kept.

        Raises
        ------
        ConvergenceError
            No step is short enough.
        """
        while self.time_s < until_s - 1e-9:
            end = min(self.time_s + min(every_s, self._portion()), until_s)
            took = end - self.time_s
            self._pour(took)
            self._flow(end)
            if kept is not None:
                self._velocities()
                record(
                    self.h[1:-1, 1:-1][: self.inner[0].stop + 1, : self.inner[1].stop + 1],
                    self.u[1:-1, 1:-1][: self.inner[0].stop + 1, : self.inner[1].stop + 1],
                    self.v[1:-1, 1:-1][: self.inner[0].stop + 1, : self.inner[1].stop + 1],
                    end, took, kept.arrives_m, kept.marks_m, kept.depth_m, kept.speed_m_s, kept.hazard_m2_s,
                    kept.arrival_s, kept.above_s,
                )  # fmt: skip
        self._velocities()
        self._count()

    def _portion(self) -> float:
        """Longest time in which no source adds much [s]."""
        rate, deep = self._rate, self.depth_m.ravel()[self._fed] if self._fed.size else np.zeros(0)
        return float((np.maximum(PORTION_M, PORTION_SHARE * deep) / rate).min(initial=np.inf))

    def _velocities(self) -> None:
        if self.scheme == "inertial":
            velocities(self.h, self.qx, self.qy, self.active, self.film_m, self.u, self.v)

    def _pour(self, dt: float) -> None:
        """Let fall and seep what does so in a portion of time."""
        rain, inflow = self._sources_at
        if self.soil is None and not rain.any() and not inflow.any():
            return
        zero = np.zeros(rain.shape)
        soil = self.soil or Soil(zero, zero, zero, zero)
        self.soil = soil
        totals = np.zeros((rain.shape[0], 4))
        h, u, v = self.h[1:-1, 1:-1], self.u[1:-1, 1:-1], self.v[1:-1, 1:-1]
        sources(
            h, u, v, rain, inflow, soil.conductivity, soil.suction, soil.pervious, soil.drained, dt, soil.soaked, totals
        )  # fmt: skip
        area = self.ground.cell_m**2
        fallen, came, seeped, gone = map(float, totals.sum(axis=0) * area)
        self.balance.rain += fallen
        self.balance.inflow += came
        self.balance.infiltrated += seeped
        self.balance.drained += gone
        self._look()

    def _flow(self, until_s: float) -> None:
        """Steps up to a time."""
        self._hold()
        step = self._inertial if self.scheme == "inertial" else self._volumes
        if self.scheme != "inertial":
            fastest(self.h, self.u, self.v, self._waves)
            self._fastest = float(self._waves.max())
        while self.time_s < until_s - 1e-9:
            if self.steps % TILES_EVERY == 0:
                self._look()
            step(until_s)
            self._hold()
            self.steps += 1
            self.cells_computed += int(self.active.sum()) * TILE * TILE

    def _look(self) -> None:
        """Find the tiles that hold water, with those around them."""
        wet_tiles(self.h, self.film_m, self._tiles, self._deepest)
        self.active = binary_dilation(self._tiles, np.ones((3, 3), dtype=bool))

    def _hold(self) -> None:
        if self._held.size:
            level = self._levels[self._body]
            depth = np.where(np.isfinite(level), np.maximum(level - self.bed.ravel()[self._held], 0.0), 0.0)
            hold(
                self.h.reshape(-1), self.u.reshape(-1), self.v.reshape(-1), self._held, self._beside, depth, self._added
            )  # fmt: skip

    def _within(self, dt: float, until_s: float) -> float:
        return min(dt, self.longest_s, until_s - self.time_s)

    def _inertial(self, until_s: float) -> None:
        deepest = max(float(self._deepest.max()), self.film_m) * 1.05 + 0.001
        if self.steps % TILES_EVERY:
            wet_tiles(self.h, self.film_m, self._tiles, self._deepest)
        dx = self.ground.cell_m
        dt = self._within(CFL["inertial"] * dx / float(np.sqrt(G * deepest)), until_s)
        discharges(
            self.h, self.qx, self.qy, self.bed, self._gn2, self.crest_x, self.crest_y, self.active, dx, dt, THETA,
            self.film_m, self._qx, self._qy,
        )  # fmt: skip
        shares(self.h, self._qx, self._qy, self.active, dx, dt, self._share)
        depths(self.h, self._qx, self._qy, self._share, self.active, dx, dt, self.qx, self.qy)
        self.time_s += dt

    def _volumes(self, until_s: float) -> None:
        now: Any = (self.h, self.u, self.v)
        wave = max(self._fastest, 1e-9)
        dt = self._within(CFL[self.scheme] * self.ground.cell_m / wave, until_s)
        for _ in range(TRIES):
            if self._tried(now, dt):
                break
            dt *= 0.5
        else:
            raise ConvergenceError(f"no step of water is short enough after {self.time_s:.1f} s")
        copy_active(self._next[0], self._next[1], self._next[2], self.active, self.h, self.u, self.v)
        self._fastest = float(self._speed.max())
        self.time_s += dt

    def _tried(self, now: tuple[Any, ...], dt: float) -> bool:
        """Whether a step leaves no cell with less than no water; it stands in `_next`."""
        if self.scheme == "first_order":
            return self._one(now, now, dt, 0.0, 0.0, self._next)
        return self._one(now, now, dt, 0.5, 0.0, self._stage) and self._one(self._stage, now, dt, 0.5, 0.5, self._next)

    def _one(self, now: Any, before: Any, dt: float, slope: float, old: float, after: Any) -> bool:
        h, u, v = now
        h_0, u_0, v_0 = before
        h_2, u_2, v_2 = after
        volumes(
            h, u, v, h_0, u_0, v_0, self.bed, self._gn2, self.crest_x, self.crest_y, self.active, self.ground.cell_m,
            dt, slope, old, self.film_m, h_2, u_2, v_2, self._speed, self._least,
        )  # fmt: skip
        return float(self._least.min()) >= 0.0

    def _volume(self) -> float:
        return float(self.h.sum(dtype=np.float64)) * self.ground.cell_m**2

    def _count(self) -> None:
        area = self.ground.cell_m**2
        self.balance.from_bodies, self.balance.to_bodies = (float(part) * area for part in self._added)
        self.balance.stored = self._volume()


def _margin_of(ground: Ground, inner: tuple[slice, slice]) -> list[Any]:
    """Cells of the margin that water falls into, each with the cell beside it."""
    rows, columns = inner
    sides = {
        "first_row": [((rows.start - 1, j), (rows.start, j)) for j in range(columns.start, columns.stop)],
        "last_row": [((rows.stop, j), (rows.stop - 1, j)) for j in range(columns.start, columns.stop)],
        "first_column": [((i, columns.start - 1), (i, columns.start)) for i in range(rows.start, rows.stop)],
        "last_column": [((i, columns.stop), (i, columns.stop - 1)) for i in range(rows.start, rows.stop)],
    }
    return [pair for side in sorted(ground.open_sides) for pair in sides[side]]


def _held(
    ground: Ground, shape: tuple[int, int], inner: tuple[slice, slice], open_to: list[Any], blocked: Mask
) -> tuple[Integers, Integers, Integers]:
    """Cells whose level is given, free cells beside them, and the water they belong to; −1 for sinks."""
    body = np.full(shape, -2, dtype=np.int64)
    free = np.zeros(shape, dtype=bool)
    free[inner] = ~blocked
    if ground.body is not None:
        body[inner] = np.where((ground.body >= 0) & ~blocked, ground.body, -2)
        free[inner] &= ground.body < 0
    for cell, _ in open_to:
        body[cell] = -1
    held = np.flatnonzero(body.ravel() > -2)
    beside = held.copy()
    for step in (1, -1, shape[1], -shape[1]):
        beside = np.where(free.ravel()[held + step], held + step, beside)
    return held, beside, body.ravel()[held]
