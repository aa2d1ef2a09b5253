"""The hand-over: a study as one page that opens from a disk, with no server and no network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from markupsafe import Markup

from dothi import wire
from dothi.catalogue import Catalogue, shown_columns
from dothi.difference import difference_table
from dothi.errors import DothiError, InputError, Problems
from dothi.overview import Overview
from dothi.publish.handover_paper import paper
from dothi.publish.written import Notify, Written, nobody
from dothi.scenario import TODAY
from dothi.shown import make_scene

if TYPE_CHECKING:
    import pyarrow as pa

    from dothi.catalogue import Facts
    from dothi.shown import Shown
    from dothi.study import Study

MOST_PAIRS: Final = 12
"""Pairs of scenarios held against each other; of more scenarios, only those with the first."""
APART: Final = "surfaces"
"""Table that the page leaves out: a third of its size, for rows that no map shows."""
FACES: Final = "faces/"
"""Files of the scene that show that table."""
LARGE_B: Final = 100_000_000
"""Pages above this open slowly [B]."""
_CHUNK: Final = re.compile(r"""(["'`])\./([\w.-]+\.js)\1""")
_WORKER: Final = re.compile(r"""new URL\((["'`])(?:\./)?([\w.-]+\.js)\1,\s*(?:``\+)?import\.meta\.url\)""")
_MODULE: Final = re.compile(r"""(__DOTHI_WORKERS__\[[^\]]*\]\}[^{}]*),\s*\{type:(["'`])module\2\}""")
"""Workers are bundled without imports; started as plain scripts they also run in a page from a disk."""
_PRELOADS: Final = re.compile(r"__vite__mapDeps\(\[[\d,\s]*\]\)")
_URL: Final = re.compile(r"""url\((["']?)\./([\w.-]+)\1\)""")
_TYPES: Final = {".woff2": "font/woff2", ".svg": "image/svg+xml", ".png": "image/png"}


def packed(data: bytes) -> str:
    """Bytes as text, gzip in base64; the same bytes always give the same text."""
    return base64.b64encode(gzip.compress(data, 9, mtime=0)).decode("ascii")


@dataclass
class Files:
    """
    Files that the page carries, by the address that a server has for them.

    Attributes
    ----------
    texts
        Packed files, each once.
    paths
        Place in `texts` by address.
    """

    texts: list[str] = field(default_factory=list)
    paths: dict[str, int] = field(default_factory=dict)
    _known: dict[bytes, int] = field(default_factory=dict)

    def add(self, path: str, data: bytes) -> None:
        """Take a file in; one with the same bytes is carried once."""
        digest = hashlib.sha256(data).digest()
        if digest not in self._known:
            self._known[digest] = len(self.texts)
            self.texts.append(packed(data))
        self.paths[path] = self._known[digest]

    def tell(self, path: str, facts: Facts) -> None:
        """Take in what a server would tell."""
        self.add(path, facts.model_dump_json().encode())


def write_html(study: Study, path: Path, scenarios: Sequence[str] = (), notify: Notify = nobody) -> Written:
    """
    Write a study as one page of HTML.

    Parameters
    ----------
    study
        Study whose city is built.
    path
        File to write.
    scenarios
        Scenarios besides the city as it is; all that were run where there are none.
    notify
        Told of every part.

    Raises
    ------
    InputError
        The city is not built, or scenarios are not known or not run as they are written now: all are named.
    DothiError
        This installation has no web app.
    """
    overview = Overview(study)
    names = chosen(overview, scenarios)
    app = App.read(app_folder())
    notes = []
    carried = Files()
    carried.tell("api/study", overview.study_facts(names))
    carried.tell("api/scenarios", overview.scenario_list(names))
    for name in names:
        notify(overview.title(name).en)
        _add_city(carried, overview.cities[name])
    if all(overview.state(name) == "up to date" for name in names):
        notify("comparison")
        _add_comparisons(carried, overview, names)
    else:
        notes.append("No scenario was run, so the page has no indicators: dothi run makes them.")
    notify("page")
    path.write_text(page(overview, names, app, carried), encoding="utf-8", newline="\n")
    if path.stat().st_size > LARGE_B:
        notes.append("The page is large and opens slowly: fewer scenarios (--scenarios) make it smaller.")
    counts = {name: int(count) for name, count in overview.current.city.counts.items() if count}
    if counts.pop(APART, 0):
        notes.append(f"The table {APART} stays behind: dothi export gpkg writes it.")
    return Written(counts | {"scenarios": len(names)}, notes)


def chosen(overview: Overview, scenarios: Sequence[str]) -> list[str]:
    """
    Scenarios of a hand-over, the city as it is first.

    Raises
    ------
    InputError
        Some are not known, or were not run as they are written now.
    """
    _ = overview.current  # says what is wrong where there is none
    problems = Problems()
    names = [TODAY, *(name for name in dict.fromkeys(scenarios or overview.cities) if name != TODAY)]
    for name in names:
        if name not in overview.scenarios:
            problems.error(f"is a scenario of this study ({', '.join(overview.scenarios)})", column=name[:60])
        elif overview.state(name) != "up to date" and (len(names) > 1 or overview.state(name) == "out of date"):
            problems.error(f"was run as it is written now: dothi run {name}", column=name)
    problems.raise_errors()
    return names


# --- data ---------------------------------------------------------------------------------------------------------


def _add_city(carried: Files, shown: Shown) -> None:
    """Scene, catalogue and columns of a city."""
    scene = make_scene(shown)
    for name in sorted(shown.scene_files):
        if not name.endswith(".gz") and not name.startswith(FACES):
            carried.add(f"api/scenes/{shown.key}/{name}", (scene / name).read_bytes())
    catalogue = _catalogue(shown)
    carried.tell(f"api/cities/{shown.key}/tables", catalogue)
    for name in catalogue.tables:
        table = shown.table(name)
        root = f"api/cities/{shown.key}/tables/{name}?columns="
        for column in table.column_names:
            exact = wire.with_units(wire.plain(table.select([column])), name)
            carried.add(f"{root}{column}", wire.stream(exact))
        for column in (wire.id_of(name), *shown_columns(name, table.schema)):
            _add_codes(carried, f"{root}{column}&encoding=quantised", table.select([column]), name)


def _catalogue(shown: Shown) -> Catalogue:
    tables = shown.catalogue().tables
    return Catalogue(tables={name: facts for name, facts in tables.items() if name != APART})


def _add_codes(carried: Files, address: str, table: pa.Table, name: str) -> None:
    """Columns as codes, but for texts with more different values than there are codes: no map is coloured by these."""
    with suppress(InputError):
        carried.add(address, wire.stream(wire.quantised(table, name)))


def _add_comparisons(carried: Files, overview: Overview, names: Sequence[str]) -> None:
    """Indicators of scenarios side by side, and differences object by object."""
    pairs = list(_pairs(names))
    for together in dict.fromkeys([tuple(names), *pairs, *((name,) for name in names)]):
        told = overview.compare(together, by_ward=True)
        carried.tell(f"api/compare?scenarios={','.join(map(_escaped, together))}&by=ward", told)
    for a, b in pairs:
        first, second = overview.cities[a], overview.cities[b]
        theirs = _catalogue(second).tables
        for table, facts in _catalogue(first).tables.items():
            if facts.geometry is None or table not in theirs:
                continue
            for column in facts.columns:
                address = f"a={_escaped(a)}&b={_escaped(b)}&table={table}&column={column}"
                with suppress(InputError):  # times, and columns that one of them lacks
                    gap = difference_table(first, second, table, column)
                    _add_codes(carried, f"api/compare/difference?{address}", gap, table)


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    every = len(names) * (len(names) - 1) <= MOST_PAIRS
    for a in names:
        for b in names:
            if a != b and (every or names[0] in (a, b)):
                yield a, b


def _escaped(name: str) -> str:
    """Name as JavaScript's ``encodeURIComponent`` writes it."""
    return quote(name, safe="!~*'()")


# --- the app ------------------------------------------------------------------------------------------------------


def app_folder() -> Path:
    """Where the built app lies."""
    return Path(str(files("dothi"))) / "_web"


@dataclass(frozen=True, slots=True)
class App:
    """
    The built app, ready to be carried by a page.

    Attributes
    ----------
    entry
        Name of the module that starts it.
    modules
        Its modules by name: they ask for each other as ``dothi/NAME``, and for workers in ``__DOTHI_WORKERS__``.
    workers
        Scripts of its workers by name.
    style
        Its styles with fonts and pictures inside.
    icon
        Its icon as an address.
    """

    entry: str
    modules: dict[str, str]
    workers: dict[str, str]
    style: str
    icon: str

    @classmethod
    def read(cls, folder: Path) -> App:
        """
        App as Vite built it.

        Raises
        ------
        DothiError
            It is not there.
        """
        try:
            index = (folder / "index.html").read_text(encoding="utf-8")
            scripts = {file.name: file.read_text(encoding="utf-8") for file in sorted(folder.glob("assets/*.js"))}
            styles = [file.read_text(encoding="utf-8") for file in sorted(folder.glob("assets/*.css"))]
        except OSError as error:
            rule = (
                "This installation came without the web app, which the page carries: developers build it with make web."
            )
            raise DothiError(rule) from error
        started = re.search(r'<script type="module"[^>]* src="\./assets/([^"]+)"', index)
        if started is None or started[1] not in scripts:
            raise DothiError("The web app of this installation is damaged: install Dothi again.")
        workers = {found[2] for text in scripts.values() for found in _WORKER.finditer(text)} & set(scripts)
        return cls(
            started[1],
            {name: _alone(text, scripts) for name, text in scripts.items() if name not in workers},
            {name: scripts[name] for name in sorted(workers)},
            "\n".join(_URL.sub(lambda found: f"url({_inline(folder / 'assets' / found[2])})", text) for text in styles),
            _inline(folder / "icon.svg"),
        )


def _alone(script: str, scripts: dict[str, str]) -> str:
    """Module that looks for no file beside itself."""
    script = _PRELOADS.sub("[]", script)
    script = _WORKER.sub(
        lambda found: (
            f"{{href:globalThis.__DOTHI_WORKERS__[{json.dumps(found[2])}]}}" if found[2] in scripts else found[0]
        ),
        script,
    )
    script = _MODULE.sub(r"\1,{}", script)
    return _CHUNK.sub(
        lambda found: f"{found[1]}dothi/{found[2]}{found[1]}" if found[2] in scripts else found[0], script
    )


def _inline(path: Path) -> str:
    """File as an address that holds it."""
    data = base64.b64encode(path.read_bytes()).decode("ascii") if path.is_file() else ""
    return f"data:{_TYPES.get(path.suffix, 'application/octet-stream')};base64,{data}"


# --- the page -----------------------------------------------------------------------------------------------------


def as_json(value: Any) -> Markup:
    """JSON that ends no script and begins no comment, whatever it says."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 - the letters that mean something in HTML are gone


def page(overview: Overview, names: Sequence[str], app: App, carried: Files) -> str:
    """The whole page."""
    code = {
        "entry": app.entry,
        "modules": {name: packed(text.encode()) for name, text in app.modules.items()},
        "workers": {name: packed(text.encode()) for name, text in app.workers.items()},
    }
    data = as_json({"texts": carried.texts, "paths": carried.paths})
    nonce = hashlib.sha256(data.encode()).hexdigest()[:24]
    return paper(
        overview,
        names,
        nonce=nonce,
        icon=app.icon,
        app_style=Markup(app.style.replace("</", "<\\/")),  # noqa: S704 - own styles, which cannot end their element
        data=data,
        code=as_json(code),
        boot=Markup(boot_script()),  # noqa: S704 - own script
    )


@cache
def boot_script() -> str:
    """Script that unpacks the app and starts it."""
    return (Path(str(files("dothi"))) / "publish" / "templates" / "handover.js").read_text(encoding="utf-8")
