"""Processes that work is done in."""

from __future__ import annotations

import time
from concurrent.futures import BrokenExecutor
from importlib.util import find_spec

import pytest

from dothi.workers import Pool, processes


def test_processes_of_a_pool_leave_dask_alone():
    with processes(1) as pool:
        assert pool.submit(find_spec, "dask").result() is None
        assert pool.submit(find_spec, "xarray").result() is not None


def test_a_pool_given_up_ends_its_processes_and_whoever_waits_learns_of_it():
    pool = Pool(2)
    waiting = [pool.submit(time.sleep, 600) for _ in range(20)]
    pool.shutdown(wait=False, cancel_futures=True)
    for future in (waiting[0], waiting[-1]):
        with pytest.raises(BrokenExecutor):
            future.result(timeout=30)
