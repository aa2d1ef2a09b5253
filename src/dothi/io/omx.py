"""Open Matrix (OMX) 0.2: matrices between zones, in HDF5, as transport models exchange them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dothi.errors import Problems

VERSION: Final = "0.2"
Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Matrices:
    """
    Matrices of one shape, and what their rows and columns are.

    Attributes
    ----------
    data
        Matrices by name.
    lookups
        By name, a label for each row and column, such as the id of its zone.
    attributes
        By name of a matrix, what is noted beside it.
    """

    data: Mapping[str, Matrix]
    lookups: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns; (0, 0) without a matrix."""
        return next((matrix.shape for matrix in self.data.values()), (0, 0))


def read_omx(path: Path) -> Matrices:
    """
    Read an OMX file.

    Missing cells, as the attribute ``NA`` of a matrix marks them, are NaN.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    InputError
        The file cannot be read or is no OMX file: all that is wrong with it is named.

    References
    ----------
    .. [1] Open Matrix specification 0.2, https://github.com/osPlanning/omx/wiki/Specification
    """
    import h5py

    problems = Problems(str(path))
    found = Matrices({})
    try:
        with h5py.File(path, "r") as file:
            found = _read(file, problems)
    except OSError as error:
        problems.error(f"is an HDF5 file that can be read ({str(error).splitlines()[0]})")
    problems.raise_errors()
    return found


def _read(file: Any, problems: Problems) -> Matrices:
    import h5py

    if "OMX_VERSION" not in file.attrs:
        problems.error("has the attribute OMX_VERSION: is it Open Matrix?")
    if "data" not in file or not isinstance(file["data"], h5py.Group):
        problems.error("has the group /data with its matrices")
        return Matrices({})
    data: dict[str, Matrix] = {}
    attributes: dict[str, dict[str, Any]] = {}
    shape = tuple(int(size) for size in file.attrs["SHAPE"]) if "SHAPE" in file.attrs else None
    for name, stored in file["data"].items():
        if not isinstance(stored, h5py.Dataset) or stored.ndim != 2 or stored.dtype.kind not in "iufb":
            problems.error("is a matrix of numbers", table="data", column=name)
            continue
        shape = shape or stored.shape
        if stored.shape != shape:
            problems.error(f"has {shape[0]} rows and {shape[1]} columns, as the others", table="data", column=name)
            continue
        matrix = stored[...].astype(np.float64)
        if "NA" in stored.attrs:
            matrix[matrix == float(np.ravel(stored.attrs["NA"])[0])] = np.nan
        data[name] = matrix
        attributes[name] = {
            key: _plain(value) for key, value in stored.attrs.items() if not key.isupper() and key != "_FillValue"
        }
    lookups: dict[str, npt.NDArray[Any]] = {}
    for name, stored in file["lookup"].items() if "lookup" in file else ():
        values = stored[...]
        if values.ndim != 1 or shape is None or len(values) not in shape:
            problems.error("has a value for each row", table="lookup", column=name)
            continue
        lookups[name] = values.astype("U") if values.dtype.kind == "S" else values
    return Matrices(data, lookups, attributes)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | np.bytes_):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value


def write_omx(path: Path, matrices: Matrices) -> None:
    """
    Write an OMX file.

    Parameters
    ----------
    path
        A new file.
    matrices
        Square matrices of one shape, with lookups as long as their rows.

    Raises
    ------
    InputError
        Shapes differ, or a name has a slash: all are named.
    """
    import h5py

    problems = Problems(str(path))
    shape = matrices.shape
    for name, matrix in matrices.data.items():
        if matrix.ndim != 2 or matrix.shape != shape:
            problems.error(f"has {shape[0]} rows and {shape[1]} columns, as the others", table="data", column=name)
    for name, values in matrices.lookups.items():
        if np.shape(values) != (shape[0],):
            problems.error(f"has {shape[0]} values, one for each row", table="lookup", column=name)
    for name in (*matrices.data, *matrices.lookups):
        if "/" in name or name in ("", "."):
            problems.error("is a name without a slash", column=name)
    problems.raise_errors()
    with h5py.File(path, "w") as file:
        file.attrs["OMX_VERSION"] = np.bytes_(VERSION)
        file.attrs["SHAPE"] = np.array(shape, dtype=np.int32)
        data, lookup = file.create_group("data"), file.create_group("lookup")
        for name, matrix in matrices.data.items():
            stored = data.create_dataset(
                name, data=matrix, compression="gzip", compression_opts=1, shuffle=True, chunks=_chunks(shape)
            )
            for key, value in matrices.attributes.get(name, {}).items():
                stored.attrs[key] = value
        for name, values in matrices.lookups.items():
            lookup.create_dataset(name, data=values)


def _chunks(shape: tuple[int, int]) -> tuple[int, int] | None:
    """Whole rows: models read a matrix by origin."""
    return (1, shape[1]) if shape[1] > 0 and shape[0] else None
