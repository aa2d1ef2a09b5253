"""Change: a storm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dothi.changes.base import Change, NotNegative, Positive, Share
from dothi.changes.entries import rows_of
from dothi.changes.rows import appended
from dothi.changes.series import Hyetograph, Levels
from dothi.changes.weathering import rained, risen
from dothi.units import MINUTES_PER_HOUR, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.derive.storms import Curve
    from dothi.errors import Problems
    from dothi.shapes import Floats

MOST_STEPS: Final = 10_000
WHOLE: Final = 1e-6
DESIGN: Final = ("duration_h", "step_s", "shape", "peak_share", "station", "curve", "depth_mm")
"""What a measured storm leaves out."""


class OwnCurve(BaseModel):
    """Mean intensity of the heaviest rain by its duration: ``a / (t + b)^n`` [mm h⁻¹], with t in minutes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    a: Positive = Field(description="Scale; 60 a′ for a formula of Montana in mm/min.")
    b_min: NotNegative = Field(0.0, description="Added to the duration [min]; 0 for a formula of Montana.")
    n: Annotated[float, Field(gt=0.0, le=1.0)] = Field(description="Exponent.")


class Storm(Change):
    """
    Let a storm fall: a design storm or a measured one, with the river and the sea meanwhile.

    A design storm has the rain that is exceeded once in `return_period_years`, by the formula of the country (TCVN
    7957 in Vietnam, Montana in France) with the constants of `station`, or of the nearest city that is known; or by
    `curve`, for constants of your own. `depth_mm` sets the rain altogether, in any shape. Three shapes are on offer:
    `block`, one intensity; `chicago`, after Keifer and Chu; `alternating_blocks`.

    A measured storm comes from `hyetograph`: a list of `[seconds, mm/h]`, or a CSV file with a column `time_s`,
    `time_min` or `time_h`, and a column `intensity_mm_h` or `depth_mm`; the last step is as long as the one before.
    Levels come as one number or likewise, with a column `level_m`.

    The table `hyetographs` holds the rain as it falls: where the scenario has another climate, its factor is in it
    already, whichever stands first, and its rise is in the levels of the sea.
    """

    kind: Literal["storm"]
    name: str | None = Field(None, description="Name.")
    return_period_years: Positive | None = Field(None, description="Mean years between two such storms.")
    duration_h: Annotated[float, Field(gt=0.0, le=240.0)] = Field(2.0, description="Duration of a design storm [h].")
    step_s: Annotated[float, Field(ge=10.0, le=86_400.0)] = Field(300.0, description="Step of a design storm [s].")
    shape: Literal["block", "chicago", "alternating_blocks"] = Field(
        "chicago", description="How the rain of a design storm is spread over time."
    )
    peak_share: Share = Field(0.4, description="Share of a design storm before its peak, from 0 to 1.")
    station: str | None = Field(
        None, description="City whose constants count, such as `Huế`; the nearest one known where it is left out."
    )
    curve: OwnCurve | None = Field(None, description="Constants of your own, for this return period.")
    depth_mm: NotNegative | None = Field(None, le=5000.0, description="Rain altogether [mm].")
    hyetograph: Hyetograph | None = Field(None, description="Measured rain: CSV file, or `[seconds, mm/h]`.")
    river: Levels | None = Field(None, description="Level of the river [m]: number, CSV file, or `[seconds, m]`.")
    sea: Levels | None = Field(None, description="Level of the sea [m]: number, CSV file, or `[seconds, m]`.")

    touches: ClassVar = ("storms", "hyetographs", "stages")
    sentence: ClassVar = {
        "en": "A storm[: {name}][, once in {return_period_years} years][, {depth_mm} mm]",
        "fr": "Une pluie[ : {name}][, période de retour {return_period_years} ans][, {depth_mm} mm]",
        "vi": "Một trận mưa[: {name}][, chu kỳ lặp lại {return_period_years} năm][, {depth_mm} mm]",
    }

    @model_validator(mode="after")
    def _says_how_much(self) -> Storm:
        measured = self.hyetograph is not None
        if measured and (
            beside := sorted(name for name in DESIGN if getattr(self, name) != type(self).model_fields[name].default)
        ):
            raise ValueError(f"leaves out what is for design storms, as hyetograph is given: {', '.join(beside)}")
        if self.station is not None and self.curve is not None:
            raise ValueError("says either station or curve")
        known = self.curve is not None or self.return_period_years is not None
        if not measured and not known and (self.depth_mm is None or self.shape != "block"):
            raise ValueError('says return_period_years, curve, hyetograph, or depth_mm with shape = "block"')
        if not measured and abs(self._steps - round(self._steps)) > WHOLE * self._steps:
            raise ValueError("has a duration that is a whole number of steps")
        if not measured and not 0.5 < self._steps < MOST_STEPS + 0.5:
            raise ValueError(f"has 1 to {MOST_STEPS:,} steps")
        if measured and any(intensity < 0.0 for _, intensity in self.hyetograph or ()):
            raise ValueError("has no rain below zero")
        if measured and (len(self.hyetograph or ()) < 2 or (self.hyetograph or ((1.0, 0.0),))[0][0] < 0.0):
            raise ValueError("has two steps or more, the first at 0 s or later")
        return self

    @property
    def _steps(self) -> float:
        return self.duration_h * SECONDS_PER_HOUR / self.step_s

    def apply(self, city: City, problems: Problems) -> City:
        """City with the storm."""
        import pandas as pd

        times, intensities, source = self._measured() if self.hyetograph else self._designed(city, problems)
        if problems.errors:
            return city
        row = {
            "name": self.name,
            "return_period_years": self.return_period_years,
            "duration_s": float(times[-1] - times[0]),
            "depth_mm": float((intensities * np.diff(times)).sum() / SECONDS_PER_HOUR),
            "source": source,
        }
        new = {"storms": rows_of(city, "storms", [row], self)}
        storm = int(new["storms"].index[0])
        rain = {"storm_id": storm, "time_s": times, "intensity_mm_h": np.append(intensities, 0.0)}
        new["hyetographs"] = rows_of(city, "hyetographs", pd.DataFrame(rain).to_dict("records"), self)
        levels = [
            {"storm_id": storm, "kind": kind, "time_s": time, "level_m": level}
            for kind, series in (("river", self.river), ("sea", self.sea))
            for time, level in series or ()
        ]
        if levels:
            new["stages"] = rows_of(city, "stages", levels, self)
        new = _in_climate(city, new)
        return city.with_tables(**{name: appended(city[name], rows, name) for name, rows in new.items()})

    def _measured(self) -> tuple[Floats, Floats, str]:
        given = np.array(self.hyetograph)
        end = 2.0 * given[-1, 0] - given[-2, 0]
        return np.append(given[:, 0], end), given[:, 1], "measured"

    def _designed(self, city: City, problems: Problems) -> tuple[Floats, Floats, str]:
        from dothi.derive.storms import alternating_blocks, block, chicago

        n_steps = round(self._steps)
        times = self.step_s * np.arange(n_steps + 1, dtype=np.float64)
        duration_s = n_steps * self.step_s
        if self.shape == "block" and self.depth_mm is not None:
            return times, block(self.depth_mm, self.step_s, n_steps), "depth entered"
        curve, source = self._curve(city, problems)
        if curve is None:
            return times, np.zeros(n_steps), ""
        if self.shape == "block":
            found = block(float(curve.depth_mm(duration_s)), self.step_s, n_steps)
        else:
            spread = chicago if self.shape == "chicago" else alternating_blocks
            found = spread(curve, self.step_s, n_steps, self.peak_share)
        if self.depth_mm is not None:
            found *= self.depth_mm / float(curve.depth_mm(duration_s))
            source = f"depth entered; shape: {source}"
        return times, found, source

    def _curve(self, city: City, problems: Problems) -> tuple[Curve | None, str]:
        from dothi.crs import LONLAT, transformer
        from dothi.derive.heavy_rain import find_station, rain
        from dothi.derive.storms import Curve

        if self.curve is not None:
            return Curve(self.curve.a, self.curve.b_min, self.curve.n), "curve entered"
        west, south, east, north = city.bounds
        place = transformer(city.crs, LONLAT).transform((west + east) / 2.0, (south + north) / 2.0)
        try:
            station = find_station(city.country, self.station or place)
        except KeyError as error:
            problems.error(f"has constants of heavy rain, or give curve: {error.args[0]}", column="station")
            return None, ""
        assert self.return_period_years is not None  # noqa: S101
        try:
            found = rain(city.country, station, self.return_period_years)
        except ValueError as error:
            problems.error(f"{error}, for {station['name']}; or give curve", column="return_period_years")
            return None, ""
        source = f"{found.station}: {found.source}; {'verified' if found.verified else 'not verified'}"
        if not found.verified:
            rule = f"constants of heavy rain of {found.station} were not compared with their standard ({found.source})"
            problems.note(rule, column="curve" if self.station is None else "station")
        if self.duration_h * MINUTES_PER_HOUR > found.to_minutes:
            source += f"; meant for {found.to_minutes:g} min at most"
            problems.note(f"is at most {found.to_minutes:g} min for this formula", column="duration_h")
        return found.curve, source


def _in_climate(city: City, new: dict[str, Any]) -> dict[str, Any]:
    """Tables of a storm as it falls in the climate that the city has."""
    for _, climate in city["climate"].iterrows():
        new |= rained(new["storms"], new["hyetographs"], climate["rain_factor"])
        if "stages" in new:
            new["stages"] = risen(new["stages"], climate["sea_level_m"])
    return new
