"""How kernels are compiled, and where what was compiled is kept."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, cast

from platformdirs import user_cache_path

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_folder() -> Path:
    """
    Where compiled kernels are kept: a folder of the user, another one for other sources.

    A compiled kernel may hold others within it, so one checksum stands for all of them and for Numba.
    """
    found = hashlib.sha256(version("numba").encode())
    root = Path(str(files("dothi")))
    for path in sorted(root.rglob("kernels*.py")):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return user_cache_path("dothi") / "kernels" / found.hexdigest()[:16]


@cache
def _compiler() -> Callable[..., Any]:
    """Numba's, told where to keep what it makes, and not to let threads that wait starve those that work."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from numba import config, njit

    if not getattr(config, "CACHE_DIR", ""):
        config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]  # made by environment variables at run time
    return cast("Callable[..., Any]", njit)


def kernel(*, parallel: bool = False) -> Callable[[Function], Function]:
    """
    Compile a function when it is first called with some types, and keep it for the next process.

    Division by zero gives infinity, as in NumPy. While it runs, other threads run too.

    Parameters
    ----------
    parallel
        Whether ``prange`` loops are shared among threads.
    """
    compiled = _compiler()(cache=True, error_model="numpy", nogil=True, parallel=parallel)
    return cast("Callable[[Function], Function]", compiled)
