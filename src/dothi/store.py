"""Results, kept under the content of what produced them."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from filelock import FileLock

from dothi import __version__
from dothi.city import Loaded
from dothi.errors import InputError, Problem
from dothi.io.files import SEAL, is_whole, sha256, whole_folder, write_text
from dothi.model import Result

RECORD: Final = "result.json"
FORMAT: Final = 1
_PACKAGES: Final = ("numpy", "scipy", "numba", "pandas", "geopandas", "shapely", "pyproj", "xarray")


@dataclass(frozen=True, slots=True)
class Kept:
    """
    A result that lies in the store.

    Attributes
    ----------
    folder
        Where.
    record
        What produced it: model, parameters, checksums of its inputs and its code, versions, times, diagnostics.
    """

    folder: Path
    record: Mapping[str, Any]

    @property
    def model(self) -> str:
        """Name of the model."""
        return str(self.record["model"])

    @property
    def key(self) -> str:
        """Checksum of what produced it."""
        return str(self.record["key"])

    @property
    def size(self) -> int:
        """Length of its files together [B]."""
        return sum(file.stat().st_size for file in self.folder.iterdir() if file.is_file())

    def is_intact(self) -> bool:
        """Whether all its files are what they were when written."""
        try:
            return is_whole(self.folder) and all(
                sha256(self.folder / name) == checksum for name, checksum in self.record["sha256"].items()
            )
        except OSError:
            return False

    def result(self) -> Result:
        """Its tables and fields, each read when first asked for."""
        return Result(
            tables=Loaded(
                {name: partial(_read_table, self.folder / f"{name}.parquet") for name in self.record["tables"]}
            ),
            fields=Loaded({name: partial(_read_field, self.folder / f"{name}.nc") for name in self.record["fields"]}),
            diagnostics=self.record["diagnostics"],
        )


class Store:
    """
    Results on disk.

    Parameters
    ----------
    root
        Folder; a result lies in ``root/model/key``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, model: str, key: str) -> Kept | None:
        """Result by key; None where there is none, or where its files are not what they were."""
        folder = self.root / model / key
        kept = _opened(folder)
        if kept is None or not kept.is_intact():
            return None
        return kept

    def look(self, model: str, key: str) -> Kept | None:
        """Result by key, whether its files are what they were or not: to read its record alone."""
        return _opened(self.root / model / key)

    def lock(self, model: str, key: str) -> FileLock:
        """Lock under which a result is made, so that two processes do not make it twice."""
        folder = self.root / model
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f".{key}.lock")

    def keep(self, model: str, key: str, result: Result, produced_by: Mapping[str, Any], seconds: float) -> Kept:
        """
        Keep a result; a damaged one under its key gives way.

        Parameters
        ----------
        model, key
            What it is, and the checksum of what produced it.
        result
            Tables, fields and diagnostics.
        produced_by
            What the key was made of, readable by a person.
        seconds
            How long the model ran [s].
        """
        from dothi.io.parquet import write_table

        folder = self.root / model / key
        if folder.exists():
            shutil.rmtree(folder)
        with whole_folder(folder) as part:
            for name in result.tables:
                write_table(result.tables[name], part / f"{name}.parquet")
            for name in result.fields:
                _write_field(result.fields[name], part / f"{name}.nc")
            record = {
                "format": FORMAT,
                "model": model,
                "key": key,
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(seconds, 3),
                "produced_by": dict(produced_by),
                "versions": versions(),
                "tables": sorted(result.tables),
                "fields": sorted(result.fields),
                "diagnostics": dict(result.diagnostics),
                "sha256": {file.name: sha256(file) for file in sorted(part.iterdir())},
            }
            write_text(part / RECORD, json.dumps(record, indent=1, ensure_ascii=False, default=_plain) + "\n")
        kept = _opened(folder)
        if kept is None:
            raise InputError([Problem("can be written", file=str(folder))])
        return kept

    def __iter__(self) -> Iterator[Kept]:
        """All results, whole or damaged, by model and key."""
        for folder in sorted(self.root.glob("*/*")) if self.root.exists() else ():
            kept = _opened(folder) if folder.is_dir() and not folder.name.startswith(".") else None
            if kept is not None:
                yield kept


def versions() -> dict[str, str]:
    """Versions of what a result depends on besides its inputs."""
    found = {"dothi": __version__, "python": platform.python_version(), "machine": platform.machine()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _opened(folder: Path) -> Kept | None:
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if record["format"] != FORMAT or not (folder / SEAL).is_file():
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Kept(folder, record)


def _read_table(path: Path) -> Any:
    from dothi.io.parquet import read_table

    return read_table(path)


def _read_field(path: Path) -> Any:
    import xarray as xr

    with xr.open_dataarray(path, engine="h5netcdf") as field:
        return field.load()


def _write_field(field: Any, path: Path) -> None:
    named = field.rename(field.name or path.stem)
    named.to_netcdf(path, engine="h5netcdf", encoding={named.name: {"zlib": True, "complevel": 1, "shuffle": True}})


def _plain(value: Any) -> Any:
    """Plain value of a NumPy scalar or array."""
    return value.tolist()
