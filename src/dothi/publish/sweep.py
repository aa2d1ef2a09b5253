"""A sweep as files: its members, quantiles, tornado plot and a page that says what it found."""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import jinja2
import numpy as np

from dothi.indicators import KPIS
from dothi.io.files import replacing, write_text
from dothi.publish.comparison import share, shown
from dothi.sweep.design import MIDDLE
from dothi.sweep.ensemble import QUANTILES, Ensemble

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOW_COLOUR: Final = "#6f7fb2"
HIGH_COLOUR: Final = "#d2903c"
INK: Final = "#2b2f36"
SOFT: Final = "#7b818b"
BARS: Final = 8
"""Parameters shown in one tornado, the widest."""
DPI: Final = 130
REPORT: Final = "report.html"


def as_plain(ensemble: Ensemble) -> dict[str, Any]:
    """What a sweep gave, for programs."""
    return {
        "plan": ensemble.plan.model_dump(mode="json"),
        "members": len(ensemble.values),
        "sample": len(ensemble.design.sample),
        "indicators": {kpi: _facts(ensemble, kpi) for kpi in ensemble.indicators},
    }


def _facts(ensemble: Ensemble, kpi: str) -> dict[str, Any]:
    spread = ensemble.spread(kpi)
    quantiles = {f"p{100 * at:02.0f}": _finite(value) for at, value in zip(QUANTILES, spread.quantiles, strict=True)}
    return {
        "name": dict(KPIS[kpi].name),
        "unit": KPIS[kpi].unit,
        "n": spread.n,
        "missing": spread.missing,
        "mean": _finite(spread.mean),
        **quantiles,
        "tornado": {
            name: {
                "low_at": swing.low_at,
                "high_at": swing.high_at,
                "low": swing.low,
                "middle": swing.middle,
                "high": swing.high,
            }
            for name, swing in ensemble.swings(kpi).items()
        },
        "influence": {
            name: {
                "rank_correlation": influence.rank_correlation,
                "first_order": influence.first_order,
                "total": influence.total,
            }
            for name, influence in ensemble.influence(kpi).items()
        },
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def write_sweep(ensemble: Ensemble, folder: Path, *, city: str, language: str = "en") -> Path:
    """
    Write ``members.csv``, ``quantiles.csv``, ``sweep.json``, ``tornado.png`` and a page with all of it.

    Parameters
    ----------
    ensemble
        What a sweep gave.
    folder
        Where to.
    city
        Name of the city.
    language
        Language of the page: ``en``, ``fr`` or ``vi``.

    Returns
    -------
    pathlib.Path
        The page.
    """
    import pandas as pd

    plain = as_plain(ensemble)
    design = ensemble.design
    sample = set(design.sample)
    members = [
        {"member": name, "in_sample": name in sample, **design.settings[name]}
        | {kpi: values.get(kpi) for kpi in ensemble.indicators}
        for name, values in ensemble.values.items()
    ]
    numbers = ("n", "missing", "mean", *(f"p{100 * at:02.0f}" for at in QUANTILES))
    quantiles = [
        {"id": kpi, "indicator": KPIS[kpi].name[language], "unit": KPIS[kpi].unit_in(language)}
        | {number: facts[number] for number in numbers}
        for kpi, facts in plain["indicators"].items()
    ]
    for name, rows in (("members", members), ("quantiles", quantiles)):
        text = pd.DataFrame(rows).to_csv(index=False, lineterminator="\n")
        write_text(folder / f"{name}.csv", "\ufeff" + text)
    write_text(folder / "sweep.json", json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
    picture = folder / "tornado.png"
    if ensemble.varied:
        draw_tornado(ensemble, picture, language)
    else:
        picture.unlink(missing_ok=True)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("dothi.publish"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"shown": shown, "share": share}
    page = environment.get_template("sweep.html.jinja").render(
        city=city, language=language, plan=ensemble.plan, sweep=plain, varied=ensemble.varied, numbers=numbers,
        words=WORDS[language], title=getattr(ensemble.plan.title, language),
        units={kpi: KPIS[kpi].unit_in(language) for kpi in ensemble.indicators},
        picture=base64.b64encode(picture.read_bytes()).decode("ascii") if picture.is_file() else "",
    )  # fmt: skip
    write_text(folder / REPORT, page)
    return folder / REPORT


WORDS: Final = {
    "en": {
        "varied": "What was varied",
        "spread": "How sure the indicators are",
        "members": "{} members, {} of them in the sample.",
        "constant": "Did not change: {}.",
        "depends": "What they depend on",
        "tornado": "Each parameter low and high (5 % and 95 % of what it may be), all others in the middle.",
        "indicator": "Indicator",
        "unit": "Unit",
        "parameter": "Parameter",
        "rank": "Rank correlation",
        "first": "First order",
        "total": "Total",
        "mean": "mean",
        "missing": "missing",
    },
    "fr": {
        "varied": "Ce qui varie",
        "spread": "Fiabilité des indicateurs",
        "members": "{} membres, dont {} dans l’échantillon.",
        "constant": "Sans changement : {}.",
        "depends": "Ce dont ils dépendent",
        "tornado": "Chaque paramètre bas puis haut (5 % et 95 % de ce qu’il peut valoir), les autres au milieu.",
        "indicator": "Indicateur",
        "unit": "Unité",
        "parameter": "Paramètre",
        "rank": "Corrélation des rangs",
        "first": "Premier ordre",
        "total": "Total",
        "mean": "moyenne",
        "missing": "manquants",
    },
    "vi": {
        "varied": "Những gì thay đổi",
        "spread": "Độ chắc chắn của các chỉ tiêu",
        "members": "{} phương án thử, trong đó {} thuộc mẫu.",
        "constant": "Không thay đổi: {}.",
        "depends": "Các chỉ tiêu phụ thuộc vào đâu",
        "tornado": "Từng tham số ở mức thấp và mức cao (5 % và 95 % khoảng có thể), các tham số khác ở giữa.",
        "indicator": "Chỉ tiêu",
        "unit": "Đơn vị",
        "parameter": "Tham số",
        "rank": "Tương quan hạng",
        "first": "Bậc nhất",
        "total": "Toàn phần",
        "mean": "trung bình",
        "missing": "thiếu",
    },
}


def draw_tornado(ensemble: Ensemble, path: Path, language: str = "en") -> None:
    """
    Draw a tornado for every indicator that is not the same in all members.

    Parameters
    ----------
    ensemble
        What a sweep gave.
    path
        PNG file.
    language
        Language of the names.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kpis = ensemble.varied
    columns = 1 if len(kpis) == 1 else 2
    rows = math.ceil(len(kpis) / columns)
    bars = min(len(ensemble.plan.vary), BARS)
    figure = Figure(figsize=((9.0, 12.4)[columns - 1], rows * (1.5 + 0.42 * bars)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    for position, kpi in enumerate(kpis):
        axes = figure.add_subplot(rows, columns, position + 1)
        _draw_one(axes, ensemble, kpi, language)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def _draw_one(axes: Axes, ensemble: Ensemble, kpi: str, language: str) -> None:
    swings = dict(list(ensemble.swings(kpi).items())[:BARS])
    middle = ensemble.values[ensemble.design.one_at_a_time["", MIDDLE]].get(kpi)
    axes.set_title(KPIS[kpi].name[language], loc="left", fontsize=10, color=INK, fontweight="bold")
    axes.set_xlabel(f"{KPIS[kpi].unit_in(language)}   ({kpi})", fontsize=8, color=SOFT)
    places = np.arange(len(swings))[::-1]
    for place, swing in zip(places, swings.values(), strict=True):
        if middle is None or swing.low is None or swing.high is None:
            continue
        for value, at, colour in ((swing.low, swing.low_at, LOW_COLOUR), (swing.high, swing.high_at, HIGH_COLOUR)):
            axes.barh(place, value - middle, left=middle, height=0.62, color=colour, alpha=0.92)
            if value != middle:
                outward = 1 if value > middle else -1
                axes.annotate(
                    _at(at), (value, place), xytext=(4 * outward, 0), textcoords="offset points",
                    ha="left" if outward > 0 else "right", va="center", fontsize=7.5, color=SOFT,
                )  # fmt: skip
    axes.set_yticks(places, list(swings), fontsize=8.5, color=INK)
    axes.set_ylim(-0.6, len(swings) - 0.4)
    axes.margins(x=0.22)
    if middle is not None:
        axes.axvline(middle, color=INK, linewidth=0.9)
    axes.tick_params(axis="x", labelsize=8, colors=SOFT)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#cfcac0")


def _at(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
