"""The written sheets of a hand-over: comparison, assumptions and provenance, for people, in three languages."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import jinja2
from markupsafe import Markup, escape

from dothi import __version__
from dothi.chain import STAGES
from dothi.overview import LANGUAGES
from dothi.publish import comparison as compared
from dothi.record import parameters
from dothi.scenario import lineage
from dothi.status import STATUSES

if TYPE_CHECKING:
    from dothi.overview import ComparisonFacts, Overview

SHEETS: Final = ("city", "comparison", "assumptions", "provenance")
MOST_BARS: Final = 14
"""Indicators in a chart: those that change most."""

WORDS: Final = {
    "en": {
        "city": "3D city",
        "comparison": "Comparison",
        "assumptions": "Assumptions",
        "provenance": "Provenance",
        "old": "This browser is too old for the 3D view: one from 2023 or later shows it. The other sheets work.",
        "not_run": "Nothing was simulated for this page.",
        "whole": "The whole city",
        "scenarios": "Scenarios",
        "no_change": "The city as it is.",
        "sources": "Data",
        "source": "Source",
        "licence": "Licence",
        "date": "As of",
        "methods": "Where values come from",
        "methods_lead": "Share of values that is known, and how they came about. Confidence is 1 less the expected "
        "relative error; for classes, the expected share that is right.",
        "column": "Column",
        "known": "known",
        "measured": "measured",
        "modelled": "modelled",
        "entered": "entered",
        "estimated": "estimated",
        "confidence": "confidence",
        "how": "Methods",
        "models": "Simulations and their parameters",
        "parameter": "Parameter",
        "indicators": "Indicators",
        "formula": "Computed as",
        "provenance_lead": "With these checksums anybody can see whether data and results are the same.",
        "grid": "Grid",
        "city_key": "City",
        "file": "File",
        "result_key": "Result",
        "code": "Code",
        "versions": "Versions",
        "chart": "Change of indicators that change most, in percent of the first scenario",
    },
    "fr": {
        "city": "Ville en 3D",
        "comparison": "Comparaison",
        "assumptions": "Hypothèses",
        "provenance": "Provenance",
        "old": "Ce navigateur est trop ancien pour la vue 3D : il en faut un de 2023 ou plus récent. Les autres volets "
        "restent lisibles.",
        "not_run": "Rien n’a été simulé pour cette page.",
        "whole": "Toute la ville",
        "scenarios": "Scénarios",
        "no_change": "La ville telle qu’elle est.",
        "sources": "Données",
        "source": "Source",
        "licence": "Licence",
        "date": "État au",
        "methods": "D’où viennent les valeurs",
        "methods_lead": "Part des valeurs connues et manière dont elles ont été obtenues. La confiance vaut 1 moins "
        "l’erreur relative attendue ; pour les classes, la part attendue de réponses justes.",
        "column": "Colonne",
        "known": "connu",
        "measured": "mesuré",
        "modelled": "modélisé",
        "entered": "saisi",
        "estimated": "estimé",
        "confidence": "confiance",
        "how": "Méthodes",
        "models": "Simulations et paramètres",
        "parameter": "Paramètre",
        "indicators": "Indicateurs",
        "formula": "Mode de calcul",
        "provenance_lead": "Ces sommes de contrôle permettent à chacun de vérifier que données et résultats sont les "
        "mêmes.",
        "grid": "Projection",
        "city_key": "Ville",
        "file": "Fichier",
        "result_key": "Résultat",
        "code": "Code",
        "versions": "Versions",
        "chart": "Évolution des indicateurs qui changent le plus, en pourcentage du premier scénario",
    },
    "vi": {
        "city": "Đô thị 3D",
        "comparison": "So sánh",
        "assumptions": "Giả định",
        "provenance": "Nguồn gốc",
        "old": "Trình duyệt này quá cũ cho chế độ xem 3D: cần bản từ năm 2023 trở đi. Các trang khác vẫn đọc được.",
        "not_run": "Trang này không có kết quả mô phỏng.",
        "whole": "Toàn thành phố",
        "scenarios": "Phương án",
        "no_change": "Hiện trạng.",
        "sources": "Dữ liệu",
        "source": "Nguồn",
        "licence": "Giấy phép",
        "date": "Thời điểm",
        "methods": "Giá trị có được từ đâu",
        "methods_lead": "Tỷ lệ giá trị đã biết và cách có được chúng. Độ tin cậy bằng 1 trừ sai số tương đối dự kiến; "
        "với phân loại, là tỷ lệ đúng dự kiến.",
        "column": "Cột",
        "known": "đã biết",
        "measured": "đo đạc",
        "modelled": "mô hình",
        "entered": "nhập tay",
        "estimated": "ước tính",
        "confidence": "tin cậy",
        "how": "Phương pháp",
        "models": "Mô phỏng và tham số",
        "parameter": "Tham số",
        "indicators": "Chỉ tiêu",
        "formula": "Cách tính",
        "provenance_lead": "Với các mã kiểm tra này, ai cũng có thể xác minh dữ liệu và kết quả là một.",
        "grid": "Hệ tọa độ",
        "city_key": "Thành phố",
        "file": "Tệp",
        "result_key": "Kết quả",
        "code": "Mã nguồn",
        "versions": "Phiên bản",
        "chart": "Các chỉ tiêu thay đổi nhiều nhất, tính theo phần trăm của phương án đầu",
    },
}
_MARKS: Final = {"en": (",", "."), "fr": ("\u202f", ","), "vi": (".", ",")}


def in_language(text: str, language: str) -> str:
    """Number written the English way as a language writes it."""
    thousands, decimal = _MARKS[language]
    return text.translate({ord(","): thousands, ord("."): decimal})


def shown(value: float | None, language: str) -> str:
    """Number with as many digits as it is worth."""
    return in_language(compared.shown(value), language)


def signed(value: float | None, language: str) -> str:
    """Difference with its sign."""
    return in_language(compared.signed(value), language)


def share(value: float | None, language: str) -> str:
    """Relative difference in percent."""
    return in_language(compared.share(value), language)


def percent(value: float, language: str) -> str:
    """Share in whole percent; what is not nothing is not called nothing."""
    whole = f"{value:.0%}" if value >= 0.01 or not value else "<1%"
    return whole.replace("%", "\u202f%") if language == "fr" else whole


def paper(overview: Overview, names: Sequence[str], **given: Any) -> str:
    """
    The page of a hand-over.

    Parameters
    ----------
    overview
        The study.
    names
        Scenarios that the page carries, today's first.
    given
        What the template needs besides: nonce, icon, app_style, data, code, boot.
    """
    ran = [name for name in names if overview.state(name) == "up to date"]
    city = overview.current.city
    comparison = overview.compare(ran, by_ward=True) if ran else None
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dothi.publish"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"shown": shown, "signed": signed, "share": share, "percent": percent}
    sources = list(city.provenance.get("sources", ()))
    words = {language: {**compared.WORDS[language], **WORDS[language]} for language in LANGUAGES}
    return environment.get_template("handover.html.jinja").render(
        city=overview.study.config.name,
        version=__version__,
        crs=city.crs,
        city_key=overview.current.folder.name,
        languages=LANGUAGES,
        sheets=SHEETS,
        words=words,
        statuses=STATUSES,
        comparison=comparison,
        chart=partial(_chart, words=words),
        entries=overview.study_facts(names).cities,
        notes={entry.name: entry.notes for entry in overview.scenario_list(names).scenarios},
        sources=sources,
        checksums=[
            pair for source in sources for pair in _checksums(source.get("sha256"), str(source.get("path", "")))
        ],
        methods=_methods(overview),
        models=_models(overview, names),
        records={name: _records(overview, name) for name in names},
        **given,
    )


def _checksums(sums: Any, path: str) -> list[tuple[str, str]]:
    if isinstance(sums, Mapping):
        return [(str(name), str(value)) for name, value in sums.items()]
    return [(path, str(sums))] if sums else []


def _methods(overview: Overview) -> list[dict[str, Any]]:
    """How the values of every column of today's city came about."""
    rows = []
    for table, facts in overview.current.catalogue().tables.items():
        for name, column in facts.columns.items():
            rows.append(
                {
                    "table": table,
                    "column": name,
                    "known": (1.0 - column.missing / facts.rows) if facts.rows else 0.0,
                    "statuses": {status: column.statuses.get(status, 0.0) for status in STATUSES},
                    "confidence": column.confidence,
                    "methods": [method.method for method in column.methods],
                }
            )
    return rows


