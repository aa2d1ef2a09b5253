"""Electricity grids of OpenDSS: the part of its language that distribution feeders are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dothi.errors import Problems
from dothi.io.files import check_file
from dothi.shapes import Floats

if TYPE_CHECKING:
    from dothi.crs import Extent

METRES: Final = {"mi": 1609.344, "kft": 304.8, "km": 1000.0, "m": 1.0, "ft": 0.3048, "in": 0.0254, "cm": 0.01}
READ: Final = ("circuit", "vsource", "line", "linecode", "transformer", "load", "capacitor")
SILENT: Final = ("regcontrol", "energymeter", "monitor", "loadshape")
"""Elements that say nothing of the grid itself."""
COMMANDS: Final = re.compile(
    r"(clear|solve|calcv\w*|show|plot|interpolate|export|closedi|compile|buscoords|batchedit|set|redirect|edit|new|~|more)\b|~",
    re.IGNORECASE,
)
_PAIR: Final = re.compile(r"""(?:([%\w.\-]+)\s*=\s*)?(\[[^\]]*\]|\([^)]*\)|\{[^}]*\}|"[^"]*"|'[^']*'|[^\s,=]+)""")


@dataclass
class Element:
    """One element: its class and name, and its properties in order, names in small letters."""

    kind: str
    name: str
    given: list[tuple[str, str]] = field(default_factory=list)

    def get(self, *names: str) -> str | None:
        """Last value given for one of some names."""
        found = [value for key, value in self.given if key in names]
        return found[-1] if found else None

    def number(self, name: str, usual: float = np.nan) -> float:
        """Last number given; the usual one where there is none."""
        value = self.get(name)
        return usual if value is None else number(value)


@dataclass
class Script:
    """
    Elements of a script, in order, and what else it says.

    Attributes
    ----------
    elements
        Elements by class and name.
    places
        Coordinates of buses.
    hertz
        Frequency [Hz].
    """

    elements: dict[tuple[str, str], Element] = field(default_factory=dict)
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    hertz: float = 60.0

    def all(self, kind: str) -> list[Element]:
        """Elements of one class."""
        return [element for (known, _), element in self.elements.items() if known == kind]


