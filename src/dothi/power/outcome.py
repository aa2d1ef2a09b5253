"""Power flow of a year, put into tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from dothi.errors import InputError, Problem
from dothi.packed import packed
from dothi.power import vehicles
from dothi.power.areas import Areas, areas_of
from dothi.power.backup import Backup, backup
from dothi.power.flow import Flow, power_flow
from dothi.power.hosting import Hosting, hosting_capacity
from dothi.power.loads import LOW_V, NodeLoads, node_loads
from dothi.power.network import BASE_VA, Network, network_of, numbers
from dothi.power.outage import Reliability, reliability
from dothi.shapes import Floats

if TYPE_CHECKING:
    import pandas as pd

    from dothi.city import City
    from dothi.power.model import PowerParams

WH_PER_MWH = 1e6


@dataclass(frozen=True)
class Year:
    """A year of a grid."""

    city: City
    params: PowerParams
    data: Mapping[str, Any]
    network: Network
    loads: NodeLoads
    flow: Flow
    areas: Areas

    @classmethod
    def of(cls, city: City, params: PowerParams, data: Mapping[str, Any]) -> Year:
        """
        Power flow of a year.

        Raises
        ------
        InputError
            In no hour a solution was found.
        """
        from dothi.power.model import BANDS

        nodes, lines, transformers = (city[name] for name in ("grid_nodes", "grid_lines", "transformers"))
        network = network_of(nodes, lines, transformers)
        loads = node_loads(city, params.power_factor, with_vehicles=params.vehicles)
        flow = power_flow(network, loads.nodes, loads.p, loads.q, loads.n_steps, bands=BANDS)
        if not flow.solved.any():
            rule = "the grid can carry the loads in some hour at least (power flow found no solution in any)"
            raise InputError([Problem(rule, table="grid_lines")])
        return cls(city, params, data, network, loads, flow, areas_of(network, nodes, transformers))

    def tables(self) -> dict[str, pd.DataFrame]:
        """Tables of the result."""
        nodes = self._nodes()
        return {
            "grid_nodes": nodes,
            "grid_lines": self._lines(),
            "transformers": self._transformers(nodes),
            "buildings": self._buildings(nodes),
        }

    def _by_node(self, values: Floats) -> Floats:
        """Values of places, by node; not a number where there is no supply."""
        found = np.full(len(self.network.place), np.nan)
        found[self.network.nodes] = values
        return found

    @cached_property
    def reliability(self) -> Reliability:
        """Outages to be expected."""
        customers = np.zeros(len(self.network.place))
        customers[self.loads.nodes] = self.loads.customers
        return reliability(
            self.network, self.city["grid_nodes"], self.city["grid_lines"], customers, self.data["reliability"]
        )

    @cached_property
    def backup(self) -> Backup | None:
        """Feeders fed from elsewhere."""
        if not self.params.backup:
            return None
        nodes, lines, transformers = (self.city[name] for name in ("grid_nodes", "grid_lines", "transformers"))
        band = self.data["voltage"]["medium_band"]
        return backup(self.network, nodes, lines, transformers, self.areas, self.loads, band=band)

    @cached_property
    def hosting(self) -> Hosting | None:
        """Room for more, by area."""
        if not self.params.hosting or not len(self.areas.roots):
            return None
        hours = vehicles.local_hours(self.city["weather"]["time"], self.data["time_zone"])
        above = self.network.nodes[self.network.tree.parent[self.flow.watched]]
        order = np.argsort(above, kind="stable")
        row = order[np.searchsorted(above[order], self.areas.roots)]
        return hosting_capacity(
            self.areas, self.loads, self.flow.volt_pu[row], hours, self._rated(), self.data, len(self.network.place)
        )

    def _rated(self) -> Floats:
        """Rated power of the transformers of each area [kVA]."""
        area, rated = self.areas.of_transformer, numbers(self.city["transformers"], "rating_kva")
        known = (area >= 0) & np.isfinite(rated)
        return np.bincount(area[known], weights=rated[known], minlength=len(self.areas.roots)).astype(float)

    def _nodes(self) -> pd.DataFrame:
        import pandas as pd

        flow = self.flow
        columns = {
            "lowest_pu": flow.low_pu,
            "highest_pu": flow.high_pu,
            "beyond_10_h": flow.outside_h[0],
            "beyond_5_h": flow.outside_h[1],
        }
        table = pd.DataFrame({name: self._by_node(values) for name, values in columns.items()})
        table["outage_h"] = self.reliability.hours
        return table.set_axis(self.city["grid_nodes"].index)

    def _branch(self, tree: Floats, loop: Floats | float = np.nan) -> Floats:
        """Values of branches from those of places and loops; not a number without supply."""
        below, which = self.network.below, self.network.loop
        values = np.where(below >= 0, tree[np.maximum(below, 0)], np.nan)
        if not isinstance(loop, float) and len(loop):
            values = np.where(which >= 0, loop[np.maximum(which, 0)], values)
        return values

    def _lines(self) -> pd.DataFrame:
        import pandas as pd

        lines, branches, flow = self.city["grid_lines"], self.network.branches, self.flow
        mine = ~branches.is_transformer
        nominal = self.city["grid_nodes"]["nominal_v"].to_numpy(dtype=float)[branches.other]
        amps = self._branch(flow.most, flow.loop_most) * self.network.share * BASE_VA / (np.sqrt(3.0) * nominal)
        rating = numbers(lines, "rating_a")
        table = pd.DataFrame(index=lines.index, columns=["peak_a", "overloaded_h", "loss_mwh"], dtype=float)
        rows = branches.row[mine]
        table.iloc[rows, 0] = amps[mine]
        table.iloc[rows, 1] = self._branch(flow.over_h)[mine]
        loss = self._branch(flow.lost_wh, flow.loop_lost_wh) * self.network.share / WH_PER_MWH
        table.iloc[rows, 2] = loss[mine]
        table["peak_loading_pct"] = table["peak_a"] / np.where(rating > 0.0, rating, np.nan) * 100.0
        table["backup_loading_pct"] = np.nan if self.backup is None else self.backup.loading * 100.0
        return table

    def _transformers(self, nodes: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        transformers = self.city["transformers"]
        power = self._powers()
        known = np.isfinite(power).all(axis=1)
        rating = numbers(transformers, "rating_kva")
        with np.errstate(invalid="ignore"):
            peak = np.where(known, power.max(axis=1, initial=0.0), np.nan)
        table = pd.DataFrame({"peak_kva": peak}, index=transformers.index)
        table["peak_loading_pct"] = peak / rating * 100.0
        table["overloaded_h"] = np.where(known, (power > rating[:, None]).sum(axis=1), np.nan)
        table["loss_mwh"] = self._losses(power)
        area = self.areas.of_transformer
        for name, values in self._by_area(nodes).items():
            table[name] = np.where(area >= 0, values[np.maximum(area, 0)], np.nan) if len(values) else np.nan
        own = self.city["grid_nodes"].index.get_indexer(transformers["secondary_grid_node_id"])
        table["outage_h"] = np.where(own >= 0, self.reliability.hours[np.maximum(own, 0)], np.nan)
        table["power"] = packed(power.astype(np.float32), transformers.index).where(known)
        return table

    def _powers(self) -> Floats:
        """Apparent power of each transformer in every hour [kVA]; not a number of those that are not fed."""
        transformers, network = self.city["transformers"], self.network
        found = np.full((len(transformers), self.loads.n_steps), np.nan)
        watched = {int(place): at for at, place in enumerate(self.flow.watched)}
        for branch in np.flatnonzero(network.branches.is_transformer):
            at = watched.get(int(network.below[branch]))
            if at is not None:
                found[network.branches.row[branch]] = self.flow.flow_va[at] * (network.share[branch] / 1e3)
        for row, (root, side_by_side) in self._feeding().items():
            found[row] = np.hypot(self.flow.supplied_w[root], self.flow.supplied_var[root]) / side_by_side / 1e3
        return found

    def _feeding(self) -> dict[int, tuple[int, int]]:
        """By row of a transformer whose lower side is held, its place among held nodes, and how many feed that one."""
        transformers, nodes = self.city["transformers"], self.city["grid_nodes"]
        secondary = nodes.index.get_indexer(transformers["secondary_grid_node_id"].to_numpy(dtype=float, na_value=-1.0))
        roots = self.network.nodes[self.network.tree.parent < 0]
        place = {int(node): at for at, node in enumerate(roots)}
        found = {row: place[int(node)] for row, node in enumerate(secondary) if int(node) in place}
        number = np.bincount(list(found.values()), minlength=len(roots)) if found else np.zeros(0, dtype=int)
        return {row: (root, int(number[root])) for row, root in found.items()}

    def _losses(self, power: Floats) -> Floats:
        """Energy lost in each transformer [MWh]: in its iron at nominal voltage, in its windings by its current."""
        table, network = self.city["transformers"], self.network
        rating = numbers(table, "rating_kva") / 1e3
        iron, load = (np.nan_to_num(numbers(table, name)) / 100.0 for name in ("iron_loss_pct", "load_loss_pct"))
        windings = load * rating * np.square(power / (rating[:, None] * 1e3)).sum(axis=1)
        mine = network.branches.is_transformer
        branch = (self._branch(self.flow.lost_wh) * network.share / WH_PER_MWH)[mine]
        windings[network.branches.row[mine]] = np.where(
            np.isfinite(branch), branch, windings[network.branches.row[mine]]
        )
        found: Floats = windings + iron * rating * self.loads.n_steps
        return found

    def _by_area(self, nodes: pd.DataFrame) -> dict[str, Floats]:
        n = len(self.areas.roots)
        of_node = self.areas.of_node
        inside = np.flatnonzero(of_node >= 0)
        lowest, highest = np.full(n, np.inf), np.full(n, -np.inf)
        np.fmin.at(lowest, of_node[inside], nodes["lowest_pu"].to_numpy()[inside])
        np.fmax.at(highest, of_node[inside], nodes["highest_pu"].to_numpy()[inside])
        group = self.areas.of_node[self.loads.nodes]
        known = group >= 0
        customers = np.bincount(group[known], weights=self.loads.customers[known], minlength=n).astype(float)
        energy = self.loads.total_by(group, n).sum(axis=1, dtype=float) / WH_PER_MWH
        empty = np.full(n, np.nan)
        return {
            "energy_mwh": energy,
            "lowest_pu": lowest,
            "highest_pu": highest,
            "customers": customers,
            "hosting_pv_kw": empty if self.hosting is None else self.hosting.pv_kw,
            "hosting_chargers": empty if self.hosting is None else self.hosting.chargers,
        }

    def _buildings(self, nodes: pd.DataFrame) -> pd.DataFrame:
        import pandas as pd

        links = self.city["grid_connections"]
        at = nodes.reindex(links["grid_node_id"].to_numpy())
        table = pd.DataFrame(
            {
                "grid_lowest_pu": at["lowest_pu"].to_numpy(),
                "grid_highest_pu": at["highest_pu"].to_numpy(),
                "outage_h": at["outage_h"].to_numpy(),
            },
            index=links["building_id"].to_numpy(),
        )
        return table.reindex(self.city["buildings"].index)

    def diagnostics(self) -> dict[str, Any]:
        """Totals of the city, its balance of energy, and how many elements are beyond their limits."""
        flow, loads, volt = self.flow, self.loads, self.data["voltage"]
        served = self.network.place[loads.nodes] >= 0
        drawn = loads.p.sum(axis=(0, 2), dtype=float) * BASE_VA / WH_PER_MWH
        supplied = float(flow.supplied_w[:, flow.solved].sum()) / WH_PER_MWH
        lost = float(flow.lost_wh.sum() + flow.shunt_wh.sum() + flow.loop_lost_wh.sum()) / WH_PER_MWH
        taken = float(drawn[served].sum())
        if not flow.solved.all():
            steps = loads.p[:, served].sum(axis=1, dtype=float).ravel()[: loads.n_steps]
            taken = float(steps[flow.solved].sum()) * BASE_VA / WH_PER_MWH
        low = (self.city["grid_nodes"]["nominal_v"] <= LOW_V).to_numpy()[self.network.nodes]
        band = np.where(low, volt["low_band"], volt["medium_band"])
        off = np.fmax(np.abs(flow.low_pu - 1.0), np.abs(flow.high_pu - 1.0)) > band
        found: dict[str, Any] = {
            "nodes": len(self.network.nodes),
            "nodes_without_supply": int((self.network.place < 0).sum()),
            "loops": len(self.network.loops.one),
            "buildings_attached": loads.attached,
            "sweeps": flow.sweeps,
            "unsolved_h": int((~flow.solved).sum()),
            "energy_mwh": loads.energy_mwh,
            "supplied_mwh": supplied,
            "taken_mwh": taken,
            "not_served_mwh": float(drawn[~served].sum()),
            "lost_mwh": lost,
            "loss_share": lost / supplied if supplied > 0.0 else None,
            "balance_error": (supplied - taken - lost) / max(abs(supplied), 1e-9),
            "peak_mw": float(flow.supplied_w.sum(axis=0).max()) / 1e6,
            "nodes_out_of_band": int(off.sum()),
            "saidi_h": self.reliability.saidi_h,
            "saifi": self.reliability.saifi,
        }
        if self.backup is not None:
            found["feeders"] = {
                "all": self.backup.feeders,
                "fed_from_elsewhere": self.backup.backed,
                "within_limits_then": self.backup.secure,
            }
        return found