def _models(overview: Overview, names: Sequence[str]) -> list[dict[str, Any]]:
    """Simulations with their parameters by scenario."""
    place = overview.place
    used = [name for name in STAGES if any(name in overview.cities[scenario].results for scenario in names)]
    if place is None or not used:
        return []
    given = [parameters(place, lineage(name, overview.scenarios), used) for name in names]
    models = []
    for name in used:
        model = STAGES[name].load()
        fields = type(given[0][name]).model_fields
        models.append(
            {
                "name": name,
                "about": " ".join((model.__doc__ or "").strip().split("\n\n")[0].split()),
                "references": list(model.references),
                "parameters": [
                    {
                        "name": field,
                        "about": facts.description or "",
                        "given": [str(getattr(params[name], field)) for params in given],
                    }
                    for field, facts in fields.items()
                ],
            }
        )
    return models


def _records(overview: Overview, name: str) -> list[dict[str, Any]]:
    """What every result of a scenario was made from."""
    place, found = overview.place, []
    for model, key in overview.cities[name].results.items():
        kept = place.store.find(model, key) if place else None
        if kept is None:
            continue
        made = kept.record.get("produced_by", {})
        inputs = [
            (f"{table}.{column}" if column else str(table), str(value))
            for table, sums in dict(made.get("inputs", {})).items()
            for column, value in (sums.items() if isinstance(sums, Mapping) else (("", sums),))
        ]
        found.append(
            {
                "model": model,
                "key": key,
                "finished": kept.record.get("finished", ""),
                "seconds": float(kept.record.get("seconds", math.nan)),
                "code": made.get("code", ""),
                "versions": ", ".join(
                    f"{what} {which}" for what, which in dict(kept.record.get("versions", {})).items()
                ),
                "inputs": inputs,
            }
        )
    return found


