"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dothi.errors import Problems

REPOSITORY = Path(__file__).resolve().parents[1]
SAMPLES = Path(os.environ.get("DOTHI_TEST_DATA", REPOSITORY.parent / "shared" / "data"))


@pytest.fixture
def sample():
    """Path of a real file of the development data; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        path = SAMPLES / name
        if not path.exists():
            pytest.skip(f"development data not present: {name}")
        return path

    return find


@pytest.fixture
def problems() -> Problems:
    return Problems()
