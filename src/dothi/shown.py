"""Cities as they are shown: their columns with those that simulations gave, their scenes, and keys that never lie."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from filelock import FileLock

from dothi import wire
from dothi.catalogue import Catalogue, TableFacts, describe
from dothi.chain import STAGES
from dothi.city import City
from dothi.errors import InputError, Problem
from dothi.io.files import SEAL, is_whole, short_message
from dothi.schema import Column
from dothi.wire import id_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dothi.jobs import Progress
    from dothi.store import Store

DECIDES: Final = (
    *("mesh", "scene", "server"),
    *("catalogue.py", "schema.py", "shown.py", "status.py", "tables.py", "wire.py"),
)
"""Code that decides what is sent for a city."""
KEPT_B: Final = 400_000_000
"""Tables kept in memory between requests [B]."""

AT_ONCE: Final = 100_000
"""Shapes in memory at a time."""


class MissingError(InputError):
    """There is nothing under a name."""


def missing(rule: str, *, table: str = "", column: str = "") -> MissingError:
    """Error for something that is not there."""
    return MissingError([Problem(rule, table=table, column=column)])


@cache
def display_version() -> str:
    """Hash of the code that decides what is sent for a city."""
    digest = hashlib.sha256()
    root = Path(str(files("dothi")))
    for name in DECIDES:
        path = root / name
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def key_of(city_folder: Path, results: Mapping[str, str] | None = None) -> str:
    """
    Key under which a city is shown: other data or other code, another key, so an address never changes its bytes.

    Parameters
    ----------
    city_folder
        Folder of the city.
    results
        Keys of the results whose columns it offers, by simulation. Without any, this names the scene of the city, too.
    """
    parts = [city_folder.name, display_version(), *(f"{model}={key}" for model, key in sorted((results or {}).items()))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


class Kept:
    """What was read last, up to a number of bytes; each is read once, however many ask at the same time."""

    def __init__(self, most_b: int = KEPT_B) -> None:
        self._most_b = most_b
        self._values: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._makers: dict[str, threading.Lock] = {}

    def get(self, name: str, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """Value by name, made where it is not kept."""
        with self._lock:
            maker = self._makers.setdefault(name, threading.Lock())
        with maker:
            with self._lock:
                if name in self._values:
                    self._values.move_to_end(name)
                    return self._values[name][0]
            value = make()
            with self._lock:
                self._values[name] = value, size(value)
                while len(self._values) > 1 and sum(n for _, n in self._values.values()) > self._most_b:
                    self._values.popitem(last=False)
            return value


@dataclass(frozen=True)
class Shown:
    """
    A city as it is shown.

    Attributes
    ----------
    key
        Names its data, its results and the code that shows them.
    folder
        Folder of the city.
    scenes
        Folder of all scenes of the study.
    kept
        Where tables stay between requests.
    store
        Where results lie.
    results
        Keys of the results whose columns it offers, by simulation.
    """

    key: str
    folder: Path
    scenes: Path
    kept: Kept
    store: Store | None = None
    results: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def city(self) -> City:
        """The city; of its tables nothing is loaded here."""
        return City.read(self.folder)

    def table(self, name: str) -> pa.Table:
        """
        All columns of a table but its geometry, ids first, in the order of the table; then those of results.

        Raises
        ------
        MissingError
            The city has no such table.
        InputError
            A file is missing or damaged.
        """
        self._check(name)
        return self.kept.get(f"{self.key}/{name}", lambda: self._joined(name), lambda table: table.nbytes)

    def geometry(self, name: str) -> pa.ChunkedArray:
        """Geometries of a table as WKB."""
        self._check(name)
        column = self._read(name, geometry=True)["geometry"]
        chunks = [chunk.storage if isinstance(chunk, pa.ExtensionArray) else chunk for chunk in column.chunks]
        return pa.chunked_array(chunks, pa.binary())

    def boxes(self, name: str) -> NDArray[np.float64]:
        """West, south, east, north of every row (n, 4) [m]."""

        def measure() -> NDArray[np.float64]:
            column = self.geometry(name)
            parts = (column.slice(start, AT_ONCE) for start in range(0, len(column), AT_ONCE))
            found = [shapely.bounds(shapely.from_wkb(part.to_numpy(zero_copy_only=False))) for part in parts]
            return np.concatenate(found) if found else np.empty((0, 4))

        self._check(name)
        return np.asarray(self.kept.get(f"{self.key}/{name}/boxes", measure, lambda boxes: boxes.nbytes))

    def facts(self, name: str) -> TableFacts:
        """What a table offers."""
        facts: TableFacts = self.kept.get(
            f"{self.key}/{name}/facts", lambda: describe(name, self.table(name)), lambda _: 10_000
        )
        return facts

    def catalogue(self) -> Catalogue:
        """What all tables offer; those without rows are left out."""
        counts = self.city.counts
        return Catalogue(tables={name: self.facts(name) for name in counts if counts[name]})

    def _check(self, name: str) -> None:
        if name not in self.city.tables:
            raise missing(f"is a table of the city: {', '.join(sorted(self.city.tables))}", table=name)

    def _joined(self, name: str) -> pa.Table:
        table = self._read(name, geometry=False)
        for model, key in self.results.items():
            kept = self.store.find(model, key) if self.store else None
            if kept is None:
                raise InputError([Problem("is a whole result: run the scenario to make it again", column=model)])
            if name in kept.record["tables"]:
                table = _with_result(table, name, model, kept.result().tables[name])
        return table

    def _read(self, name: str, *, geometry: bool) -> pa.Table:
        path = self.folder / f"{name}.parquet"
        try:
            with pq.ParquetFile(path) as file:
                index = id_of(name)
                others = [column for column in file.schema_arrow.names if column not in (index, "geometry")]
                return file.read(["geometry"] if geometry else [index, *others]).select(
                    ["geometry"] if geometry else [index, *others]
                )
        except (OSError, pa.ArrowException, KeyError) as error:
            rule = f"is a readable GeoParquet file ({short_message(error, path)}): run dothi build to make it again"
            raise InputError([Problem(rule, file=path.name)]) from error

    @property
    def scene_key(self) -> str:
        """Names the scene, which all results of a city share."""
        return key_of(self.folder)

    @property
    def scene(self) -> Path:
        """Folder of its scene, made where it is not there yet."""
        return make_scene(self)

    @cached_property
    def scene_files(self) -> frozenset[str]:
        """Names of all files of the scene."""
        return frozenset(json.loads((self.scene / SEAL).read_text(encoding="utf-8")))


def _with_result(table: pa.Table, name: str, model: str, given: Any) -> pa.Table:
    """Table with the columns that a simulation gave its objects; those without a value are missing."""
    declared = STAGES[model].load().outputs.get(name, {}) if model in STAGES else {}
    at = given.index.get_indexer(np.asarray(table[id_of(name)].to_numpy()))
    rows = pa.array(at, mask=at < 0)
    for column in given.columns:
        known = declared.get(column)
        if column in table.column_names or column == "geometry" or (known and known.kind == "packed"):
            continue  # what is packed is for engines, not for eyes
        values = pa.array(given[column], from_pandas=True)
        values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        known = known or Column(wire.kind_of(values.type), "", "", missing=True)
        table = table.append_column(wire.result_field(column, values.type, known, model), values.take(rows))
    return table


def make_scene(shown: Shown, progress: Progress | None = None, keep: Collection[str] | None = None) -> Path:
    """
    Scene of a city, made where it is not there yet.

    Parameters
    ----------
    shown
        The city.
    progress
        Told of every step.
    keep
        Names of scenes that stay when this one is made; all of them where None.

    Returns
    -------
    pathlib.Path
        Folder with ``scene.json``.
    """
    from dothi.scene import write_scene

    target = shown.scenes / shown.scene_key
    if (target / SEAL).is_file():
        return target
    shown.scenes.mkdir(parents=True, exist_ok=True)
    with FileLock(shown.scenes.with_suffix(".lock")):
        if not is_whole(target):
            write_scene(shown.city, target, shown.scene_key, progress)
            for old in shown.scenes.iterdir() if keep is not None else ():
                if old.name not in (shown.scene_key, *(keep or ())):
                    shutil.rmtree(old, ignore_errors=True)
    return target
