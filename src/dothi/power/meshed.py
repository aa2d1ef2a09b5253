"""What goes to power-grid-model: meshed grids, and short circuits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from dothi.errors import ConvergenceError
from dothi.power.network import HERTZ, numbers, switches
from dothi.shapes import Floats, Integers

if TYPE_CHECKING:
    import pandas as pd

STIFF_VA: Final = 1e15
"""Short-circuit power of a held voltage in power flow [VA]: nothing moves it."""
Method = Literal["newton_raphson", "iterative_current", "linear"]


class Meshed:
    """
    A grid as power-grid-model takes it.

    Parameters
    ----------
    nodes, lines, transformers
        Tables of the city.
    loads : (n_loads,)
        Rows of the nodes that have loads.
    hertz
        Frequency [Hz].
    short_circuit_va
        Short-circuit power of the grid above where voltage is held [VA].
    """

    def __init__(
        self,
        nodes: pd.DataFrame,
        lines: pd.DataFrame,
        transformers: pd.DataFrame,
        loads: Integers,
        *,
        hertz: float = HERTZ,
        short_circuit_va: float = STIFF_VA,
    ) -> None:
        from power_grid_model import PowerGridModel

        self.n_nodes, self.hertz = len(nodes), hertz
        made = {
            "node": _filled("node", self.n_nodes, id=np.arange(self.n_nodes), u_rated=numbers(nodes, "nominal_v")),
        }
        self.first: dict[str, int] = {"node": 0}
        self._next = self.n_nodes
        made["line"] = self._numbered("line", **_lines(nodes, lines))
        made["transformer"] = self._numbered("transformer", **_transformers(nodes, transformers))
        held = numbers(nodes, "held_pu")
        at = np.flatnonzero(np.isfinite(held))
        made["source"] = self._numbered("source", node=at, status=1, u_ref=held[at], sk=short_circuit_va)
        power = np.zeros(len(loads))
        made["sym_load"] = self._numbered(
            "sym_load", node=loads, status=1, type=0, p_specified=power, q_specified=power
        )
        self.input = made
        self.model = PowerGridModel(made, system_frequency=hertz)

    def _numbered(self, kind: str, **columns: Any) -> Any:
        n = next(len(values) for values in columns.values() if np.ndim(values))
        self.first[kind] = self._next
        self._next += n
        return _filled(kind, n, id=np.arange(self.first[kind], self._next), **columns)

    def power_flow(
        self, p: Floats, q: Floats, *, method: Method = "newton_raphson", tolerance: float = 1e-8, threads: int = -1
    ) -> dict[str, Any]:
        """
        Power flow of many time steps.

        Parameters
        ----------
        p, q : (n_steps, n_loads)
            Powers of the loads [W], [var].
        method
            Method of power-grid-model.
        threads
            Threads; −1 for one.

        Returns
        -------
        dict
            Results of power-grid-model by component.

        Raises
        ------
        ConvergenceError
            No solution was found.
        """
        from power_grid_model import CalculationMethod, initialize_array
        from power_grid_model.errors import PowerGridError  # type: ignore[attr-defined]  # it is there

        update = initialize_array("update", "sym_load", p.shape)
        update["id"] = self.input["sym_load"]["id"]
        update["p_specified"], update["q_specified"] = p, q
        try:
            found: Any = self.model.calculate_power_flow(
                update_data={"sym_load": update},
                calculation_method=CalculationMethod[method],
                error_tolerance=tolerance,
                max_iterations=100,
                threading=threads,
            )
        except PowerGridError as error:
            raise ConvergenceError(f"power-grid-model: {error}") from error
        return dict(found)

    def short_circuit(self, node: int) -> float:
        """
        Initial current of a three-phase fault at a node, voltage factor as IEC 60909 has it for the greatest [A].

        Parameters
        ----------
        node
            Row of the node.
        """
        from power_grid_model import FaultType, PowerGridModel, ShortCircuitVoltageScaling, initialize_array

        fault = initialize_array("input", "fault", 1)
        fault["id"], fault["status"], fault["fault_object"] = self._next, 1, node
        fault["fault_type"] = FaultType.three_phase
        fault["r_f"] = fault["x_f"] = 0.0
        model = PowerGridModel({**self.input, "fault": fault}, system_frequency=self.hertz)
        found: Any = model.calculate_short_circuit(short_circuit_voltage_scaling=ShortCircuitVoltageScaling.maximum)
        return float(found["fault"]["i_f"][0].max())


def _filled(kind: str, n: int, **columns: Any) -> Any:
    from power_grid_model import initialize_array

    made = initialize_array("input", kind, n)
    for name, values in columns.items():
        made[name] = values
    return made


def _lines(nodes: pd.DataFrame, lines: pd.DataFrame) -> dict[str, Any]:
    one, other = (nodes.index.get_indexer(lines[f"{end}_grid_node_id"]) for end in ("from", "to"))
    kept = (~switches(lines, "open")) & (one != other)
    table = lines[kept]
    km = table["length_m"].to_numpy(dtype=float) / 1e3
    r, x, c, rating = (numbers(table, name) for name in ("r_ohm_km", "x_ohm_km", "c_nf_km", "rating_a"))
    c1 = np.nan_to_num(c) * 1e-9 * km
    return {
        "from_node": one[kept],
        "to_node": other[kept],
        "from_status": 1,
        "to_status": 1,
        "r1": np.where(np.abs(r + 1j * x) * km > 1e-7, r * km, 1e-7),
        "x1": x * km,
        "c1": c1,
        "tan1": 0.0,
        "r0": 4.0 * r * km,  # of use only where currents are not symmetric
        "x0": 4.0 * x * km,
        "c0": c1,
        "tan0": 0.0,
        "i_n": np.where(rating > 0.0, rating, 1e6),
    }


def _transformers(nodes: pd.DataFrame, table: pd.DataFrame) -> dict[str, Any]:
    held = numbers(nodes, "held_pu")
    one, other = (nodes.index.get_indexer(table[f"{side}_grid_node_id"]) for side in ("primary", "secondary"))
    kept = (one >= 0) & (other >= 0) & ~np.isfinite(np.where(other >= 0, held[other], np.nan))
    table, rated = table[kept], numbers(table, "rating_kva")[kept] * 1e3
    usual = {"short_circuit_pct": 4.0, "load_loss_pct": 1.0, "iron_loss_pct": 0.15, "no_load_current_pct": 0.8}
    short, load, iron, idle = (np.nan_to_num(numbers(table, name), nan=value) / 100.0 for name, value in usual.items())
    tap = np.nan_to_num(numbers(table, "tap_ratio"), nan=1.0)
    return {
        "from_node": one[kept],
        "to_node": other[kept],
        "from_status": 1,
        "to_status": 1,
        "u1": numbers(table, "u_primary_v") * tap,
        "u2": numbers(table, "u_secondary_v"),
        "sn": rated,
        "uk": short,
        "pk": load * rated,
        "i0": np.maximum(idle, iron),
        "p0": iron * rated,
        "winding_from": 1,
        "winding_to": 1,
        "clock": 0,
        "tap_side": 0,
        "tap_pos": 0,
        "tap_min": 0,
        "tap_max": 0,
        "tap_nom": 0,
        "tap_size": 0.0,
    }
