"""The contract of a simulation: frozen parameters, declared inputs and outputs, and one method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Protocol

from pydantic import BaseModel, ConfigDict, PlainSerializer

from dothi import schema
from dothi.errors import Problems
from dothi.schema import Schema, Table
from dothi.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from dothi.city import City


class Params(BaseModel):
    """Parameters of a simulation: frozen, each with a default, limits and a description that ends with its unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)


MARK: Final = "#"
"""Between the address of a file and its checksum, in parameters that name one."""


def _told(value: str) -> str:
    """What is kept of a file that a parameter names: its name and checksum, not where it lay."""
    path, mark, checksum = value.rpartition(MARK)
    return f"{Path(path).name}{mark}{checksum}" if mark else value


_OF_STUDY: Final = PlainSerializer(_told)
StudyFile = Annotated[str, _OF_STUDY]
"""
Parameter that names a file of the study, such as ``data/od.omx``.

A run puts its address and the checksum of its content in place of the name, so that another content is another
parameter. Without a run, as in Python, it may be any file.
"""


def file_of(value: str) -> Path:
    """Where the file is that a parameter names."""
    path, mark, _ = value.rpartition(MARK)
    return Path(path if mark else value)


def astray(params: Params) -> list[str]:
    """Names of the parameters that name a file which a run did not find within its study."""
    named = [name for name, field in type(params).model_fields.items() if _OF_STUDY in field.metadata]
    return [name for name in named if (value := getattr(params, name)) and MARK not in value]


@dataclass(frozen=True, slots=True)
class Result:
    """
    What a simulation gives.

    Attributes
    ----------
    tables
        Tables by name, indexed like the tables of the city that they speak of.
    fields
        Values over a grid or over time by name, each with its unit in ``attrs["units"]``.
    diagnostics
        What the method says of itself: iterations, residuals, balances; plain values.
    """

    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    fields: Mapping[str, xr.DataArray] = field(default_factory=dict)
    diagnostics: Mapping[str, Any] = field(default_factory=dict)


class Model(Protocol):
    """
    A simulation on offer.

    Attributes
    ----------
    name
        Name, unique among the models.
    inputs
        Columns that it reads, by table. Its results are kept under the content of these, and of nothing else.
    optional
        Tables among these, and rasters among those below, that a city may lack.
    rasters
        Rasters that it reads.
    outputs
        Columns that it gives, by table.
    references
        Where its equations stand.
    """

    name: ClassVar[str]
    inputs: ClassVar[Mapping[str, Schema]]
    optional: ClassVar[tuple[str, ...]]
    rasters: ClassVar[tuple[str, ...]]
    outputs: ClassVar[Mapping[str, Schema]]
    references: ClassVar[tuple[str, ...]]

    def __init__(self, params: Any = ...) -> None:
        """Model with these parameters, or with the usual ones."""

    @property
    def params(self) -> Params:
        """Its parameters."""

    def run(self, city: City) -> Result:
        """Simulate a city, which stays as it is."""


def columns_of(table: str, *names: str) -> Schema:
    """Declarations of columns of a table of the city, to be named as inputs."""
    return {name: schema.expand(TABLES[table].columns)[name] for name in names}


def require(city: City, model: type[Model]) -> None:
    """
    Check that a city has what a simulation reads.

    Raises
    ------
    InputError
        Tables, columns, values or rasters are missing or break their rules: all of them are named.
    """
    problems = Problems()
    for name, columns in model.inputs.items():
        if name in city:
            schema.check_table(city[name], Table(name, f"{name}_id", "", columns), problems)
        elif name not in model.optional:
            problems.error("table is present", table=name)
    for name in model.rasters:
        if name not in city.rasters and name not in model.optional:
            problems.error("raster is present", table=name)
    problems.raise_errors()
