"""Scenarios that a program writes: checked like those of people, and written in one step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from dothi.errors import Problems
from dothi.io.files import write_text
from dothi.io.toml import MAX_BYTES, report_invalid
from dothi.io.toml_write import toml_text
from dothi.scenario import TODAY, Scenario, read_scenarios

LONGEST_NAME_B: Final = 200
"""File systems take 255 bytes, of which a temporary name needs some."""


def scenario_file(folder: Path, name: str) -> Path:
    """File of a scenario of a study."""
    return folder / "scenarios" / f"{name}.toml"


def write_scenario(folder: Path, content: Mapping[str, Any]) -> Scenario:
    """
    Write or replace a scenario of a study.

    Parameters
    ----------
    folder
        Study folder.
    content
        As in its file, with its ``name``.

    Returns
    -------
    Scenario
        As it will be read.

    Raises
    ------
    InputError
        It breaks rules: all of them are named, and what was there stays.
    """
    problems = Problems()
    scenario = _checked(folder, content, problems)
    problems.raise_errors()
    assert scenario is not None  # noqa: S101 - what is None has been reported
    _check_base(folder, scenario, problems)
    try:
        text = toml_text({key: value for key, value in content.items() if key != "name"})
    except ValueError as error:
        problems.error(str(error))
        text = ""
    if len(text.encode()) > MAX_BYTES:
        problems.error(f"is smaller than {MAX_BYTES:,} bytes; put large areas into files of GeoJSON")
    problems.raise_errors()
    write_text(scenario_file(folder, scenario.name), text)
    return scenario


def _checked(folder: Path, content: Mapping[str, Any], problems: Problems) -> Scenario | None:
    name = content.get("name")
    try:
        if isinstance(name, str) and len(name.encode()) > LONGEST_NAME_B:
            problems.error(f"is at most {LONGEST_NAME_B} bytes long", column="name")
        if isinstance(name, str) and name != name.strip(" ."):
            problems.error("neither begins nor ends with a blank or a dot", column="name")
        return Scenario.model_validate(dict(content), context={"folder": folder})
    except ValidationError as error:
        report_invalid(error, "", problems)
    except UnicodeEncodeError:
        problems.error("is whole characters of Unicode", column="name")
    except RecursionError:
        problems.error("has brackets that are not nested beyond reason")
    return None


def _check_base(folder: Path, scenario: Scenario, problems: Problems) -> None:
    """Report a base that is not there, or that rests on the scenario itself."""
    others = read_scenarios(folder, Problems())
    seen, base = {scenario.name}, scenario.base
    while base is not None and base != TODAY:
        if base in seen:
            problems.error("does not rest on itself", column="base")
            return
        if base not in others:
            problems.error(f"is a scenario: {base}", column="base")
            return
        seen.add(base)
        base = others[base].base


def remove_scenario(folder: Path, name: str) -> bool:
    """
    Remove a scenario of a study; what it was run to stays until ``dothi gc``.

    Returns
    -------
    bool
        Whether there was one.

    Raises
    ------
    InputError
        Others rest on it.
    """
    resting = [other.name for other in read_scenarios(folder, Problems()).values() if other.base == name != TODAY]
    if resting:
        problems = Problems()
        problems.error("no other scenario rests on it", column=name, rows=resting)
        problems.raise_errors()
    listed = {path.stem: path for path in (folder / "scenarios").glob("*.toml")}  # a name leads nowhere else
    if name not in listed:
        return False
    listed[name].unlink(missing_ok=True)
    return True
