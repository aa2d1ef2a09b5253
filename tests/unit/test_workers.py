"""Processes that work is done in."""

from __future__ import annotations

from importlib.util import find_spec

from dothi.workers import processes


def test_processes_of_a_pool_leave_dask_alone():
    with processes(1) as pool:
        assert pool.submit(find_spec, "dask").result() is None
        assert pool.submit(find_spec, "xarray").result() is not None
