"""Dothi: an open-source 3D city simulator."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dothi.city import City
    from dothi.errors import DothiError, InputError
    from dothi.study import Study

__version__ = "0.1.0"
__all__ = ["City", "DothiError", "InputError", "Study", "__version__"]

_HOMES = {"City": "dothi.city", "Study": "dothi.study", "DothiError": "dothi.errors", "InputError": "dothi.errors"}


def __getattr__(name: str) -> Any:
    """Import the heavy parts when they are first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dothi' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
