"""Traffic of the peak hour, vehicle by vehicle, in SUMO."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np
import shapely
from pydantic import Field, model_validator

from dothi.errors import InputError, Problem
from dothi.microsim import convert
from dothi.microsim.jam import Course, read_course
from dothi.microsim.network import Network
from dothi.microsim.routes import Streets, Way, ways_from_flows
from dothi.microsim.sumo import Sumo, count
from dothi.model import Params, Result, columns_of
from dothi.schema import Column, Schema
from dothi.shapes import Floats
from dothi.units import M_PER_KM, SECONDS_PER_HOUR

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from dothi.city import City

GOOD_GEH: Final = 5.0
ENDED: Final = "final simulation step has been reached"
MANY: Final = 0.2
"""Share of motorbikes from which on vehicles move in stripes."""
MOTOR: Final = tuple(convert.CLASSES)


class MicrosimParams(Params):
    """Parameters of the simulation vehicle by vehicle."""

    area: tuple[tuple[float, float], ...] = Field(
        default=(),
        description="Corners of the area on the grid of the city, or two opposite corners of a box; the whole city "
        "where none are given [m].",
    )
    resolution: Literal["auto", "meso", "micro"] = Field(
        default="auto",
        description="micro: vehicle by vehicle, with lanes, gaps and signals; meso: queues of vehicles on stretches of "
        "street, crossings as losses of time; auto: micro for an area, meso for the whole city [1].",
    )
    duration_s: float = Field(default=3600.0, ge=300.0, le=86_400.0, description="Time that is measured [s].")
    warm_up_s: float = Field(default=900.0, ge=0.0, le=7200.0, description="Time before that, not measured [s].")
    drain_s: float = Field(
        default=1800.0,
        ge=0.0,
        le=7200.0,
        description="Time after that in which nobody sets out and streets have to empty [s].",
    )
    scale: float = Field(default=1.0, gt=0.0, le=5.0, description="Share of the flows that is simulated [1].")
    saturation_limit: float = Field(
        default=0.85,
        gt=0.0,
        le=10.0,
        description="Flow over capacity up to which flow is simulated: what is more cannot pass in the hour [1].",
    )
    lateral_resolution_m: float = Field(
        default=0.8,
        ge=0.0,
        le=3.5,
        description="Width of the stripes in which vehicles move side by side, in micro, where a fifth of them or more "
        "are motorbikes; 0: lanes [m].",
    )
    step_s: float = Field(default=0.5, ge=0.1, le=2.0, description="Step of time, in micro [s].")
    teleport_s: float = Field(
        default=300.0, ge=-1.0, le=3600.0, description="Wait after which a stuck vehicle is moved on; −1: never [s]."
    )
    rerouting_share: float = Field(
        default=0.0, ge=0.0, le=1.0, description="Share of the vehicles that look for a quicker way as they drive [1]."
    )
    signals_load: float = Field(
        default=0.7,
        ge=0.0,
        description="Flow over what finds a gap, on the worst lane of a crossing, from which on it has signals [1].",
    )
    join_m: float = Field(
        default=25.0, ge=0.0, le=100.0, description="Distance within which crossings are one crossing; 0: as drawn [m]."
    )
    ring_m: float = Field(
        default=30.0,
        ge=0.0,
        description="Length of a roundabout that is a plain crossing, at most; in meso, all are [m].",
    )
    signal_penalty: float = Field(
        default=0.0, ge=0.0, le=2.0, description="Share of the wait at red that vehicles lose at signals, in meso [1]."
    )
    signal_flow_penalty: float = Field(
        default=0.0, ge=0.0, le=2.0, description="Share of the green that signals take from flow, in meso [1]."
    )
    minor_penalty_s: float = Field(
        default=0.0, ge=0.0, le=30.0, description="Time lost where another street goes first, in meso [s]."
    )
    trajectory_share: float = Field(
        default=0.05, ge=0.0, le=1.0, description="Share of the vehicles whose ways are kept [1]."
    )
    trajectory_period_s: float = Field(
        default=5.0, ge=1.0, le=60.0, description="Time between two points of a way [s]."
    )
    seed: int = Field(default=1, ge=0, description="Seed of everything drawn at random [1].")

    @model_validator(mode="after")
    def _is_an_area(self) -> MicrosimParams:
        if len(self.area) == 1:
            raise ValueError("has two corners of a box, three or more of an outline, or none")
        return self


@dataclass(frozen=True, slots=True)
class MicrosimModel:
    """
    Vehicles of the morning peak hour one by one, in SUMO, which is a program of its own.

    The network is that of the city, never read from OpenStreetMap again; crossings with much traffic get signals that
    answer to it. Vehicles are drawn so that their ways add up to the flows of the equilibrium. In micro, motorbikes
    take any place across a lane; a whole city runs in meso unless told otherwise.
    """

    params: MicrosimParams = field(default_factory=MicrosimParams)

    name: ClassVar[str] = "microsim"
    inputs: ClassVar[Mapping[str, Schema]] = {
        "nodes": columns_of("nodes", "geometry"),
        "links": {
            **columns_of(
                "links",
                "geometry",
                "from_node_id",
                "to_node_id",
                "reverse_link_id",
                "class",
                "lanes",
                "roundabout",
                "free_speed_m_s",
                *MOTOR,
            ),
            **{
                f"volume_{kind}_veh_h": Column("float", "veh h⁻¹", f"Flow of {kind} traffic.", 0.0, missing=True)
                for kind in MOTOR
            },
            "time_car_s": Column("float", "s", "Time of a car.", 0.0, missing=True),
            "saturation": Column("float", "", "Flow over capacity.", 0.0, missing=True),
        },
    }
    optional: ClassVar[tuple[str, ...]] = ()
    rasters: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[Mapping[str, Schema]] = {
        "links": {
            "microsim_volume_veh_h": Column("float", "veh h⁻¹", "Vehicles that left the link.", 0.0, missing=True),
            "microsim_delay_s": Column("float", "s", "Time lost on the link, mean of its vehicles.", 0.0, missing=True),
            "microsim_queue_m": Column("float", "m", "Longest queue of its lanes, mean over time.", 0.0, missing=True),
            "microsim_speed_m_s": Column("float", "m s⁻¹", "Mean speed on the link.", 0.0, missing=True),
            "microsim_geh": Column("float", "", "GEH of the flow against the equilibrium.", 0.0, missing=True),
        },
        "trajectories": {
            "geometry": Column("geometry", "", "Way, a point each period.", choices=("LineString",)),
            "mode": Column("category", "", "Class of the vehicle.", choices=MOTOR),
            "begin_s": Column("float", "s", "Time of its first point, from the beginning of what is measured."),
            "period_s": Column("float", "s", "Time between two points.", 0.0),
        },
    }
    references: ClassVar[tuple[str, ...]] = (
        "P. A. Lopez et al., Microscopic Traffic Simulation using SUMO, 2018, doi:10.1109/ITSC.2018.8569938",
        "R. E. Allsop, Estimating the traffic capacity of a signalized road junction, Transportation Research 6, 1972",
        "F. V. Webster, Traffic signal settings, Road Research Technical Paper 39, 1958",
        "GEH: UK Department for Transport, TAG Unit M3.1",
    )

    def run(self, city: City) -> Result:
        """Simulate the peak hour."""
        sumo = Sumo.find()
        links = self._links(city["links"])
        flows = {
            kind: np.nan_to_num(links[f"volume_{kind}_veh_h"].to_numpy(dtype=float, na_value=0.0)) * self.params.scale
            for kind in MOTOR
        }
        with tempfile.TemporaryDirectory(prefix="dothi-") as folder:
            return self._simulated(city, links, flows, sumo, Path(folder))

    def _links(self, links: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        """Links open to motor traffic in the area."""
        drivable = links[list(MOTOR)].to_numpy(dtype=bool).any(axis=1) & (links["class"].astype("str") != "ferry")
        drivable &= (links["from_node_id"] != links["to_node_id"]).to_numpy()
        links = links[drivable]
        corners = self.params.area
        if not corners:
            return links
        if len(corners) == 2:
            (x_0, y_0), (x_1, y_1) = corners
            area: Any = shapely.box(min(x_0, x_1), min(y_0, y_1), max(x_0, x_1), max(y_0, y_1))
        else:
            area = shapely.make_valid(shapely.Polygon(corners))
        return links[convert.inside(links, area)]

    def _simulated(
        self, city: City, links: gpd.GeoDataFrame, flows: Mapping[str, Floats], sumo: Sumo, folder: Path
    ) -> Result:
        total = np.sum(list(flows.values()), axis=0)
        # in meso crossings hold nobody, and short links of rings, with room for one or two vehicles, lock each other
        ring_m = self.params.ring_m if self._resolution == "micro" else np.inf
        network = Network.made(city["nodes"], links, self.params.join_m, ring_m, sumo, folder)
        kept = convert.read_kept(network.path, links.index)
        passing = self._passing(links) * kept
        drawn = {kind: flow * kept for kind, flow in flows.items()}
        ways = self._ways(links, drawn, passing, network.path)
        if self._resolution == "micro":
            hours = (self.params.warm_up_s + self.params.duration_s) / SECONDS_PER_HOUR
            network = network.with_signals(ways, hours, self.params.signals_load)
            if network.beyond:
                passing = passing * network.passing()
                ways = self._ways(links, drawn, passing, network.path)
        speed = np.average(self._speed(links), weights=total + 1e-9) if len(links) else 0.0
        routes = convert.write_routes(folder / "city.rou.xml", ways, links.index.to_numpy(), float(speed))
        said = sumo.run("sumo", self._arguments(network, routes, folder, ways), folder)
        if ENDED not in said:  # SUMO that is interrupted ends as if nothing had happened
            raise InputError([Problem("SUMO runs to the last step")])
        hours = self.params.duration_s / SECONDS_PER_HOUR
        found = convert.read_edges(folder / "edges.xml", links.index, hours)
        begin, end = self.params.warm_up_s, self.params.warm_up_s + self.params.duration_s
        found["microsim_queue_m"] = convert.read_queues(folder / "queues.xml", links.index, begin, end)
        found["microsim_geh"] = convert.geh(found["microsim_volume_veh_h"].to_numpy(), total)
        found.loc[~kept] = np.nan
        trajectories = convert.read_trajectories(folder / "fcd.xml", self.params.trajectory_period_s, city.crs, end)
        trajectories["begin_s"] -= self.params.warm_up_s
        return Result(
            tables={"links": found, "trajectories": trajectories},
            diagnostics={
                "engine": f"SUMO {sumo.version}",
                "resolution": self._resolution,
                "stripes_m": self._stripes_m(ways) if self._resolution == "micro" else 0.0,
                "links": len(found),
                "links_within_crossings": int((~kept).sum()),
                "signals": len(network.reserve),
                "crossings_beyond_capacity": len(network.beyond),
                **self._flows_told(links, found, total, passing, ways),
                **self._vehicles_told(said, len(ways), read_course(folder / "summary.xml", begin, end)),
            },
        )

    @property
    def _resolution(self) -> str:
        if self.params.resolution != "auto":
            return self.params.resolution
        return "micro" if self.params.area else "meso"

    def _passing(self, links: gpd.GeoDataFrame) -> Floats:
        """Share of the flow of each link that can pass in the hour."""
        saturation = links["saturation"].to_numpy(dtype=float, na_value=0.0) * self.params.scale
        found: Floats = np.minimum(self.params.saturation_limit / np.maximum(saturation, 1e-9), 1.0)
        return found

    @staticmethod
    def _speed(links: gpd.GeoDataFrame) -> Floats:
        found: Floats = np.maximum(links["free_speed_m_s"].to_numpy(dtype=float, na_value=8.33), 1.0)
        return found

    def _ways(self, links: gpd.GeoDataFrame, flows: Mapping[str, Floats], passing: Floats, net: Path) -> list[Way]:
        length = shapely.length(np.asarray(links.geometry.array, dtype=object))
        time = links["time_car_s"].to_numpy(dtype=float, na_value=0.0)
        free = length / self._speed(links)
        onward = convert.read_connections(net, links.index)
        streets = Streets(np.where(time > 0.0, time, free), onward)
        rng = np.random.default_rng(self.params.seed)
        duration = self.params.warm_up_s + self.params.duration_s
        ways: list[Way] = []
        for kind in MOTOR:
            flow = np.where(links[kind].to_numpy(dtype=bool), flows[kind], 0.0)
            ways += ways_from_flows(streets, flow, kind=kind, duration_s=duration, rng=rng, passing=passing)
        return ways

    def _arguments(self, network: Network, routes: Path, folder: Path, ways: list[Way]) -> list[str | Path]:
        p = self.params
        begin, end = p.warm_up_s, p.warm_up_s + p.duration_s
        data = folder / "edgedata.add.xml"
        data.write_text(
            f'<additional><edgeData id="hour" file="edges.xml" begin="{begin}" end="{end}" excludeEmpty="true"/>'
            "</additional>\n",
            encoding="utf-8",
        )
        arguments: list[str | Path] = [
            *(
                "--net-file",
                network.path,
                "--route-files",
                routes,
                "--additional-files",
                f"{data},{network.plans}" if network.plans else data,
            ),
            *("--begin", "0", "--end", str(end + p.drain_s), "--seed", str(p.seed)),
            *("--time-to-teleport", str(p.teleport_s), "--ignore-route-errors", "true", "--max-depart-delay", "-1"),
            *("--queue-output", "queues.xml", "--queue-output.period", "60"),
            *("--summary-output", "summary.xml", "--summary-output.period", "60"),
            *("--fcd-output", "fcd.xml", "--device.fcd.probability", str(p.trajectory_share)),
            *("--device.fcd.begin", str(begin), "--device.fcd.period", str(p.trajectory_period_s)),
            *("--fcd-output.attributes", "x,y,type", "--device.rerouting.probability", str(p.rerouting_share)),
            *("--device.rerouting.period", "60", "--duration-log.statistics", "true"),
            *("--no-step-log", "true", "--no-warnings", "true"),
        ]
        return arguments + (self._meso() if self._resolution == "meso" else self._micro(self._stripes_m(ways)))

    def _meso(self) -> list[str | Path]:
        p = self.params
        return [
            *("--mesosim", "true", "--meso-interpolate-pos", "true", "--meso-minor-penalty", str(p.minor_penalty_s)),
            *("--meso-tls-penalty", str(p.signal_penalty), "--meso-tls-flow-penalty", str(p.signal_flow_penalty)),
        ]

    def _stripes_m(self, ways: list[Way]) -> float:
        """Width of stripes, where motorbikes are many: of 5 % of them SUMO makes more jams in stripes than in lanes."""
        motorbikes = sum(way.kind == "motorbike" for way in ways)
        return self.params.lateral_resolution_m if motorbikes >= MANY * max(len(ways), 1) else 0.0

    def _micro(self, width: float) -> list[str | Path]:
        return [
            *("--step-length", str(self.params.step_s), "--time-to-impatience", "60", "--collision.action", "none"),
            *(("--lateral-resolution", str(width)) if width > 0.0 else ()),
        ]

    def _flows_told(
        self, links: gpd.GeoDataFrame, found: pd.DataFrame, total: Floats, passing: Floats, ways: list[Way]
    ) -> dict[str, Any]:
        """What was asked of each link, what came, and what the equilibrium says."""
        used = (total > 0.0) & found["microsim_geh"].notna().to_numpy()
        steps = np.array([link for way in ways for link in way.links], dtype=np.int64)
        hours = (self.params.warm_up_s + self.params.duration_s) / SECONDS_PER_HOUR
        drawn = np.bincount(steps, minlength=len(total)) / hours
        came = found["microsim_volume_veh_h"].to_numpy()
        km = shapely.length(np.asarray(links.geometry.array, dtype=object)) / M_PER_KM
        withheld = float((km * total * (1.0 - passing))[used].sum())

        def near(one: Floats, other: Floats) -> float | None:
            return float((convert.geh(one, other)[used] < GOOD_GEH).mean()) if used.any() else None

        return {
            "flow_withheld_veh_km_h": withheld,
            "flow_cut_to_capacity": withheld / max(float((km * total)[used].sum()), 1e-9),
            "links_cut": int((used & (passing < 1.0)).sum()),
            "share_of_links_geh_below_5": near(came, total),
            "share_of_links_geh_below_5_drawn": near(drawn, total),
            "share_of_links_geh_below_5_of_drawn": near(came, drawn),
            "vehicles_over_flow": float(came[used].sum() / max(total[used].sum(), 1e-9)),
        }

    def _vehicles_told(self, said: str, n_vehicles: int, course: Course) -> dict[str, Any]:
        """What became of the vehicles."""
        inserted, running, teleported = count(said, "Inserted"), count(said, "Running"), count(said, "Teleports")
        return {
            "vehicles": n_vehicles,
            "inserted": inserted,
            "arrived": inserted - running,
            "running_at_the_end": running,
            "waiting_to_be_inserted": count(said, "Waiting"),
            "teleported": teleported,
            "mean_speed_m_s": course.speed_m_s,
            "running_veh": course.thinned(),
            "running_growth": course.growth,
            "emptied_s": course.emptied_s,
            "gridlock": course.locked(teleported, n_vehicles, self.params.drain_s),
        }
