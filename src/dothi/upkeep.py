"""What a study keeps, who needs it, and what may go."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from dothi.errors import InputError, Problem
from dothi.evaluate import kept_values
from dothi.record import read_record
from dothi.turns import alone
from dothi.work import PIECES

if TYPE_CHECKING:
    from dothi.store import Kept
    from dothi.study import Study

Kind = Literal["result", "city", "scene", "note", "piece", "leftover"]
CLOCK_S: Final = 60.0
"""How far clocks of machines that share a study may differ."""
SHORTEST_KEY: Final = 4


@dataclass(frozen=True, slots=True)
class Needed:
    """
    What the last runs and sweeps of a study use.

    Attributes
    ----------
    cities
        Names of folders of cities.
    results
        Who uses each result, by key.
    values
        Names of files with values of indicators.
    """

    cities: frozenset[str]
    results: dict[str, tuple[str, ...]]
    values: frozenset[str]


def needed_by(study: Study) -> Needed:
    """What the last run of every scenario, and the last members of every sweep, use."""
    place = study.place
    cities, results, values = {place.city.name}, dict[str, tuple[str, ...]](), set[str]()
    for who, path in _records(study):
        record = read_record(path)
        if record is None:
            continue
        cities |= {record["city"], *record["bases"]}
        values |= {kept_values(place, record, by_ward).name for by_ward in (False, True)}
        for key in record["results"].values():
            if who not in results.get(key, ()):
                results[key] = (*results.get(key, ()), who)
    return Needed(frozenset(cities), results, frozenset(values))


def _records(study: Study) -> Iterator[tuple[str, Path]]:
    written = study.scenarios
    for path in sorted((study.derived / "runs").glob("*.json")):
        if path.stem in written:
            yield path.stem, path
    for path in sorted((study.derived / "sweeps").glob("*/*.json")):
        yield f"sweep {path.parent.name}", path


@dataclass(frozen=True, slots=True)
class Piece:
    """
    Something on disk that nobody needs.

    Attributes
    ----------
    kind
        What it is.
    path
        Where.
    size
        Length of its files together [B].
    age_s
        Time since it was written [s].
    """

    kind: Kind
    path: Path
    size: int
    age_s: float


def unneeded(study: Study, scene_of: Callable[[Path], str] | None = None) -> list[Piece]:
    """
    What no run or sweep of a study needs any longer; see `tidy`.

    Parameters
    ----------
    study
        The study.
    scene_of
        Name of the scene of the city in a folder; scenes are left alone where None.
    """
    needed = needed_by(study)
    derived = study.derived
    found: list[tuple[Kind, Path]] = []
    for path in sorted((derived / "results").glob("*/*")):
        if path.is_dir():
            found += _judged("result", path, needed.results)
    for path in sorted((derived / "cities").glob("*")):
        if path.is_dir():
            found += _judged("city", path, needed.cities)
    if scene_of is not None:
        scenes = {scene_of(derived / "cities" / name) for name in needed.cities}
        for path in sorted((derived / "scenes").glob("*")):
            if path.is_dir():
                found += _judged("scene", path, scenes)
    gone = {path.name for kind, path in found if kind == "result"}
    for path in sorted((derived / "known").glob("*")):
        if path.read_text(encoding="utf-8", errors="replace").strip() in gone:
            found.append(("note", path))
    found += [("note", path) for path in sorted((derived / "values").glob("*")) if path.name not in needed.values]
    found += _old_pieces(study, needed)
    return [Piece(kind, path, _size(path), time.time() - path.stat().st_mtime) for kind, path in found]


def _old_pieces(study: Study, needed: Needed) -> Iterator[tuple[Kind, Path]]:
    """Pieces of results that were last used before any result began to be made that is still needed."""
    began: dict[str, float] = {}
    for kept in study.place.store:
        if kept.key in needed.results:
            start = datetime.fromisoformat(kept.record["finished"]).timestamp() - float(kept.record["seconds"])
            began[kept.model] = min(start, began.get(kept.model, start))
    for path in sorted((study.derived / PIECES).glob("*/*/*")):
        if path.name.startswith("."):
            yield "leftover", path
        elif path.stat().st_mtime < began.get(path.parts[-3], float("inf")) - CLOCK_S:
            yield "piece", path


def _judged(kind: Kind, path: Path, keep: Iterable[str]) -> list[tuple[Kind, Path]]:
    if path.name.startswith("."):
        return [("leftover", path)]
    return [] if path.name in keep else [(kind, path)]


def tidy(
    study: Study, *, older_than_s: float = 0.0, scene_of: Callable[[Path], str] | None = None, dry: bool = False
) -> list[Piece]:
    """
    Remove what no run or sweep of a study needs any longer, and what killed runs left behind.

    Results, cities and scenes that the last run of a scenario or a sweep uses stay; so does the built city. All that is
    removed can be made again.

    Parameters
    ----------
    study
        The study.
    older_than_s
        Least age of what goes [s].
    scene_of
        Name of the scene of the city in a folder; scenes are left alone where None.
    dry
        Whether to say only what would go.

    Returns
    -------
    list of Piece
        What went, or would go.

    Raises
    ------
    InputError
        A run goes on.
    """
    with alone(study.derived):
        pieces = [piece for piece in unneeded(study, scene_of) if piece.age_s >= older_than_s]
        for piece in () if dry else pieces:
            if piece.path.is_dir():
                shutil.rmtree(piece.path, ignore_errors=True)
            else:
                piece.path.unlink(missing_ok=True)
        if not dry:
            _drop_locks(study.derived)
    return pieces


def _drop_locks(derived: Path) -> None:
    """Remove the locks of what is not there; nobody can hold one, since nobody else is at work."""
    for lock in [*derived.glob("results/*/.*.lock"), *derived.glob("cities/.*.lock")]:
        if not lock.with_name(lock.name[1 : -len(".lock")]).exists():
            lock.unlink(missing_ok=True)


def _size(path: Path) -> int:
    """Length of a file, or of all files of a folder [B]; of files with several names, the part of this one."""
    found = [file.stat() for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()]
    return sum(one.st_size // max(one.st_nlink, 1) for one in found)


def result_by(study: Study, start: str) -> Kept:
    """
    Result whose key begins so.

    Raises
    ------
    InputError
        None does, or several do.
    """
    found = [kept for kept in study.place.store if len(start) >= SHORTEST_KEY and kept.key.startswith(start)]
    if len(found) == 1:
        return found[0]
    rule = (
        f"is the beginning of one key, not of {len(found)}: {', '.join(kept.key for kept in found[:3])}"
        if found
        else f"is the key of a result, or {SHORTEST_KEY} or more of its first letters: dothi results lists them"
    )
    raise InputError([Problem(rule, column=start)])