def number(text: str) -> float:
    """Number, which may be written in reverse Polish notation such as ``(8 1000 /)``."""
    stack: list[float] = []
    for word in text.strip("()[]{}\"' ").replace(",", " ").split():
        if word in ("+", "-", "*", "/") and len(stack) > 1:
            b, a = stack.pop(), stack.pop()
            stack.append({"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else np.nan}[word])
        else:
            stack.append(float(word))
    return stack[-1]


def words(text: str) -> list[str]:
    """Entries of a list such as ``[a b, c]``."""
    return text.strip("()[]{}\"' ").replace(",", " ").split()


def matrix(text: str, n: int) -> Floats:
    """Symmetric matrix of which the lower triangle is written, rows divided by bars."""
    found = np.zeros((n, n))
    for i, row in enumerate(text.strip("()[]{}\"' ").split("|")):
        for j, value in enumerate(words(row)[: i + 1]):
            found[i, j] = found[j, i] = float(value)
    return found


def read_script(path: Path, problems: Problems) -> Script:
    """
    Elements of a script of OpenDSS and of those that it redirects to.

    Raises
    ------
    InputError
        A file is missing, or a line cannot be read.
    """
    script = Script()
    _read(path, script, problems, [])
    problems.raise_errors()
    if not script.all("circuit"):
        problems.error("holds a circuit (New Circuit. …)")
    others = sorted({kind for kind, _ in script.elements if kind not in (*READ, *SILENT)})
    if others:
        problems.note("elements were left out: classes that are not read", rows=others)
    problems.raise_errors()
    return script


def _read(path: Path, script: Script, problems: Problems, last: list[Element]) -> None:
    found = next((file for file in path.parent.glob("*") if file.name.lower() == path.name.lower()), path)
    check_file(found, problems)
    if problems.errors:
        return
    text = re.sub(r"/\*.*?\*/", "", found.read_text(encoding="latin-1"), flags=re.DOTALL)
    for n_line, raw in enumerate(text.splitlines(), start=1):
        line = re.split(r"!|//", raw, maxsplit=1)[0].strip()
        if not line:
            continue
        try:
            _obey(line, found, script, problems, last)
        except (ValueError, IndexError, KeyError):
            problems.error(f"is a line of a subset of OpenDSS: {line[:60]}", rows=[f"{found.name}:{n_line}"])


def _obey(line: str, path: Path, script: Script, problems: Problems, last: list[Element]) -> None:
    """Follow one line."""
    pairs = [
        (key.lower(), value) for key, value in _PAIR.findall(line.replace("~", " ", 1) if line[0] == "~" else line)
    ]
    verb = pairs[0][1].lower() if pairs and not pairs[0][0] else ""
    if line[0] == "~" or verb == "more":
        last[-1].given += [pair for pair in pairs if pair[0]]
    elif verb == "new":
        key, value = pairs[1]
        kind, _, name = (value if key in ("", "object") else f"{key}={value}").strip("\"'").lower().partition(".")
        element = Element(kind, name)
        for key, value in pairs[2:]:
            if key == "like":
                element.given += script.elements[kind, value.lower()].given
            elif key:
                element.given.append((key, value))
        script.elements[kind, name] = element
        last.append(element)
    elif verb in ("redirect", "compile"):
        _read(path.parent / pairs[1][1].strip("\"'()").replace("\\", "/"), script, problems, last)
    elif verb == "edit":
        kind, _, name = pairs[1][1].lower().partition(".")
        key = (kind, name) if (kind, name) in script.elements else ("circuit", script.all("circuit")[0].name)
        script.elements[key].given += [pair for pair in pairs[2:] if pair[0]]
    elif verb == "buscoords":
        script.places |= _coordinates(path.parent / pairs[1][1].strip("\"'"))
    elif verb == "set":
        script.hertz = next((number(value) for key, value in pairs if key == "defaultbasefrequency"), script.hertz)
    elif pairs and pairs[0][0].count(".") == 2:
        kind, name, what = pairs[0][0].split(".")
        script.elements[kind, name].given += [(what, pairs[0][1]), *pairs[1:]]
    elif not COMMANDS.match(line):
        raise ValueError(line)


def _coordinates(path: Path) -> dict[str, tuple[float, float]]:
    file = next((file for file in path.parent.glob("*") if file.name.lower() == path.name.lower()), None)
    found = {}
    for line in file.read_text(encoding="latin-1").splitlines() if file else ():
        entries = line.replace(",", " ").split()
        if len(entries) > 2:
            found[entries[0].lower()] = (float(entries[1]), float(entries[2]))
    return found


def bus_of(text: str, n: int = 3) -> tuple[str, tuple[int, ...]]:
    """Name of a bus, and the phases that are connected, from 0; the first n where none are named."""
    name, *phases = text.strip("\"' ").lower().split(".")
    named = tuple(int(phase) - 1 for phase in phases if phase != "0")
    return name, named[:n] or tuple(range(n))


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """A line: its buses and phases, series impedance [Ω] and capacitance [F] between them, and its rating [A]."""

    name: str
    one: str
    other: str
    phases: tuple[int, ...]
    impedance: NDArray[np.complex128]
    capacitance: Floats
    length_m: float
    rating_a: float


def phase_lines(script: Script) -> Iterator[PhaseLine]:
    """Lines of a script, with what their line codes say."""
    for line in script.all("line"):
        code = script.elements.get(("linecode", (line.get("linecode") or "").lower()))
        n = int(line.number("phases", code.number("nphases", 3.0) if code else 3.0))
        one, phases = bus_of(line.get("bus1") or "", n)
        other, _ = bus_of(line.get("bus2") or "", n)
        r, x, c = _matrices(code or line, n)
        own, its = (line.get("units") or "").lower(), ((code.get("units") if code else "") or "").lower()
        length = 1.0 if (line.get("switch") or "n").lower()[0] in "yt" else line.number("length", 1.0)
        times = length * METRES.get(own, 1.0) / METRES.get(its, METRES.get(own, 1.0))
        metres = length * METRES.get(own, METRES.get(its, 1.0))
        rating = line.number("normamps", code.number("normamps") if code else np.nan)
        impedance = np.asarray((r + 1j * x) * times, dtype=complex)
        yield PhaseLine(line.name, one, other, phases, impedance, c * 1e-9 * times, metres, rating)


def _matrices(element: Element, n: int) -> tuple[Floats, Floats, Floats]:
    """Resistance, reactance [Ω] and capacitance [nF] per length, from matrices or from sequences."""
    if element.get("rmatrix"):
        text = element.get("cmatrix")
        capacitance = np.zeros((n, n)) if text is None else matrix(text, n)
        return matrix(element.get("rmatrix") or "", n), matrix(element.get("xmatrix") or "", n), capacitance
    usual = {"r1": 0.058, "x1": 0.1206, "r0": 0.1784, "x0": 0.4047, "c1": 3.4, "c0": 1.6}
    if element.kind == "linecode" or element.get("r1"):
        usual |= {"c1": 0.0, "c0": 0.0}
    value = {name: element.number(name, usual[name]) for name in usual}
    eye, ones = np.eye(n), np.ones((n, n))

    def both(one: float, zero: float) -> Floats:
        return np.asarray(eye * one + ones * (zero - one) / 3.0) if n > 1 else np.array([[(2.0 * one + zero) / 3.0]])

    return both(value["r1"], value["r0"]), both(value["x1"], value["x0"]), both(value["c1"], value["c0"])


@dataclass(frozen=True, slots=True)
class Winding:
    """A winding: its bus and phases, whether it is in delta, voltage [V], power [VA], resistance [1], tap [1]."""

    bus: str
    phases: tuple[int, ...]
    delta: bool
    volt: float
    va: float
    resistance: float
    tap: float


def windings_of(element: Element) -> tuple[int, list[Winding], float]:
    """Phases and windings of a transformer, and the reactance between the first two [1]."""
    columns: dict[str, list[str]] = {}
    many = {"buses": "bus", "conns": "conn", "kvs": "kv", "kvas": "kva", "%rs": "%r", "taps": "tap"}
    at = 0
    for key, value in element.given:
        if key == "wdg":
            at = int(number(value)) - 1
        elif key in many:
            for place, text in enumerate(words(value)):
                _put(columns, many[key], place, text)
        elif key in many.values():
            _put(columns, key, at, value)
    n = int(element.number("phases", 3.0))
    loss = element.number("%loadloss")
    usual = {
        "conn": "wye",
        "kv": "12.47",
        "kva": "1000",
        "%r": str(loss / 2.0 if np.isfinite(loss) else 0.2),
        "tap": "1",
    }

    def entry(name: str, place: int) -> str:
        listed = columns.get(name, [])
        return listed[place] if place < len(listed) and listed[place] else usual[name]

    found = []
    for place in range(2):
        bus, phases = bus_of(columns["bus"][place], 3 if n == 3 else 2)
        delta = entry("conn", place).lower().startswith(("d", "ll"))
        kv, kva, r, tap = (number(entry(name, place)) for name in ("kv", "kva", "%r", "tap"))
        named = phases if "." in columns["bus"][place] or n == 3 else (0,)
        found.append(Winding(bus, named, delta, kv * 1e3, kva * 1e3, r / 100.0, tap))
    return n, found, element.number("xhl", 7.0) / 100.0


def _put(columns: dict[str, list[str]], name: str, place: int, value: str) -> None:
    listed = columns.setdefault(name, [])
    listed += [""] * (place + 1 - len(listed))
    listed[place] = value


@dataclass(frozen=True, slots=True)
class PhaseLoad:
    """A load: its bus, between which phases (one of them: and ground), power [VA], voltage [V], and exponents."""

    bus: str
    phases: tuple[int, ...]
    power: complex
    volt: float
    p_exponent: float
    q_exponent: float


EXPONENTS: Final = {1: (0.0, 0.0), 2: (2.0, 2.0), 4: (1.0, 2.0), 5: (1.0, 1.0)}
"""Powers of voltage that active and reactive power go with, by model of load."""


def phase_loads(script: Script) -> Iterator[PhaseLoad]:
    """Loads and capacitors, those of three phases as three of them."""
    for element in (*script.all("load"), *script.all("capacitor")):
        n = int(element.number("phases", 3.0))
        bus, phases = bus_of(element.get("bus1", "bus") or "", n if n > 1 else 2)
        delta = (element.get("conn") or "wye").lower().startswith(("d", "ll"))
        kv = element.number("kv", 12.47) * 1e3
        if element.kind == "capacitor":
            power, exponents = -1j * element.number("kvar", 1200.0) * 1e3, (2.0, 2.0)
        else:
            power, exponents = _power(element), EXPONENTS[int(element.number("model", 1.0))]
        if n == 1:
            yield PhaseLoad(bus, phases if delta else phases[:1], power, kv, *exponents)
            continue
        pairs = [(phases[k], phases[(k + 1) % n]) if delta else (phases[k],) for k in range(n)]
        volt = kv if delta else kv / np.sqrt(3.0)
        for pair in pairs:
            yield PhaseLoad(bus, pair, power / n, volt, *exponents)


def _power(element: Element) -> complex:
    kw = element.number("kw", 10.0)
    if element.get("kvar") is not None:
        return complex(kw, element.number("kvar")) * 1e3
    factor = element.number("pf", 0.88)
    return complex(kw, kw * np.tan(np.arccos(abs(factor))) * np.sign(factor)) * 1e3


def source_of(script: Script) -> tuple[str, float, float, complex]:
    """Bus of the source, its voltage between phases [V] and over that [1], and its impedance [Ω]."""
    circuit = script.all("circuit")[0]
    bus, _ = bus_of(circuit.get("bus1") or "sourcebus")
    kv = circuit.number("basekv", 115.0)
    short = circuit.number("mvasc3", 2000.0)
    if circuit.get("isc3") is not None:
        short = np.sqrt(3.0) * kv * circuit.number("isc3") / 1e3
    angle = np.arctan(circuit.number("x1r1", 4.0))
    return bus, kv * 1e3, circuit.number("pu", 1.0), kv**2 / short * complex(np.cos(angle), np.sin(angle))


def read_opendss(
    path: Path, problems: Problems, *, crs: str | None = None, extent: Extent | None = None
) -> dict[str, Any]:
    """
    Nodes, lines and transformers of a feeder of OpenDSS, as for symmetric currents.

    Parameters
    ----------
    path
        Script; what it redirects to is found beside it.
    problems
        Collector.
    crs
        Reference system of its coordinates; longitude and latitude where None.
    extent
        Not used: a grid is read whole.

    Raises
    ------
    InputError
        A line cannot be read, there is no circuit, or buses have no coordinates.
    """
    from dothi.crs import LONLAT
    from dothi.io.grid_tables import as_city_tables
    from dothi.io.opendss_balanced import grid_of_script

    del extent
    return as_city_tables(grid_of_script(read_script(path, problems), problems), crs or LONLAT, problems)
