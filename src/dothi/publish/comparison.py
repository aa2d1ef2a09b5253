"""A comparison of scenarios as a file: a table for spreadsheets, or a page for people."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2

from dothi.errors import InputError, Problem
from dothi.evaluate import CITY
from dothi.io.files import write_text
from dothi.rules import told

if TYPE_CHECKING:
    from dothi.compare import Comparison

WORDS: Final = {
    "en": {
        "title": "Scenarios compared",
        "city": "The whole city",
        "indicator": "Indicator",
        "unit": "Unit",
        "better": "better",
        "worse": "worse",
        "same": "the same",
        "other": "",
        "": "",
        "differs": "What differs from “{}”",
        "nothing": "Nothing.",
        "notes": "To be known",
        "computed": "How the indicators are computed",
        "formula": "Computed as",
        "source": "Source",
        "legend": "Green is better, red is worse, – is missing. All are held against the first.",
        "economy": "Economy",
        "government": "Government",
        "mobility": "Mobility",
        "environment": "Environment",
        "living": "Living",
        "people": "People",
    },
    "fr": {
        "title": "Scénarios comparés",
        "city": "Toute la ville",
        "indicator": "Indicateur",
        "unit": "Unité",
        "better": "mieux",
        "worse": "moins bien",
        "same": "identique",
        "other": "",
        "": "",
        "differs": "Ce qui diffère de « {} »",
        "nothing": "Rien.",
        "notes": "À savoir",
        "computed": "Comment les indicateurs sont calculés",
        "formula": "Mode de calcul",
        "source": "Source",
        "legend": "Vert : mieux ; rouge : moins bien ; – : manquant. Le premier scénario sert de référence.",
        "economy": "Économie",
        "government": "Gouvernance",
        "mobility": "Mobilité",
        "environment": "Environnement",
        "living": "Cadre de vie",
        "people": "Habitants",
    },
    "vi": {
        "title": "So sánh các phương án",
        "city": "Toàn thành phố",
        "indicator": "Chỉ tiêu",
        "unit": "Đơn vị",
        "better": "tốt hơn",
        "worse": "kém hơn",
        "same": "như nhau",
        "other": "",
        "": "",
        "differs": "Khác với “{}”",
        "nothing": "Không có gì.",
        "notes": "Cần biết",
        "computed": "Cách tính các chỉ tiêu",
        "formula": "Cách tính",
        "source": "Nguồn",
        "legend": "Xanh là tốt hơn, đỏ là kém hơn, – là thiếu. Phương án đầu là mốc so sánh.",
        "economy": "Kinh tế",
        "government": "Quản trị",
        "mobility": "Giao thông",
        "environment": "Môi trường",
        "living": "Đời sống",
        "people": "Con người",
    },
}
DIGITS: Final = 4


def shown(value: float | None) -> str:
    """Number with as many digits as it is worth, a dash for none."""
    if value is None or not math.isfinite(value):
        return "–"
    places = max(0, DIGITS - 1 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{min(places, 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def signed(value: float | None) -> str:
    """Difference with its sign."""
    return "–" if value is None else f"{'+' if value > 0 else '−' if value < 0 else '±'}{shown(abs(value))}"


def share(value: float | None) -> str:
    """Relative difference in percent."""
    return "" if value is None else f"{'+' if value > 0 else '−' if value < 0 else '±'}{abs(value):.1%}"


def as_plain(comparison: Comparison) -> dict[str, Any]:
    """Comparison for programs: indicators × scenarios, by area, and what differs."""
    return {
        "scenarios": {
            name: {"title": scenario.title.model_dump(), "year": scenario.year, "base": scenario.base}
            for name, scenario in comparison.scenarios.items()
        },
        "first": comparison.first,
        "differs": {name: dict(words) for name, words in comparison.words.items()},
        "notes": {name: [note.plain for note in notes] for name, notes in comparison.notes.items() if notes},
        "indicators": [
            {
                "area": area,
                "id": kpi.id,
                "domain": kpi.domain,
                "name": dict(kpi.name),
                "unit": kpi.unit,
                "better": kpi.better,
                "status": kpi.status,
                "scenarios": {
                    name: {
                        "value": cell.value,
                        "delta": cell.delta,
                        "relative": cell.relative,
                        "verdict": cell.verdict,
                    }
                    for name, cell in cells.items()
                },
            }
            for area, kpi, cells in comparison.rows()
        ],
    }


def write_comparison(comparison: Comparison, path: Path, *, city: str, language: str = "en") -> None:
    """
    Write a comparison.

    Parameters
    ----------
    comparison
        What is written.
    path
        Ends with ``.csv`` (UTF-8, a row by area, indicator and scenario) or ``.html`` (a page that needs nothing else).
    city
        Name of the city.
    language
        ``en``, ``fr`` or ``vi``.

    Raises
    ------
    InputError
        It ends otherwise.
    """
    match path.suffix.lower():
        case ".csv":
            text = comparison.frame(language).to_csv(index=False, lineterminator="\n")
            write_text(path, "\ufeff" + text)  # without the mark, spreadsheets take UTF-8 for something else
        case ".html" | ".htm":
            write_text(path, _page(comparison, city, language))
        case _:
            raise InputError([Problem("ends with .csv or .html", file=str(path))])


def _page(comparison: Comparison, city: str, language: str) -> str:
    words = WORDS[language]
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dothi.publish"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"shown": shown, "signed": signed, "share": share}
    areas: dict[str, dict[str, list[Any]]] = {}
    for area, kpi, cells in comparison.rows():
        name = words["city"] if area == CITY else area
        areas.setdefault(name, {}).setdefault(words[kpi.domain], []).append((kpi, cells))
    titles = {name: getattr(scenario.title, language) for name, scenario in comparison.scenarios.items()}
    return environment.get_template("comparison.html.jinja").render(
        city=city, language=language, words=words, areas=areas, titles=titles, first=comparison.first,
        differs={name: said[language] for name, said in comparison.words.items()},
        notes={name: [told(note, language) for note in notes] for name, notes in comparison.notes.items()},
        kpis=list({kpi.id: kpi for _, kpi, _ in comparison.rows()}.values()),
    )  # fmt: skip