def _chart(comparison: ComparisonFacts, place: int, language: str, words: Mapping[str, Mapping[str, str]]) -> Markup:
    """Bars of how far indicators are from those of the first scenario, longest first; nothing where none changes."""
    cells = comparison.areas[0].cells
    rows = [(kpi, cells[kpi.id][place]) for kpi in comparison.indicators]
    changed = [(kpi, cell, cell.relative) for kpi, cell in rows if cell.relative and cell.verdict != "same"]
    changed = sorted(changed, key=lambda row: -abs(row[2]))[:MOST_BARS]
    if not changed:
        return Markup()
    longest, middle, half, step = abs(changed[0][2]), 700.0, 190.0, 26.0
    title = escape(words[language]["chart"])
    parts = [
        Markup('<svg viewBox="0 0 960 {}" role="img" aria-label="{}"><title>{}</title>').format(
            int(step * len(changed)) + 8, title, title
        )
    ]
    for number, (kpi, cell, relative) in enumerate(changed):
        y = step * number + 4.0
        width = max(half * abs(relative) / longest, 1.0)
        left = middle if relative > 0.0 else middle - width
        end = middle + width + 6.0 if relative > 0.0 else middle - width - 6.0
        parts.append(
            Markup(
                '<text x="430" y="{}" text-anchor="end">{}</text>'
                '<rect class="{}" x="{}" y="{}" width="{}" height="18" rx="2"/>'
                '<text x="{}" y="{}" text-anchor="{}">{}</text>'
            ).format(
                round(y + 14, 1),
                _cut(getattr(kpi.name, language)),
                cell.verdict,
                round(left, 1),
                round(y, 1),
                round(width, 1),
                round(end, 1),
                round(y + 14, 1),
                "start" if relative > 0.0 else "end",
                share(relative, language),
            )
        )
    parts.append(Markup('<line x1="{0}" x2="{0}" y1="0" y2="{1}"/></svg>').format(middle, int(step * len(changed)) + 8))
    return Markup().join(parts)


def _cut(text: str, most: int = 58) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
