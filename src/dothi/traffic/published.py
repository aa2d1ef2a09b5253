"""Published test networks as networks that traffic can be assigned to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dothi.traffic.network import Network

if TYPE_CHECKING:
    import pandas as pd

SECONDS_PER_MINUTE = 60.0


def network_from_tntp(
    links: pd.DataFrame,
    *,
    toll_weight: float = 0.0,
    length_weight: float = 0.0,
    time_unit_s: float = SECONDS_PER_MINUTE,
) -> Network:
    """
    Network of one class of vehicles from a table of `dothi.io.tntp.read_tntp_network`.

    Parameters
    ----------
    links
        The table.
    toll_weight, length_weight
        Time that a unit of toll and of length is worth, in the unit of time of the file.
    time_unit_s
        Its unit of time [s].
    """
    n = len(links)
    alpha = links["alpha"].to_numpy(float)
    beta = links["beta"].to_numpy(float)
    paid = toll_weight * links["toll"].to_numpy(float) + length_weight * links["length"].to_numpy(float)
    flat = (alpha == 0.0) | (beta == 0.0) | (links["free_time"].to_numpy(float) == 0.0)
    capacity = links["capacity"].to_numpy(float)
    constant = (beta == 0.0) * alpha  # a power of 0 makes the time longer, but no longer with more traffic
    return Network(
        n_zones=links.attrs["n_zones"],
        n_nodes=links.attrs["n_nodes"],
        from_node=links["from_node_id"].to_numpy() - 1,
        to_node=links["to_node_id"].to_numpy() - 1,
        free_time_s=links["free_time"].to_numpy(float) * time_unit_s * (1.0 + constant),
        capacity_pcu_h=np.where(capacity > 0.0, capacity, 1.0),
        alpha=np.where(flat, 0.0, alpha),
        beta=np.where(flat, 1.0, beta),
        function=np.zeros(n, np.int8),
        cost_s=paid[None] * time_unit_s,
        first_through_node=links.attrs["first_through_node"] - 1,
    )
